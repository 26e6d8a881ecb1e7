// What users of a tier may still do this month, asked of the store now and then and counted on from there.
// Thread contract: as auth::Allowances says; made before the loops run, outlives the transport.
#pragma once
#include <map>
#include <mutex>
#include <unordered_map>

#include "core/worker_pool.hpp"
#include "persistence/accounts.hpp"
#include "realtime/auth/tier_limits.hpp"

namespace repartee::commands {

class StoredAllowances final : public auth::Allowances {
 public:
  struct Options {
    std::map<std::string, auth::TierLimits> tiers;
    Duration kept_for = std::chrono::seconds(5);
    std::size_t users_max = 10'000;        // remembered; beyond it all are forgotten
    std::size_t queue_jobs_max = 1'024;
    Duration patience = std::chrono::seconds(2);  // then it is allowed: nobody is kept waiting by a database that is away
  };
  StoredAllowances(persistence::Database& app, Options options);

  auth::TierLimits limits_of(const auth::Caller& caller) const override { return limits_of_tier(caller.tier); }
  auth::TierLimits limits_of_tier(const std::string& tier) const;
  void may_converse(Loop& loop, const auth::Caller& caller, Done done) override;
  void may_upload(Loop& loop, const auth::Caller& caller, std::int64_t bytes, Done done) override;

 private:
  struct Known {
    auth::UsedSoFar used;
    TimePoint at;
  };
  void with_usage(Loop& loop, const std::string& user_id, std::function<void(std::optional<auth::UsedSoFar>)> then);

  persistence::Database& app_;
  const Options options_;
  std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;
  WorkerPool pool_;  // last: its jobs end before what they use goes
};

}  // namespace repartee::commands
