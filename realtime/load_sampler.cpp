#include "realtime/load_sampler.hpp"

#include <time.h>

#include <algorithm>
#include <utility>

#include "core/log.hpp"

namespace repartee::realtime {
namespace {

constexpr Duration probe_interval = Millis(20);  // a frame: lateness below it nobody hears
constexpr std::size_t probes_a_report = 50;      // a second

Duration thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

// Lives on its loop.
class LoadSampler::Probe {
 public:
  Probe(LoadSampler& sampler, std::size_t index) : sampler_(sampler), index_(index), loop_(sampler.loops_.loop(index)) {
    late_.reserve(probes_a_report);
  }
  void start() {
    began_ = due_ = loop_.now();
    cpu_began_ = thread_time();
    next();
  }

 private:
  void next() {
    due_ = std::max(due_ + probe_interval, loop_.now());  // after a long stall, not all that were missed at once
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

struct LoadSampler::Gauges {
  explicit Gauges(Metrics& m)
      : lag(m.gauge("repartee_loop_lag_seconds", "How late the worst loop runs its timers, p98 of the last second")),
        busy(m.gauge("repartee_loop_busy_ratio", "How much of a core the busiest loop used in the last second")),
        wait(m.gauge("repartee_inference_wait_seconds",
                     "The longest wait of the last second for a free inference worker, of work that a turn waits for")),
        used(m.gauge("repartee_inference_busy_ratio", "How much of its workers' time the inference pool used in the last second")),
        queued(m.gauge("repartee_inference_queue_jobs", "Inference jobs that wait")),
        level(m.gauge("repartee_load_level", "0 normal, 1 no captions, 2 plain voice, 3 plainest voice, 4 new calls are refused")),
        is_open(m.gauge("repartee_admission_open", "1: new calls are let in; 0: the machine has enough to do")) {
    is_open.set(1);
  }
  Gauge &lag, &busy, &wait, &used, &queued, &level, &is_open;
};

LoadSampler::LoadSampler(AsioLoops& loops, Options options, WorkerPool* inference, Metrics& metrics)
    : loops_(loops),
      inference_(inference),
      options_(options),
      policy_(options.policy),
      forecast_(options.forecast),
      latest_(loops.size()),
      gauges_(std::make_unique<Gauges>(metrics)) {
  for (std::size_t i = 0; i < loops.size(); ++i) probes_.push_back(std::make_unique<Probe>(*this, i));
}

LoadSampler::~LoadSampler() = default;

void LoadSampler::start(std::function<int()> calls) {
  calls_ = std::move(calls);
  for (std::size_t i = 0; i < probes_.size(); ++i) loops_.loop(i).post([probe = probes_[i].get()] { probe->start(); });
}

double LoadSampler::busy_to_come(int calls) const { return forecast_.cores_to_come(calls) / static_cast<double>(loops_.size()); }

bool LoadSampler::admits() {
  const double busy_max = options_.policy.full.busy;
  std::lock_guard lock(mutex_);
  if (!state_.is_open()) return false;
  const double expected = std::min(busy_, busy_before_) + busy_to_come(calls_() + 1);   // one bad second is none
  if (busy_max <= 0 || expected <= busy_max) return true;
  const LoadLevel before = policy_.level();
  policy_.close();
  load_.busy = expected;
  take_level(before);
  return false;
}

void LoadSampler::report(std::size_t loop, LoopLoad load) {
  std::lock_guard lock(mutex_);
  latest_[loop] = load;
  if (loop != 0) return;   // judged once a second, not once a loop
  load_ = take_load();
  forecast_.measured(calls_(), cores_);
  load_.busy += busy_to_come(calls_());
  const LoadLevel before = policy_.level();
  if (policy_.measured(load_) != before) take_level(before);
}

MachineLoad LoadSampler::take_load() {
  const TimePoint now = loops_.loop(0).now();
  MachineLoad load;
  cores_ = 0;
  for (const auto& one : latest_) {
    load.lag = std::max(load.lag, one.lag);
    load.busy = std::max(load.busy, one.busy);
    cores_ += one.busy;
  }
  busy_before_ = std::exchange(busy_, load.busy);
  gauges_->lag.set(std::chrono::duration<double>(load.lag).count());
  gauges_->busy.set(load.busy);
  if (inference_) {
    const auto usage = inference_->take_usage(now);
    load.wait = usage.worst_wait;
    gauges_->wait.set(std::chrono::duration<double>(load.wait).count());
    gauges_->queued.set(static_cast<double>(inference_->queued()));
    if (judged_at_ != TimePoint{})
      gauges_->used.set(std::chrono::duration<double>(usage.busy) / std::chrono::duration<double>(now - judged_at_) /
                        static_cast<double>(inference_->workers()));
  }
  judged_at_ = now;
  return load;
}

void LoadSampler::take_level(LoadLevel before) {
  const LoadLevel level = policy_.level();
  state_.set(level);
  gauges_->level.set(static_cast<double>(level));
  gauges_->is_open.set(state_.is_open() ? 1 : 0);
  log::warn("load", level > before ? "too much to do: less is done for each call" : "less to do: more is done for each call again",
            {{"level", static_cast<int>(level)},
             {"now", to_string(level)},
             {"before", to_string(before)},
             {"reason", policy_.reason(load_)},
             {"lag_ms", to_ms(load_.lag)},
             {"busy_percent", static_cast<int>(busy_ * 100)},
             {"busy_percent_expected", static_cast<int>(load_.busy * 100)},
             {"inference_wait_ms", to_ms(load_.wait)},
             {"calls", calls_()}});
}

}  // namespace repartee::realtime
