// What /ready says about the database: asked every second by a thread of its own, so that the answer is at once there and never old. A
// database that is there but does not answer (hanging, or behind a dead network) counts as away after `answer_patience`.
// Thread contract: status() from any thread, never blocks. The destructor waits for a question under way.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "persistence/store.hpp"

namespace repartee::commands {

class DatabaseWatch {
 public:
  static constexpr Duration asked_every = std::chrono::seconds(1), answer_patience = std::chrono::seconds(3);

  explicit DatabaseWatch(persistence::Store& store);
  ~DatabaseWatch();
  DatabaseWatch(const DatabaseWatch&) = delete;
  DatabaseWatch& operator=(const DatabaseWatch&) = delete;

  Status status() const;

 private:
  void watch();

  persistence::Store& store_;
  mutable std::mutex mutex_;
  std::condition_variable stop_asked_;
  Status status_;         // under mutex_
  TimePoint asked_at_{};  // under mutex_: of the question under way
  bool asking_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace repartee::commands
