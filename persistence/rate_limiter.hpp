// Rate limits that all nodes share: a token bucket a subject (a user, or an address before sign-in) and endpoint, in the database, decided
// there in one atomic statement (rate_limit_take). A bucket holds a minute's requests and refills evenly.
//
// A subject that asks often is served from tokens its node has taken in advance: at most limit/lease_divisor at a time, only while
// the bucket stays half full, for at most lease_for. Hence the bound: in any time t, N nodes together allow at most
//     limit + t * limit/60 s + N * floor(limit/lease_divisor)
// requests of a subject, where the database alone would allow limit + t * limit/60 s. Limits below lease_divisor are exact. A node may
// refuse while others hold tokens: the same N * floor(limit/lease_divisor), until lease_for is over. A refusal is remembered until a token
// can be there, so that hammering does not reach the database.
//
// With the database away, or slower than `patience`, each node decides from its own copy of the bucket: the limit holds a node, no longer
// for all together. The gauge repartee_limits_database_away and the counter of decisions by source say so.
// Thread contract: every member from any thread; decide() for loops, decide_now() blocks. The loops must outlive it.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "core/limits.hpp"
#include "core/metrics.hpp"
#include "persistence/database.hpp"

namespace repartee::persistence {

class RateLimiter {
 public:
  static constexpr const char* general = "general";  // what an endpoint without a limit of its own falls under
  struct Options {
    bool enabled = true;
    // Requests a minute by endpoint.
    std::map<std::string, int> per_minute = {{general, 60}, {"login", 10}, {"upload", 20}, {"analysis", 30}, {"sessions", 60}};
    std::map<std::string, int> subject_factors;  // subjects that may do that many times as much
    int lease_divisor = 20;
    Duration lease_for = std::chrono::seconds(2);
    Duration patience = Millis(150);              // of decide(), for the database
    Duration away_for = std::chrono::seconds(1);  // after a failure the database is left alone
    std::size_t subjects_max = 65536;             // buckets held; beyond it old ones go, and with them what their node had leased
    std::size_t workers = 2;
    std::size_t queue_jobs_max = 4096;  // decisions that wait for the database; beyond it they are local
  };
  RateLimiter(Database& app, Options options, Metrics& metrics);
  ~RateLimiter();

  void decide(Loop& loop, const std::string& subject, const std::string& endpoint, int cost, std::function<void(LimitDecision)> done);
  LimitDecision decide_now(const std::string& subject, const std::string& endpoint, int cost = 1);
  // What this node knows, without asking or taking anything.
  LimitDecision last_known(const std::string& subject, const std::string& endpoint) const;
  DecideLimit as_function();  // decide() with cost 1

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::persistence
