// Hears what other connections NOTIFY: one connection of its own and one thread, which connects again by itself, with growing pauses,
// when the server goes away. What was notified meanwhile is lost, so whoever relies on it must look again when on_listening comes.
// Thread contract: made and destroyed on the owner's thread; the callbacks run on the listener's thread and must not block for long.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/metrics.hpp"
#include "persistence/conninfo.hpp"

namespace repartee::persistence {

class NotificationListener {
 public:
  struct Options {
    std::vector<std::string> channels;
    Millis backoff_min = Millis(100), backoff_max = Millis(5000);  // between attempts to connect
    Millis connect_timeout = Millis(10'000);
    Millis probe_interval = Millis(30'000);  // a silent connection is asked whether it is still there
  };
  struct Callbacks {
    std::function<void(std::string_view channel, std::string_view payload)> on_notification;
    std::function<void(bool again)> on_listening;  // again: it was lost in between, and with it perhaps notifications
  };
  NotificationListener(DatabaseTarget target, Options options, Callbacks callbacks, Metrics& metrics);
  ~NotificationListener();

  bool listening() const { return listening_; }

 private:
  struct Session;
  void work();
  void listen(Session& session, bool again);
  bool wait(int socket, short events, Millis patience);  // false: at the timeout. Throws Stopped.

  const DatabaseTarget target_;
  const Options options_;
  const Callbacks callbacks_;
  Counter& connects_;
  Counter& received_;
  std::atomic<bool> listening_{false};
  std::atomic<bool> stopping_{false};
  int wake_fd_ = -1;
  std::thread thread_;
};

}  // namespace repartee::persistence
