// Measures the loops: a timer on each says how late it is run, the thread's clock how busy it is; once a second the worst of all decides
// about admission.
// Thread contract: made before the loops run, destroyed after they have stopped; is_open() from any thread.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "core/asio_loops.hpp"
#include "core/metrics.hpp"
#include "realtime/admission.hpp"

namespace repartee::realtime {

class LoadSampler {
 public:
  LoadSampler(AsioLoops& loops, Admission::Options options, Metrics& metrics);
  ~LoadSampler();
  void start();                                // once the loops run
  bool is_open() const { return open_; }

 private:
  class Probe;
  void report(std::size_t loop, LoopLoad load);   // on that loop

  AsioLoops& loops_;
  std::mutex mutex_;
  Admission admission_;
  std::vector<LoopLoad> latest_;
  std::atomic<bool> open_{true};
  Gauge &lag_, &busy_, &open_gauge_;
  std::vector<std::unique_ptr<Probe>> probes_;
};

}  // namespace repartee::realtime
