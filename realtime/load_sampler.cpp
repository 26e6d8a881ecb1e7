#include "realtime/load_sampler.hpp"

#include <time.h>

#include <algorithm>

#include "core/log.hpp"

namespace repartee::realtime {
namespace {

constexpr Duration probe_interval = Millis(20);        // a frame: lateness below it nobody hears
constexpr std::size_t probes_a_report = 50;            // a second

Duration thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

// Lives on its loop.
class LoadSampler::Probe {
 public:
  Probe(LoadSampler& sampler, std::size_t index) : sampler_(sampler), index_(index), loop_(sampler.loops_.loop(index)) { late_.reserve(probes_a_report); }
  void start() {
    began_ = due_ = loop_.now();
    cpu_began_ = thread_time();
    next();
  }

 private:
  void next() {
    due_ = std::max(due_ + probe_interval, loop_.now());   // after a long stall, not all that were missed at once
    timer_ = loop_.after(due_ - loop_.now(), [this] { probe(); });
  }
  void probe() {
    late_.push_back(std::max(loop_.now() - due_, Duration::zero()));
    if (late_.size() >= probes_a_report) report();
    next();
  }
  void report() {
    const TimePoint now = loop_.now();
    const Duration cpu = thread_time();
    // Of 50, the second largest: one late probe a second is no load yet.
    const auto p98 = late_.end() - 2;
    std::nth_element(late_.begin(), p98, late_.end());
    sampler_.report(index_, {*p98, std::chrono::duration<double>(cpu - cpu_began_) / std::chrono::duration<double>(now - began_)});
    late_.clear();
    began_ = now;
    cpu_began_ = cpu;
  }

  LoadSampler& sampler_;
  const std::size_t index_;
  AsioLoop& loop_;
  StreamPtr timer_;
  TimePoint due_{}, began_{};
  Duration cpu_began_{};
  std::vector<Duration> late_;
};

LoadSampler::LoadSampler(AsioLoops& loops, Admission::Options options, Metrics& metrics)
    : loops_(loops),
      admission_(options),
      latest_(loops.size()),
      lag_(metrics.gauge("repartee_loop_lag_seconds", "How late the worst loop runs its timers, p98 of the last second")),
      busy_(metrics.gauge("repartee_loop_busy_ratio", "How much of a core the busiest loop used in the last second")),
      open_gauge_(metrics.gauge("repartee_admission_open", "1: new calls are let in; 0: the machine has enough to do")) {
  open_gauge_.set(1);
  for (std::size_t i = 0; i < loops.size(); ++i) probes_.push_back(std::make_unique<Probe>(*this, i));
}

LoadSampler::~LoadSampler() = default;

void LoadSampler::start() {
  for (std::size_t i = 0; i < probes_.size(); ++i) loops_.loop(i).post([probe = probes_[i].get()] { probe->start(); });
}

void LoadSampler::report(std::size_t loop, LoopLoad load) {
  std::lock_guard lock(mutex_);
  latest_[loop] = load;
  LoopLoad worst;
  for (const auto& one : latest_) {
    worst.lag = std::max(worst.lag, one.lag);
    worst.busy = std::max(worst.busy, one.busy);
  }
  lag_.set(std::chrono::duration<double>(worst.lag).count());
  busy_.set(worst.busy);
  if (loop != 0) return;   // judged once a second, not once a loop
  const bool was_open = open_;
  open_ = admission_.measured(worst);
  open_gauge_.set(open_ ? 1 : 0);
  if (was_open == open_) return;
  log::warn("serve", open_ ? "new calls are let in again" : "too much to do: new calls are refused for now",
            {{"lag_ms", to_ms(worst.lag)}, {"busy_percent", static_cast<int>(worst.busy * 100)}});
}

}  // namespace repartee::realtime
