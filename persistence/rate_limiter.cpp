#include "persistence/rate_limiter.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include "core/log.hpp"
#include "core/worker_pool.hpp"
#include "persistence/token_bucket.hpp"

namespace repartee::persistence {
namespace {

constexpr std::size_t shard_count = 16;
constexpr Duration full_again_after = std::chrono::seconds(60);  // a bucket nobody took from for that long is full: as good as none
constexpr Statement take{"limits_take", "SELECT granted, tokens FROM rate_limit_take($1, $2, $3, $4, $5, $6)"};

struct Question {
  std::string subject, endpoint;
  double cost = 1;
  TokenBucket::Limit limit;
  std::string key() const { return subject + '\n' + endpoint; }
};

}  // namespace

struct RateLimiter::Impl {
  Impl(Database& app, Options wanted, Metrics& metrics)
      : database(app),
        options(std::move(wanted)),
        from_lease(source(metrics, "lease")),
        from_database(source(metrics, "database")),
        from_node(source(metrics, "node")),
        refused(metrics.counter("repartee_limits_refused_total", "requests over their limit")),
        away(metrics.gauge("repartee_limits_database_away", "1: limits hold for each node by itself, the database does not answer")),
        pool(std::make_unique<WorkerPool>(
            WorkerPool::Options{.name = "limits", .workers = options.workers, .queue_jobs_max = options.queue_jobs_max})) {}

  static Counter& source(Metrics& metrics, const char* name) {
    return metrics.counter("repartee_limits_decisions_total", "decisions, by what they were made from", {{"source", name}});
  }

  // Nothing: there is no limit.
  std::optional<Question> question(const std::string& subject, const std::string& endpoint, int cost) const {
    if (!options.enabled || subject.empty()) return std::nullopt;
    auto limit = options.per_minute.find(endpoint);
    if (limit == options.per_minute.end()) limit = options.per_minute.find(general);
    if (limit == options.per_minute.end() || limit->second <= 0) return std::nullopt;
    const auto factor = options.subject_factors.find(subject);
    Question asked{subject, limit->first, 0, {}};
    asked.limit.capacity = limit->second * static_cast<double>(factor == options.subject_factors.end() ? 1 : factor->second);
    asked.limit.lease = std::floor(asked.limit.capacity / options.lease_divisor);
    asked.cost = std::clamp<double>(cost, 0, asked.limit.capacity);
    return asked;
  }

  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, TokenBucket> buckets;
  };
  Shard& shard_of(const std::string& key) { return shards[std::hash<std::string>{}(key) % shard_count]; }

  template <class F>
  auto with_bucket(const Question& asked, F&& work) {
    const auto key = asked.key();
    auto& shard = shard_of(key);
    std::lock_guard lock(shard.mutex);
    auto found = shard.buckets.find(key);
    if (found == shard.buckets.end()) {
      make_room(shard);
      found = shard.buckets.try_emplace(key).first;
    }
    return work(found->second);
  }

  void make_room(Shard& shard) const {
    const auto buckets_max = std::max<std::size_t>(1, options.subjects_max / shard_count);
    if (shard.buckets.size() < buckets_max) return;
    const auto now = SteadyClock::now();
    std::erase_if(shard.buckets, [&](const auto& entry) { return now - entry.second.used_at() > full_again_after; });
    if (shard.buckets.size() >= buckets_max) shard.buckets.erase(shard.buckets.begin());
  }

  std::optional<LimitDecision> decide_at_once(const Question& asked) {
    const auto now = SteadyClock::now();
    auto decision = with_bucket(asked, [&](TokenBucket& bucket) { return bucket.decide_at_once(asked.limit, asked.cost, now); });
    if (decision) return counted(*decision, from_lease);
    if (now.time_since_epoch().count() < away_until) return decide_alone(asked);
    return std::nullopt;
  }

  LimitDecision decide_alone(const Question& asked) {
    return counted(
        with_bucket(asked, [&](TokenBucket& bucket) { return bucket.decide_alone(asked.limit, asked.cost, SteadyClock::now()); }),
        from_node);
  }

