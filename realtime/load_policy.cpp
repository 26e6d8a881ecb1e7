#include "realtime/load_policy.hpp"

#include <algorithm>

namespace repartee::realtime {
namespace {

using Seconds = std::chrono::duration<double>;

LoadLevel next(LoadLevel level, int step) { return static_cast<LoadLevel>(static_cast<int>(level) + step); }

struct Shares {
  double lag = 0, busy = 0, wait = 0;
};

Shares shares(const MachineLoad& load, const MachineLoad& of, const MachineLoad& full) {
  Shares shares;
  if (full.lag > Duration::zero()) shares.lag = Seconds(load.lag) / Seconds(of.lag);
  if (full.busy > 0) shares.busy = load.busy / of.busy;
  if (full.wait > Duration::zero()) shares.wait = Seconds(load.wait) / Seconds(of.wait);
  return shares;
}

}  // namespace

const char* to_string(LoadLevel level) {
  switch (level) {
    case LoadLevel::normal: return "normal";
    case LoadLevel::no_captions: return "no_captions";
    case LoadLevel::plain_voice: return "plain_voice";
    case LoadLevel::plainest_voice: return "plainest_voice";
    case LoadLevel::closed: return "closed";
  }
  return "";
}

MachineLoad LoadPolicy::value_of(LoadLevel level) const {
  constexpr double steps = static_cast<double>(LoadLevel::closed) - static_cast<double>(LoadLevel::no_captions);
  const double part = (static_cast<double>(level) - 1) / steps;
  const auto between = [part](auto first, auto full) { return first + (full - first) * part; };
  const MachineLoad &first = options_.first, &full = options_.full;
  return {std::chrono::duration_cast<Duration>(between(Seconds(first.lag), Seconds(full.lag))), between(first.busy, full.busy),
          std::chrono::duration_cast<Duration>(between(Seconds(first.wait), Seconds(full.wait)))};
}

double LoadPolicy::share(const MachineLoad& load, const MachineLoad& of) const {
  const Shares each = shares(load, of, options_.full);
  return std::max({each.lag, each.busy, each.wait});
}

LoadLevel LoadPolicy::measured(const MachineLoad& load) {
  const bool is_over = level_ != LoadLevel::closed && share(load, value_of(next(level_, 1))) > 1;
  const bool is_under = level_ != LoadLevel::normal && share(load, value_of(level_)) < options_.leave_at[static_cast<std::size_t>(level_)];
  seconds_over_ = is_over ? seconds_over_ + 1 : 0;
  seconds_under_ = is_under ? seconds_under_ + 1 : 0;
  // Where it is far too much already, the levels still come one after the other, but not as slowly.
  const bool is_hurried = level_ != LoadLevel::normal && share(load, options_.full) > 1;
  if (is_over && (is_hurried || seconds_over_ >= options_.seconds_up)) level_ = next(level_, 1);
  else if (seconds_under_ >= options_.seconds_down) level_ = next(level_, -1);
  else return level_;
  seconds_over_ = seconds_under_ = 0;
  return level_;
}

void LoadPolicy::close() {
  level_ = LoadLevel::closed;
  seconds_over_ = seconds_under_ = 0;
}

const char* LoadPolicy::reason(const MachineLoad& load) const {
  const Shares each = shares(load, options_.full, options_.full);
  if (each.wait > each.lag && each.wait > each.busy) return "inference_wait_ms";
  return each.lag > each.busy ? "lag_ms" : "busy_percent";
}

}  // namespace repartee::realtime
