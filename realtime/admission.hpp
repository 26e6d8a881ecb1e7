// May another call come in, as far as the machine goes? Decided by what the loops measure: how late their timers are (p98 over a second) and how
// busy their threads. Closed at once when it is too much, opened again only when there is clearly room, so that the calls that run stay clean and
// the door does not flutter.
// Thread contract: none; pure.
#pragma once
#include <algorithm>
#include <chrono>

#include "core/clock.hpp"

namespace repartee::realtime {

struct LoopLoad {                              // of the worst loop, over the last second
  Duration lag{};                              // p98 of how late timers ran
  double busy = 0;                             // of a core: 0 to 1
};

class Admission {
 public:
  struct Options {
    Duration lag_max = Millis(100);            // zero: load is not looked at
    double busy_max = 0.92;
    double reopen_at = 0.75;                   // of both, to open again
    int samples_to_close = 3, samples_to_open = 3;
  };
  explicit Admission(Options options) : options_(options) {}

  bool is_open() const { return open_; }
  bool measured(const LoopLoad& load) {        // is it open now?
    if (options_.lag_max <= Duration::zero()) return open_;
    const double worst = std::max(std::chrono::duration<double>(load.lag) / options_.lag_max, load.busy / options_.busy_max);
    in_a_row_ = (open_ ? worst > 1 : worst < options_.reopen_at) ? in_a_row_ + 1 : 0;
    if (in_a_row_ < (open_ ? options_.samples_to_close : options_.samples_to_open)) return open_;
    in_a_row_ = 0;
    return open_ = !open_;
  }

 private:
  Options options_;
  bool open_ = true;
  int in_a_row_ = 0;
};

}  // namespace repartee::realtime
