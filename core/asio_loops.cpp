#include "core/asio_loops.hpp"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace repartee {
namespace {

// The timer's handler may already be queued when the handle is destroyed; the weak pointer keeps that one silent.
class AsioTimer final : public Stream {
 public:
  AsioTimer(boost::asio::io_context& io, Duration delay, Task action) : timer_(io, delay), task_(std::make_shared<Task>(std::move(action))) {
    timer_.async_wait([weak = std::weak_ptr<Task>(task_)](const boost::system::error_code& ec) {
      if (ec) return;
      if (auto due = weak.lock()) (*due)();
    });
  }

 private:
  boost::asio::steady_timer timer_;
  std::shared_ptr<Task> task_;
};

}  // namespace

AsioLoop::AsioLoop() = default;
AsioLoop::~AsioLoop() = default;

void AsioLoop::post(Task task) { boost::asio::post(io_, std::move(task)); }

StreamPtr AsioLoop::after(Duration delay, Task task) { return std::make_unique<AsioTimer>(io_, delay, std::move(task)); }

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
