// One attempt at one job, from taking it to writing its end: what its handler sees, and what the dispatcher tells it.
// Thread contract: every member from any thread.
#pragma once
#include <algorithm>
#include <atomic>

#include "persistence/job_worker.hpp"

namespace repartee::persistence {

class JobAttempt final : public JobContext {
 public:
  JobAttempt(JobRecord job, const std::atomic<bool>& stopping, TimePoint leased_until)
      : job_(std::move(job)), stopping_(stopping), leased_until_(leased_until.time_since_epoch().count()) {}
  const JobRecord& job() const override { return job_; }
  void set_progress(double done) override { progress_ = std::clamp(done, 0.0, 1.0); }
  bool should_stop() const override { return stopping_ || cancelled_ || lost(); }

  bool lost() const { return lost_ || SteadyClock::now().time_since_epoch().count() >= leased_until_; }
  bool cancelled() const { return cancelled_; }
  bool worker_ends() const { return stopping_; }
  double progress() const { return progress_; }
  void cancel() { cancelled_ = true; }
  void lose() { lost_ = true; }
  void lease_until(TimePoint until) { leased_until_ = until.time_since_epoch().count(); }

 private:
  const JobRecord job_;
  const std::atomic<bool>& stopping_;
  std::atomic<bool> cancelled_{false}, lost_{false};
  std::atomic<double> progress_{0};
  std::atomic<Duration::rep> leased_until_;
};

}  // namespace repartee::persistence