  Result<LimitDecision> ask_database(const Question& asked) {
    const auto lease_for = options.lease_for;
    const double wanted =
        with_bucket(asked, [&](TokenBucket& bucket) { return bucket.wanted(asked.limit, asked.cost, SteadyClock::now(), lease_for); });
    auto grant = database.run([&](Transaction& t) {
      const auto rows =
          t.exec(take, Params(asked.subject, asked.endpoint, asked.cost, wanted, asked.limit.capacity, asked.limit.per_second()));
      return TokenBucket::Grant{rows[0].maybe_real("granted").value_or(0), rows[0].maybe_real("tokens").value_or(0)};
    });
    note(grant ? Status() : Status(grant.error()));
    return with_bucket(asked, [&](TokenBucket& bucket) -> Result<LimitDecision> {
      if (grant) return bucket.take_over(asked.limit, asked.cost, wanted, *grant, SteadyClock::now(), lease_for);
      bucket.asking_failed(asked.cost, wanted);
      return grant.error();
    });
  }

  void note(const Status& status) {
    if (status.ok() == !is_away.exchange(!status.ok())) return note_time(status);
    away.set(status ? 0 : 1);
    if (status) log::info("limits", "the database answers again: limits hold for all nodes together");
    else log::warn("limits", "the database does not answer: limits hold for this node by itself", {{"error", status.error().message}});
    note_time(status);
  }
  void note_time(const Status& status) { away_until = status ? 0 : (SteadyClock::now() + options.away_for).time_since_epoch().count(); }

  LimitDecision counted(LimitDecision decision, Counter& counter) {
    counter.add();
    if (!decision.allowed) refused.add();
    return decision;
  }

  Database& database;
  const Options options;
  Counter &from_lease, &from_database, &from_node, &refused;
  Gauge& away;
  std::array<Shard, shard_count> shards;
  std::atomic<bool> is_away{false};
  std::atomic<Duration::rep> away_until{0};
  std::unique_ptr<WorkerPool> pool;  // last: its threads end before the rest goes
};

RateLimiter::RateLimiter(Database& app, Options options, Metrics& metrics)
    : impl_(std::make_unique<Impl>(app, std::move(options), metrics)) {}
RateLimiter::~RateLimiter() = default;

LimitDecision RateLimiter::decide_now(const std::string& subject, const std::string& endpoint, int cost) {
  const auto asked = impl_->question(subject, endpoint, cost);
  if (!asked) return {};
  if (auto decision = impl_->decide_at_once(*asked)) return *decision;
  auto answer = impl_->ask_database(*asked);
  return answer ? impl_->counted(*answer, impl_->from_database) : impl_->decide_alone(*asked);
}

void RateLimiter::decide(Loop& loop, const std::string& subject, const std::string& endpoint, int cost,
                         std::function<void(LimitDecision)> done) {
  const auto asked = impl_->question(subject, endpoint, cost);
  if (!asked) return done({});
  if (auto decision = impl_->decide_at_once(*asked)) return done(*decision);

  // Whichever comes first, the database's answer or the end of patience; both on the loop.
  struct Waiting {
    std::function<void(LimitDecision)> done;
    StreamPtr timer;
    void finish(const LimitDecision& decision) {
      timer.reset();
      if (auto callback = std::exchange(done, nullptr)) callback(decision);
    }
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  auto alone = [this, waiting, asked = *asked] {
    if (waiting->done) waiting->finish(impl_->decide_alone(asked));
  };
  auto patience_ended = [this, alone] {
    impl_->note(Error{Errc::deadline_exceeded, "no answer in time"});
    alone();
  };
  const auto submitted = impl_->pool->submit({
      .run =
          [this, waiting, asked = *asked, alone, &loop] {
            loop.post([this, waiting, answer = impl_->ask_database(asked), alone] {
              if (!answer) return alone();
              if (waiting->done) waiting->finish(impl_->counted(*answer, impl_->from_database));
            });
          },
      .dropped = [alone, &loop](Errc) { loop.post(alone); },
  });
  if (!submitted) return alone();
  waiting->timer = loop.after(impl_->options.patience, patience_ended);
}

LimitDecision RateLimiter::last_known(const std::string& subject, const std::string& endpoint) const {
  const auto asked = impl_->question(subject, endpoint, 1);
  if (!asked) return {};
  const auto key = asked->key();
  auto& shard = impl_->shard_of(key);
  std::lock_guard lock(shard.mutex);
  const auto found = shard.buckets.find(key);
  return (found == shard.buckets.end() ? TokenBucket() : found->second).look(asked->limit, SteadyClock::now());
}

DecideLimit RateLimiter::as_function() {
  return [this](Loop& loop, const std::string& subject, const std::string& endpoint, std::function<void(LimitDecision)> done) {
    decide(loop, subject, endpoint, 1, std::move(done));
  };
}

}  // namespace repartee::persistence
