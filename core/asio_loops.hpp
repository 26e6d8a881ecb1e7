// One single-threaded io_context per core. A connection is given to a loop when it is accepted and stays on it.
// Thread contract: start() and stop() from the owner's thread; loop(i) may be used from any thread as Loop says.
#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "core/loop.hpp"

namespace repartee {

class AsioLoop final : public Loop {
 public:
  AsioLoop();
  ~AsioLoop() override;
  void post(Task task) override;
  TimePoint now() const override { return SteadyClock::now(); }
  StreamPtr after(Duration delay, Task task) override;
  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_{1};  // 1: no other thread runs it, so Asio may skip its locks
};

class AsioLoops {
 public:
  explicit AsioLoops(std::size_t count);
  ~AsioLoops();  // stops and joins
  void start();  // one thread a loop
  void stop();   // running handlers finish, queued ones are dropped
  std::size_t size() const { return loops_.size(); }
  AsioLoop& loop(std::size_t i) { return *loops_[i]; }

 private:
  std::vector<std::unique_ptr<AsioLoop>> loops_;
  std::vector<std::thread> threads_;
};

}  // namespace repartee
