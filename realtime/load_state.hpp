// The level of load as sessions read it.
// Thread contract: set() from one thread at a time, the rest from any thread; nothing locks.
#pragma once
#include <algorithm>
#include <atomic>

#include "realtime/load_policy.hpp"

namespace repartee::realtime {

class LoadState {
 public:
  void set(LoadLevel level) { level_.store(level, std::memory_order_relaxed); }
  LoadLevel level() const { return level_.load(std::memory_order_relaxed); }
  bool captions() const { return level() < LoadLevel::no_captions; }
  bool is_open() const { return level() < LoadLevel::closed; }
  int opus_complexity(int configured) const {
    const LoadLevel now = level();
    return now < LoadLevel::plain_voice ? configured : std::min(configured, now == LoadLevel::plain_voice ? 2 : 0);
  }

 private:
  std::atomic<LoadLevel> level_{LoadLevel::normal};
};

}  // namespace repartee::realtime
