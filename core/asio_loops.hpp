// One single-threaded io_context per core. A connection is given to a loop when it is accepted and stays on it.
// Thread contract: start() and stop() from the owner's thread; loop(i) may be used from any thread as Loop says.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "core/handler_memory.hpp"
#include "core/loop.hpp"
#include "core/loop_timers.hpp"

namespace repartee {

// Its timers share one alarm. Setting that is dear (on a virtual machine the processor's own timer belongs to the host), and so is being
// woken; so timers are put off to moments that they share: by less than a quarter of their delay, or a millisecond, and 4 ms at most. None
// is early.
class AsioLoop final : public Loop {
 public:
  static constexpr Millis timer_step_min{1}, timer_step_max{4};

  AsioLoop();
  ~AsioLoop() override;
  void post(Task task) override;
  TimePoint now() const override { return SteadyClock::now(); }
  StreamPtr after(Duration delay, Task task) override;
  boost::asio::io_context& io() { return io_; }
  HandlerMemory& memory() { return memory_; }   // for handlers of operations begun on this loop; the loop's thread

 private:
  void set_alarm();
  void ring();

  HandlerMemory memory_;
  LoopTimers timers_{memory_};  // before io_: handlers that die with that may own timers
  boost::asio::io_context io_;
  boost::asio::steady_timer alarm_{io_};
  TimePoint alarm_at_ = TimePoint::max();  // max: it is not set
  bool is_firing_ = false;
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
