// All calls of a load run on one thread: non-blocking sockets on one epoll, one timer that paces every call's frames, evenly spread over
// the 20 ms.
// Thread contract: one thread; the run functions block.
#pragma once
#include <memory>
#include <string>

#include "bench/load/caller.hpp"

namespace repartee::bench {

struct FleetOptions {
  std::string host = "127.0.0.1", port = "8080", target = "/v1/realtime";
  std::size_t calls_max = 10;
  double ramp_calls_per_s = 50;
};

class Fleet {
 public:
  Fleet(FleetOptions options, const CallerOptions& caller_options, const Speech& speech, Measures& measures, unsigned seed);
  ~Fleet();
  Status begin();
  // How many calls there are to be, at most calls_max: from now on they are begun at the ramp's pace, or hung up at once.
  void set_calls(std::size_t calls);
  std::size_t wanted_calls() const;
  void run_for(Duration length);
  void run_until_begun();  // until every wanted call was begun
  std::size_t open_calls() const;

 private:
  class Line;  // one socket and the caller on it
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::bench
