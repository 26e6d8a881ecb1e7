#include "persistence/job_worker.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "core/ids.hpp"
#include "core/log.hpp"
#include "core/worker_pool.hpp"
#include "persistence/job_attempt.hpp"
#include "persistence/job_statements.hpp"
#include "persistence/notification_listener.hpp"

namespace repartee::persistence {
namespace {

using namespace job_statements;
constexpr Millis finish_pause{200};  // between attempts to write a job's end while the database is away

bool cannot_succeed(Errc code) {
  return code == Errc::invalid_argument || code == Errc::not_found || code == Errc::permission_denied || code == Errc::data_corrupt;
}

}  // namespace

struct JobWorker::Impl {
  Impl(Database& database, Options wanted, Metrics& all_metrics)
      : owner(database),
        options(std::move(wanted)),
        metrics(all_metrics),
        name(options.node + "/" + random_token(9)),
        running_gauge(metrics.gauge("repartee_jobs_running", "jobs being worked on by this node")),
        lost_leases(metrics.counter("repartee_jobs_leases_lost_total", "jobs whose lease ended while they ran")) {}

  // ---- the dispatcher: takes jobs, renews leases, takes up what others left, asks for the daily jobs ----

  void dispatch() {
    TimePoint renew_at{}, reclaim_at{}, daily_at{};
    bool was_woken = false;
    while (!stopping) {
      const auto now = SteadyClock::now();
      if (now >= renew_at || was_woken) {  // woken perhaps because a running job was called off
        renew();
        renew_at = now + options.lease / 3;
      }
      if (now >= reclaim_at) {
        tell(owner.run([&](Transaction& t) { t.exec(reclaim, Params(options.dead_kept.count(), options.result_kept.count())); }));
        reclaim_at = now + options.poll;
      }
      if (now >= daily_at) { daily_at = now + (ask_for_daily() ? options.daily_check : options.poll); }
      for (auto& [queue, pool] : pools) fill(queue, *pool);
      std::unique_lock lock(mutex);
      was_woken = woken.wait_until(lock, std::min(renew_at, now + options.poll), [&] { return awake || stopping; });
      awake = false;
    }
  }

  void fill(const std::string& queue, WorkerPool& pool) {
    const auto room = [&] {
      std::lock_guard lock(mutex);
      return pool.workers() - running_in[queue];
    }();
    if (room == 0 || stopping) return;
    const auto leased_until = SteadyClock::now() + options.lease;
    auto taken = owner.run([&](Transaction& t) { return t.exec(take, Params(queue, kinds_json, name, options.lease.count(), room)); });
    if (!taken) return tell(taken.error());
    tell({});
    for (const auto& row : *taken) begin(std::make_shared<JobAttempt>(to_job(row), stopping, leased_until), pool);
  }

  void begin(std::shared_ptr<JobAttempt> attempt, WorkerPool& pool) {
    {
      std::lock_guard lock(mutex);
      running.push_back(attempt);
      ++running_in[attempt->job().queue];
      running_gauge.set(static_cast<double>(running.size()));
    }
    const auto submitted =
        pool.submit({.run = [this, attempt] { run(*attempt); }, .dropped = [this, attempt](Errc) { put_back(*attempt); }});
    if (!submitted) put_back(*attempt);
  }

  void renew() {
    std::vector<std::shared_ptr<JobAttempt>> attempts;
    {
      std::lock_guard lock(mutex);
      attempts = running;
    }
    if (attempts.empty()) return;
    auto leases = nlohmann::json::array();
    for (const auto& attempt : attempts)
      leases.push_back({{"id", attempt->job().id}, {"attempts", attempt->job().attempts}, {"progress", attempt->progress()}});
    const auto leased_until = SteadyClock::now() + options.lease;
    auto kept = owner.run([&](Transaction& t) { return t.exec(keep, Params(leases.dump(), name, options.lease.count())); });
    if (!kept) return tell(kept.error());
    tell({});
    std::map<std::string, bool> cancel_asked;
    for (const auto& row : *kept) cancel_asked[row.text("id")] = row.boolean("cancel_asked");
    for (const auto& attempt : attempts) {
      const auto row = cancel_asked.find(attempt->job().id);
      if (row == cancel_asked.end()) {
        attempt->lose();
        continue;
      }
      attempt->lease_until(leased_until);
      if (row->second) attempt->cancel();
    }
  }

  bool ask_for_daily() {
    for (const auto& kind : daily) {
      const auto day = to_timestamp(std::chrono::system_clock::now()).substr(0, 10);
      const NewJob job{.kind = kind, .queue = "default", .user_id = {}, .payload_json = "{}", .unique_key = kind + ":" + day};
      if (auto asked = JobQueue(owner).enqueue(job); !asked) {
        tell(asked.error());
        return false;
      }
    }
    return true;
  }

  // ---- one attempt, on a thread of its queue's ----

  void run(JobAttempt& attempt) {
    const auto& job = attempt.job();
    Result<std::string> result = Error{Errc::internal, "not run"};
    try {
      result = handlers.at(job.kind)(attempt);
    } catch (const std::exception& e) { result = Error{Errc::internal, std::string("the handler threw: ") + e.what()}; }
    if (result && !nlohmann::json::accept(*result)) result = Error{Errc::data_corrupt, "the handler's result is not JSON"};
    end(attempt, result);
  }

