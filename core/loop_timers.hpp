// The timers of one loop: a heap ordered by when they are due, and the memory they live in. The loop asks when the next is due, and fires
// what is due; it arms one alarm for all of them.
// Thread contract: the loop's thread. Outlives its timers.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "core/handler_memory.hpp"
#include "core/loop.hpp"

namespace repartee {

class LoopTimers {
 public:
  explicit LoopTimers(HandlerMemory& memory) : memory_(memory) {}

  // Destroying the handle takes the timer out; its task may do that.
  StreamPtr add(TimePoint due, Task task);
  std::optional<TimePoint> next_due() const;
  // Runs what is due, in order of time, those of the same moment in the order they were added. What is added meanwhile waits for another
  // call.
  void fire(TimePoint now);

 private:
  class Timer;
  static bool is_before(const Timer& a, const Timer& b);
  void put(std::size_t place, Timer* timer);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void take_out(Timer& timer);

  HandlerMemory& memory_;
  std::vector<Timer*> heap_;
  std::uint64_t added_ = 0;
};

}  // namespace repartee
