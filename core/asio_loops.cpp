#include "core/asio_loops.hpp"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/detail/concurrency_hint.hpp>
#include <boost/asio/post.hpp>

namespace repartee {

namespace {

TimePoint shared_moment(TimePoint now, Duration delay) {
  if (delay <= Duration::zero()) return now;
  Millis step = AsioLoop::timer_step_min;
  while (step < AsioLoop::timer_step_max && 8 * step <= delay) step *= 2;
  const auto due = (now + std::min(delay, TimePoint::max() - AsioLoop::timer_step_max - now)).time_since_epoch();
  return TimePoint((due + step - Duration(1)) / step * step);
}

}  // namespace

// Sockets of a loop are made and used by its thread only: Asio needs no locks for them. It is posted to from any thread.
AsioLoop::AsioLoop() : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO) {}
AsioLoop::~AsioLoop() = default;

void AsioLoop::post(Task task) { boost::asio::post(io_, std::move(task)); }

StreamPtr AsioLoop::after(Duration delay, Task task) {
  StreamPtr timer = timers_.add(shared_moment(SteadyClock::now(), delay), std::move(task));
  if (!is_firing_) set_alarm();
  return timer;
}

// For the first that is due; an alarm that is set for earlier rings in vain, once.
void AsioLoop::set_alarm() {
  const auto due = timers_.next_due();
  if (!due || *due >= alarm_at_) return;
  alarm_at_ = *due;
  alarm_.expires_at(alarm_at_);
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
