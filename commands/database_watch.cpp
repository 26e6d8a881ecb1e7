#include "commands/database_watch.hpp"

namespace repartee::commands {

DatabaseWatch::DatabaseWatch(persistence::Store& store) : store_(store) {
  if (!store.prepared()) status_ = Error{Errc::unavailable, "away since the start"};
  thread_ = std::thread([this] { watch(); });
}

DatabaseWatch::~DatabaseWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

Status DatabaseWatch::status() const {
  std::lock_guard lock(mutex_);
  const auto waited = SteadyClock::now() - asked_at_;
  if (!asking_ || waited <= answer_patience) return status_;
  return Error{Errc::deadline_exceeded, "no answer for " + std::to_string(to_ms(waited) / 1000) + " s"};
}

void DatabaseWatch::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    asking_ = true;
    asked_at_ = SteadyClock::now();
    lock.unlock();
    auto seen = store_.ready();
    lock.lock();
    asking_ = false;
    status_ = std::move(seen);
    stop_asked_.wait_for(lock, asked_every, [&] { return stopping_; });
  }
}

}  // namespace repartee::commands
