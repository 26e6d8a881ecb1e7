// Does the jobs of the queues (jobs.hpp) on threads of its own, so many a queue. It hears of new jobs by NOTIFY and looks by itself every
// `poll` as well. A job is taken with FOR UPDATE SKIP LOCKED and a lease, which is renewed while its handler runs: no two workers of all
// nodes have one job at once, as long as a handler whose lease is over stops (should_stop). What an ended or killed worker left is taken up
// by the next when the lease is over. Only kinds with a handler here are taken.
// A handler's error is retried after backoff_min * 2^(attempts-1), at most backoff_max, give or take a quarter, until attempts_max; what
// cannot succeed (invalid_argument, not_found, permission_denied, data_corrupt) becomes a dead letter at once. Thread contract: add,
// add_daily and start before anything runs; the handlers run on the worker's threads. The destructor tells running handlers to stop, waits
// for them, and puts back what they did not finish.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/metrics.hpp"
#include "persistence/jobs.hpp"

namespace repartee::persistence {

class JobContext {
 public:
  virtual ~JobContext() = default;
  virtual const JobRecord& job() const = 0;
  virtual void set_progress(double done) = 0;  // 0 to 1; written with the next renewal of the lease
  virtual bool should_stop() const = 0;        // cancelled, the lease is lost, or the worker ends: return soon, with any error
};

class JobWorker {
 public:
  using Handler = std::function<Result<std::string>(JobContext&)>;  // the result as JSON
  struct Options {
    std::string node = "local";
    std::map<std::string, std::size_t> concurrency = {{"default", 2}, {"audio", 1}, {"analysis", 1}, {"embeddings", 1}};
    std::optional<DatabaseTarget> listen_at;  // where NOTIFY is heard; none: polling only
    Millis lease = std::chrono::seconds(30);  // renewed every third of it
    Millis poll = std::chrono::seconds(1);
    Millis backoff_min = std::chrono::seconds(1), backoff_max = std::chrono::minutes(10);
    std::chrono::hours result_kept{24}, dead_kept{30 * 24};
    Millis daily_check = std::chrono::minutes(1);
  };
  JobWorker(Database& owner, Options options, Metrics& metrics);
  ~JobWorker();

  void add(const std::string& kind, Handler handler);
  // Asked for once a day (UTC) by whichever node comes first; handled by `handler`.
  void add_daily(const std::string& kind, Handler handler);
  void start();
  void wake();  // something was enqueued: look now

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::persistence
