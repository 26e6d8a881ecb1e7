// All calls of a load run on one thread: non-blocking sockets on one epoll, one timer that paces every call's frames, evenly spread over
// the 20 ms.
// Thread contract: one thread; run() blocks for the run's length.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "bench/load/caller.hpp"

namespace repartee::bench {

struct FleetOptions {
  std::string host = "127.0.0.1", port = "8080", target = "/v1/realtime";
  std::size_t calls = 10;
  double ramp_calls_per_s = 50;
  Millis warm_up{3000};  // after the last call was begun
  Millis measured{30'000};
};

class Fleet {
 public:
  Fleet(FleetOptions options, const CallerOptions& caller_options, const Speech& speech, Measures& measures, unsigned seed);
  ~Fleet();
  // on_measure(true) when counting begins, on_measure(false) when it ends. Errors: unavailable when no call could be opened.
  Status run(const std::function<void(bool is_beginning)>& on_measure);
  std::size_t open_calls() const;

 private:
  class Line;  // one socket and the caller on it
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::bench
