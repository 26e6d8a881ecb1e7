#include "commands/stop_deadline.hpp"

#include <cstdlib>

#include "commands/commands.hpp"
#include "core/log.hpp"

namespace repartee::commands {

StopDeadline::~StopDeadline() {
  {
    std::lock_guard lock(mutex_);
    is_down_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void StopDeadline::begin(Duration patience) {
  thread_ = std::thread([this, patience] {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, patience, [&] { return is_down_; })) return;
    log::error("serve", "the stop does not end, most likely since the database hangs: ending without it; turns stay in the journal for the next start");
    std::_Exit(exit_failure);
  });
}

}  // namespace repartee::commands
