// The clone of a live conversation: a change of it reaches the next turn.
#include "realtime/session.hpp"

namespace repartee::realtime {

void Session::follow_clone() {
  if (!services_.clones) return;
  clone_watch_ = services_.clones->watch(loop_, start_.clone.id, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->ended_) return;
    self->services_.clones->find(self->loop_, self->start_.clone.id, self->start_.user_id, [weak](Result<CloneRecord> clone) {
      if (const auto told = weak.lock(); told && clone)
        told->next_clone_ = std::move(*clone);  // removed: the conversation goes on with what it has
    });
  });
}

void Session::adopt_clone() {
  if (next_clone_) start_.clone = std::move(*std::exchange(next_clone_, std::nullopt));
}

}  // namespace repartee::realtime
