// The sessions that are alive, by id: connected, or waiting for their client to come back. It owns them.
// Thread contract: add and remove on the session's loop; the rest from any thread. A session is destroyed on its loop, or with the registry
// once the loops have stopped; therefore nobody else keeps a shared_ptr of one beyond a task on its loop.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "realtime/live_session.hpp"

namespace repartee::realtime {

class SessionRegistry {
 public:
  struct Found {
    Loop* loop = nullptr;                      // where it lives: post there
    std::weak_ptr<LiveSession> session;
  };

  bool add(Loop& loop, const std::string& user_id, std::shared_ptr<LiveSession> session);   // false: one with this id is alive
  void remove(const std::string& session_id);
  std::optional<Found> find(const std::string& session_id, const std::string& user_id) const;   // nullopt also for another user's
  std::size_t count_of_user(const std::string& user_id) const;
  // Runs on the loop of each, soon.
  void for_each(const std::function<void(LiveSession&)>& action) const;

 private:
  struct Entry {
    Loop* loop;
    std::string user_id;
    std::shared_ptr<LiveSession> session;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<std::string, std::size_t> by_user_;
};

}  // namespace repartee::realtime
