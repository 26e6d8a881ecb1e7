// What calls that have just come in will cost once they talk: a burst of them is not seen in any measure of load until it is too late to
// refuse. Each second of youth counts less, since more of the call is in what is measured. Thread contract: none; pure.
#pragma once
#include <algorithm>
#include <deque>
#include <numeric>

namespace repartee::realtime {

class CallForecast {
 public:
  struct Options {
    double cores_a_call = 0.004;  // until it is known better
    double cores_a_call_min = 0.001, cores_a_call_max = 0.05;
    std::size_t seconds = 8;  // until a call costs what it will
    int calls_min = 20;       // fewer say nothing about what a call costs
    double weight = 0.1;      // of the newest second in what is known
  };
  explicit CallForecast(Options options) : options_(options), cores_a_call_(options.cores_a_call) {}

  void measured(int calls, double cores) {  // once a second: how many there are, what they cost together
    before_.push_back(calls);
    if (before_.size() > options_.seconds) before_.pop_front();
    if (calls < options_.calls_min) return;
    const double now = std::clamp(cores / calls, options_.cores_a_call_min, options_.cores_a_call_max);
    cores_a_call_ += options_.weight * (now - cores_a_call_);
  }
  // Beyond what is measured, if there are so many calls.
  double cores_to_come(int calls) const {
    const double before =
        std::accumulate(before_.begin(), before_.end(), 0.0) / static_cast<double>(std::max(options_.seconds, std::size_t{1}));
    return std::max(calls - before, 0.0) * cores_a_call_;
  }
  double cores_a_call() const { return cores_a_call_; }

 private:
  Options options_;
  double cores_a_call_;
  std::deque<int> before_;
};

}  // namespace repartee::realtime