  void put_back(JobAttempt& attempt) { end(attempt, Error{Errc::cancelled, "not begun"}); }

  void end(JobAttempt& attempt, const Result<std::string>& result) {
    const char* outcome = "lost";
    while (!attempt.lost()) {
      auto written = owner.run([&](Transaction& t) { return write_end(t, attempt, result, outcome); });
      if (written) {
        if (!*written) outcome = "lost";
        break;
      }
      tell(written.error());
      outcome = "lost";
      if (stopping) break;  // the lease ends by itself, and another worker takes the job up
      std::this_thread::sleep_for(finish_pause);
    }
    if (outcome == std::string_view("lost")) lost_leases.add();
    if (!result && outcome != std::string_view("cancelled") && outcome != std::string_view("put_back"))
      log::warn("jobs", "an attempt failed",
                {{"job", attempt.job().id},
                 {"kind", attempt.job().kind},
                 {"attempt", attempt.job().attempts},
                 {"outcome", outcome},
                 {"error", result.error().message}});
    metrics
        .counter("repartee_jobs_attempts_total", "attempts at jobs, by how they ended",
                 {{"queue", attempt.job().queue}, {"outcome", outcome}})
        .add();
    std::lock_guard lock(mutex);
    std::erase_if(running, [&](const auto& other) { return other.get() == &attempt; });
    --running_in[attempt.job().queue];
    running_gauge.set(static_cast<double>(running.size()));
    awake = true;
    woken.notify_all();
  }

  // false: the job is not ours any more.
  bool write_end(Transaction& t, const JobAttempt& attempt, const Result<std::string>& result, const char*& outcome) {
    const auto& job = attempt.job();
    const auto kept_hours = options.result_kept.count();
    if (result) {
      outcome = "completed";
      return t.exec(complete, Params(job.id, name, job.attempts, *result, kept_hours)).affected() > 0;
    }
    if (attempt.cancelled()) {
      outcome = "cancelled";
      return t.exec(end_cancelled, Params(job.id, name, job.attempts, kept_hours)).affected() > 0;
    }
    if (attempt.worker_ends()) {
      outcome = "put_back";
      return t.exec(release, Params(job.id, name, job.attempts)).affected() > 0;
    }
    const bool dead = cannot_succeed(result.error().code) || job.attempts >= job.attempts_max;
    outcome = dead ? "dead" : "retry";
    return t.exec(dead ? bury : retry, dead ? Params(job.id, name, job.attempts, result.error().message, options.dead_kept.count())
                                            : Params(job.id, name, job.attempts, result.error().message, options.backoff_min.count(),
                                                     options.backoff_max.count()))
               .affected() > 0;
  }

  void tell(const Status& status) {
    if (status.ok() == !away.exchange(!status.ok())) return;
    if (status) log::info("jobs", "the database answers again");
    else log::warn("jobs", "the database does not answer: jobs wait", {{"error", status.error().message}});
  }

  void wake() {
    std::lock_guard lock(mutex);
    awake = true;
    woken.notify_all();
  }

  Database& owner;
  const Options options;
  Metrics& metrics;
  const std::string name;
  Gauge& running_gauge;
  Counter& lost_leases;
  std::map<std::string, Handler> handlers;
  std::vector<std::string> daily;
  std::string kinds_json;
  std::atomic<bool> stopping{false}, away{false};
  std::mutex mutex;
  std::condition_variable woken;
  bool awake = false;  // under mutex, as are the next two
  std::vector<std::shared_ptr<JobAttempt>> running;
  std::map<std::string, std::size_t> running_in;
  std::map<std::string, std::unique_ptr<WorkerPool>> pools;
  std::unique_ptr<NotificationListener> listener;
  std::thread dispatcher;
};

JobWorker::JobWorker(Database& owner, Options options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(owner, std::move(options), metrics)) {}

JobWorker::~JobWorker() {
  impl_->stopping = true;
  impl_->listener.reset();
  wake();
  if (impl_->dispatcher.joinable()) impl_->dispatcher.join();
  impl_->pools.clear();  // waits for the handlers
}

void JobWorker::add(const std::string& kind, Handler handler) { impl_->handlers[kind] = std::move(handler); }

void JobWorker::add_daily(const std::string& kind, Handler handler) {
  add(kind, std::move(handler));
  impl_->daily.push_back(kind);
}

void JobWorker::start() {
  auto kinds = nlohmann::json::array();
  for (const auto& [kind, handler] : impl_->handlers) kinds.push_back(kind);
  impl_->kinds_json = kinds.dump();
  for (const auto& [queue, workers] : impl_->options.concurrency)
    impl_->pools[queue] =
        std::make_unique<WorkerPool>(WorkerPool::Options{.name = "job-" + queue, .workers = workers, .queue_jobs_max = workers});
  if (impl_->options.listen_at)
    impl_->listener = std::make_unique<NotificationListener>(
        *impl_->options.listen_at, NotificationListener::Options{.channels = {notify_channel}},
        NotificationListener::Callbacks{.on_notification = [this](std::string_view, std::string_view) { wake(); },
                                        .on_listening = [this](bool) { wake(); }},
        impl_->metrics);
  impl_->dispatcher = std::thread([this] { impl_->dispatch(); });
}

void JobWorker::wake() { impl_->wake(); }

}  // namespace repartee::persistence
