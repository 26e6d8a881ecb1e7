// What is left out while the machine has too much to do, and when it comes back: captions first, then voice quality, then new calls.
// The load is a second's worst of three measures; each has a value at which the first thing goes and one at which new calls are refused,
// with the levels in between at equal steps. Levels are taken one at a time, up after a few seconds and down after more of them clearly
// below, so that what a level saves does not at once bring it back. Thread contract: none; pure.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "core/clock.hpp"

namespace repartee::realtime {

enum class LoadLevel : std::uint8_t {
  normal = 0,
  no_captions = 1,     // no captions while somebody speaks; the final transcript comes as ever
  plain_voice = 2,     // Opus encoded at complexity 2 at most
  plainest_voice = 3,  // at 0
  closed = 4,          // and no new calls
};
constexpr std::size_t load_levels_count = 5;
const char* to_string(LoadLevel level);

struct MachineLoad {  // of the last second
  Duration lag{};     // how late the worst loop runs its timers, p98
  double busy = 0;    // of its core, the busiest loop, and what new calls will add to it
  Duration wait{};    // of inference that a turn waits for, the longest
};

class LoadPolicy {
 public:
  struct Options {  // zero in `full`: that measure is not looked at
    MachineLoad first{Millis(25), 0.70, Millis(150)};
    MachineLoad full{Millis(100), 0.92, Millis(600)};
    int seconds_up = 2;    // above a level's value before it is taken; later ones need one second while it is beyond `full`
    int seconds_down = 5;  // below what its level may be left at
    // Share of a level's value below which it is left. A plainer voice halves what encoding costs, a quarter of a call.
    std::array<double, load_levels_count> leave_at{0, 0.85, 0.7, 0.7, 0.85};
  };
  explicit LoadPolicy(Options options) : options_(options) {}

  LoadLevel measured(const MachineLoad& load);  // once a second
  // More calls stand at the door than there is room for: nobody is refused while the others have more than they need.
  void close();
  LoadLevel level() const { return level_; }
  // The measure that is nearest to its limit: "lag_ms", "busy_percent" or "inference_wait_ms".
  const char* reason(const MachineLoad& load) const;

 private:
  double share(const MachineLoad& load, const MachineLoad& of) const;  // of these values; above 1: beyond one of them
  MachineLoad value_of(LoadLevel level) const;

  Options options_;
  LoadLevel level_ = LoadLevel::normal;
  int seconds_over_ = 0, seconds_under_ = 0;
};

}  // namespace repartee::realtime
