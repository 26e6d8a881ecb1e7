// A token bucket of one thing that comes in: so much at once, so much a second.
// Thread contract: a value; pure, time is passed in.
#pragma once
#include <algorithm>
#include <chrono>

#include "core/clock.hpp"

namespace repartee {

class RateMeter {
 public:
  RateMeter(double per_second, double burst) : per_second_(per_second), burst_(burst), left_(burst) {}

  bool has_room(TimePoint now) { return refill(now), left_ > 0; }
  void take(double amount) { left_ -= amount; }          // may go below nothing: what is known only afterwards
  bool try_take(double amount, TimePoint now) {
    refill(now);
    if (left_ < amount) return false;
    left_ -= amount;
    return true;
  }

 private:
  void refill(TimePoint now) {
    if (refilled_at_ != TimePoint{}) left_ = std::min(burst_, left_ + std::chrono::duration<double>(now - refilled_at_).count() * per_second_);
    refilled_at_ = now;
  }
  double per_second_, burst_, left_;
  TimePoint refilled_at_{};
};

}  // namespace repartee
