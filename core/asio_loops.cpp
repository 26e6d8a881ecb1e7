#include "core/asio_loops.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>

namespace repartee {

AsioLoop::AsioLoop() = default;
AsioLoop::~AsioLoop() = default;

void AsioLoop::post(Task task) { boost::asio::post(io_, std::move(task)); }

StreamPtr AsioLoop::after(Duration delay, Task task) {
  const TimePoint now = SteadyClock::now();
  const Duration longest = TimePoint::max() - timer_step - now;
  StreamPtr timer = timers_.add(now + std::min(delay, longest), std::move(task));
  if (!is_firing_) set_alarm();
  return timer;
}

// For the first that is due; an alarm that is set for earlier rings in vain, once.
void AsioLoop::set_alarm() {
  const auto due = timers_.next_due();
  if (!due || *due >= alarm_at_) return;
  TimePoint at = *due;
  if (at > SteadyClock::now()) at = TimePoint(std::chrono::ceil<Millis>(at.time_since_epoch()));
  if (at >= alarm_at_) return;
  alarm_at_ = at;
  alarm_.expires_at(at);
  alarm_.async_wait(recycled(memory_, [this](const boost::system::error_code& ec) {
    if (!ec) ring();
  }));
}

void AsioLoop::ring() {
  alarm_at_ = TimePoint::max();
  is_firing_ = true;
  timers_.fire(SteadyClock::now());
  is_firing_ = false;
  set_alarm();
}

AsioLoops::AsioLoops(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<AsioLoop>());
}

AsioLoops::~AsioLoops() { stop(); }

void AsioLoops::start() {
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    threads_.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), ("loop-" + std::to_string(i)).c_str());
      auto guard = boost::asio::make_work_guard(loops_[i]->io());
      loops_[i]->io().run();
    });
  }
}

void AsioLoops::stop() {
  for (auto& loop : loops_) loop->io().stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace repartee
