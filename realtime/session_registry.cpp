#include "realtime/session_registry.hpp"

#include <vector>

namespace repartee::realtime {

bool SessionRegistry::add(Loop& loop, const std::string& user_id, std::shared_ptr<LiveSession> session) {
  std::lock_guard lock(mutex_);
  const std::string id = session->id();
  if (!entries_.try_emplace(id, Entry{&loop, user_id, std::move(session)}).second) return false;
  ++by_user_[user_id];
  return true;
}

void SessionRegistry::remove(const std::string& session_id) {
  std::shared_ptr<LiveSession> gone;   // destroyed without the lock
  std::lock_guard lock(mutex_);
  const auto at = entries_.find(session_id);
  if (at == entries_.end()) return;
  if (const auto user = by_user_.find(at->second.user_id); --user->second == 0) by_user_.erase(user);
  gone = std::move(at->second.session);
  entries_.erase(at);
}

std::optional<SessionRegistry::Found> SessionRegistry::find(const std::string& session_id, const std::string& user_id) const {
  std::lock_guard lock(mutex_);
  const auto at = entries_.find(session_id);
  if (at == entries_.end() || at->second.user_id != user_id) return std::nullopt;
  return Found{at->second.loop, at->second.session};
}

std::size_t SessionRegistry::count_of_user(const std::string& user_id) const {
  std::lock_guard lock(mutex_);
  const auto at = by_user_.find(user_id);
  return at == by_user_.end() ? 0 : at->second;
}

void SessionRegistry::for_each(const std::function<void(LiveSession&)>& action) const {
  std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_)
    entry.loop->post([action, session = std::weak_ptr(entry.session)] {
      if (const auto live = session.lock()) action(*live);
    });
}

}  // namespace repartee::realtime
