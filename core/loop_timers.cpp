#include "core/loop_timers.hpp"

#include <new>
#include <utility>

namespace repartee {
namespace {
constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
}

class LoopTimers::Timer final : public Stream {
 public:
  Timer(LoopTimers& owner, TimePoint when, std::uint64_t which, Task what)
      : due(when), number(which), task(std::move(what)), owner_(owner) {}
  ~Timer() override {
    if (place != nowhere) owner_.take_out(*this);
  }
  // Each stands behind a word that says where its memory goes back to: handles are destroyed by unique_ptr, which knows nothing of it.
  static void* operator new(std::size_t bytes, HandlerMemory& memory) {
    void* const block = memory.take(bytes + prefix_bytes);
    ::new (block) HandlerMemory*(&memory);
    return static_cast<std::byte*>(block) + prefix_bytes;
  }
  static void operator delete(void* timer, std::size_t bytes) noexcept {
    void* const block = static_cast<std::byte*>(timer) - prefix_bytes;
    (*static_cast<HandlerMemory**>(block))->give_back(block, bytes + prefix_bytes);
  }
  static void operator delete(void* timer, HandlerMemory&) noexcept { operator delete(timer, sizeof(Timer)); }

  TimePoint due;
  std::uint64_t number;
  Task task;
  std::size_t place = nowhere;  // in the heap

 private:
  static constexpr std::size_t prefix_bytes = alignof(std::max_align_t);
  LoopTimers& owner_;
};

bool LoopTimers::is_before(const Timer& a, const Timer& b) { return a.due != b.due ? a.due < b.due : a.number < b.number; }

void LoopTimers::put(std::size_t place, Timer* timer) {
  heap_[place] = timer;
  timer->place = place;
}

void LoopTimers::sift_up(std::size_t place) {
  Timer* const timer = heap_[place];
  for (; place > 0 && is_before(*timer, *heap_[(place - 1) / 2]); place = (place - 1) / 2) put(place, heap_[(place - 1) / 2]);
  put(place, timer);
}

void LoopTimers::sift_down(std::size_t place) {
  Timer* const timer = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && is_before(*heap_[child + 1], *heap_[child])) ++child;
    if (!is_before(*heap_[child], *timer)) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, timer);
}

void LoopTimers::take_out(Timer& timer) {
  const std::size_t place = std::exchange(timer.place, nowhere);
  Timer* const last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  put(place, last);
  sift_up(place);
  sift_down(last->place);
}

StreamPtr LoopTimers::add(TimePoint due, Task task) {
  std::unique_ptr<Timer> timer(new (memory_) Timer(*this, due, added_++, std::move(task)));
  heap_.push_back(timer.get());
  timer->place = heap_.size() - 1;
  sift_up(timer->place);
  return timer;
}

std::optional<TimePoint> LoopTimers::next_due() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->due;
}

void LoopTimers::fire(TimePoint now) {
  const std::uint64_t before = added_;
  while (!heap_.empty() && heap_.front()->due <= now && heap_.front()->number < before) {
    Timer& timer = *heap_.front();
    take_out(timer);
    const Task task = std::move(timer.task);  // which may destroy the timer
    task();
  }
}

}  // namespace repartee
