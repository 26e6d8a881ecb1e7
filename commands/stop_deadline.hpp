// The end of a stop that does not end: a database that hangs keeps the threads that asked it, and with them the process. Once `patience` is
// over the process is ended as it stands; what clients were told of is in the journal, for the next start.
// Thread contract: the owner's thread. Declare it before what it must outlive.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/clock.hpp"

namespace repartee::commands {

class StopDeadline {
 public:
  StopDeadline() = default;
  ~StopDeadline();  // all is down: in time
  StopDeadline(const StopDeadline&) = delete;
  StopDeadline& operator=(const StopDeadline&) = delete;
  void begin(Duration patience);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_down_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace repartee::commands
