// A Loop whose clock stands until the test moves it. Runs everything on the test's own thread.
#pragma once
#include <deque>
#include <map>
#include <mutex>

#include "core/loop.hpp"

namespace repartee::test {

class ManualLoop final : public Loop {
 public:
  void post(Task task) override {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  TimePoint now() const override { return now_; }
  StreamPtr after(Duration delay, Task task) override {
    auto alive = std::make_shared<Task>(std::move(task));
    timers_.emplace(now_ + delay, alive);
    return std::make_unique<Handle>(std::move(alive));
  }

  // Runs what is posted, until nothing is.
  void run() {
    for (;;) {
      Task task;
      {
        std::lock_guard lock(mutex_);
        if (posted_.empty()) return;
        task = std::move(posted_.front());
        posted_.pop_front();
      }
      task();
    }
  }
  // Moves the clock, firing timers in order and running what they post.
  void advance(Duration by) {
    const TimePoint until = now_ + by;
    run();
    while (!timers_.empty() && timers_.begin()->first <= until) {
      auto [at, weak] = *timers_.begin();
      timers_.erase(timers_.begin());
      if (at > now_) now_ = at;
      if (auto task = weak.lock()) (*task)();
      run();
    }
    now_ = until;
  }

 private:
  struct Handle final : Stream {
    explicit Handle(std::shared_ptr<Task> t) : task(std::move(t)) {}
    std::shared_ptr<Task> task;
  };
  TimePoint now_{std::chrono::hours(1)};
  mutable std::mutex mutex_;
  std::deque<Task> posted_;
  std::multimap<TimePoint, std::weak_ptr<Task>> timers_;
};

}  // namespace repartee::test
