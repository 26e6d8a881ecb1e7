// Measures the machine: a timer on each loop says how late it is run, the thread's clock how busy it is, the inference pool how long turns
// wait for it. Once a second the worst of all decides the level of load, which sessions and the door read. Thread contract: made before the
// loops run, destroyed after they have stopped; state() and admits() from any thread.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/asio_loops.hpp"
#include "core/metrics.hpp"
#include "core/worker_pool.hpp"
#include "realtime/call_forecast.hpp"
#include "realtime/load_state.hpp"

namespace repartee::realtime {

class LoadSampler {
 public:
  struct Options {
    LoadPolicy::Options policy;
    CallForecast::Options forecast;
  };
  // `inference` is asked about its waits by nobody else; null: there is none.
  LoadSampler(AsioLoops& loops, Options options, WorkerPool* inference, Metrics& metrics);
  ~LoadSampler();
  void start(std::function<int()> calls);  // before admits(); `calls`: how many there are, asked from any thread
  const LoadState& state() const { return state_; }
  bool admits();  // another call? Where it is the first for whom there is no room, all the others get less from now on

 private:
  class Probe;
  struct Gauges;
  struct LoopLoad {
    Duration lag{};
    double busy = 0;
  };
  void report(std::size_t loop, LoopLoad load);  // on that loop
  MachineLoad take_load();
  double busy_to_come(int calls) const;
  void take_level(LoadLevel before);

  AsioLoops& loops_;
  WorkerPool* const inference_;
  const Options options_;
  std::function<int()> calls_;
  std::mutex mutex_;  // guards what follows, the state and the gauges apart
  LoadPolicy policy_;
  CallForecast forecast_;
  std::vector<LoopLoad> latest_;
  MachineLoad load_;                                      // as it was last judged
  double busy_ = 0, busy_before_ = 0, cores_ = 0;         // measured: of the busiest loop in the last two seconds, of all loops
  TimePoint judged_at_{};
  LoadState state_;
  std::unique_ptr<Gauges> gauges_;
  std::vector<std::unique_ptr<Probe>> probes_;
};

}  // namespace repartee::realtime
