#include "commands/allowances.hpp"

namespace repartee::commands {

StoredAllowances::StoredAllowances(persistence::Database& app, Options options)
    : app_(app), options_(std::move(options)), pool_({.name = "allowances", .workers = 1, .queue_jobs_max = options_.queue_jobs_max}) {}

auth::TierLimits StoredAllowances::limits_of_tier(const std::string& tier) const {
  const auto at = options_.tiers.find(tier);
  return at == options_.tiers.end() ? auth::TierLimits() : at->second;
}

void StoredAllowances::may_converse(Loop& loop, const auth::Caller& caller, Done done) {
  const auto limits = limits_of(caller);
  if (limits.turns_a_month == 0) return done({});
  with_usage(loop, caller.user_id, [limits, done = std::move(done)](const std::optional<auth::UsedSoFar>& used) {
    done(used ? auth::room_for_turn(limits, *used) : Status());
  });
}

void StoredAllowances::may_upload(Loop& loop, const auth::Caller& caller, std::int64_t bytes, Done done) {
  const auto limits = limits_of(caller);
  if (limits.storage_bytes_max == 0) return done(auth::room_for_upload(limits, {}, bytes));
  with_usage(loop, caller.user_id, [limits, bytes, done = std::move(done)](const std::optional<auth::UsedSoFar>& used) {
    done(auth::room_for_upload(limits, used.value_or(auth::UsedSoFar()), bytes));
  });
}

void StoredAllowances::with_usage(Loop& loop, const std::string& user_id, std::function<void(std::optional<auth::UsedSoFar>)> then) {
  std::optional<auth::UsedSoFar> fresh;
  {
    std::lock_guard lock(mutex_);
    const auto at = known_.find(user_id);
    if (at != known_.end() && loop.now() - at->second.at < options_.kept_for) fresh = at->second.used;
  }
  if (fresh) return then(fresh);
  auto handle = std::make_shared<StreamPtr>();  // nobody cancels the question
  *handle = run_on_pool<auth::UsedSoFar>(
      pool_, loop, Priority::background, SteadyClock::now() + options_.patience,
      [this, user_id]() -> Result<auth::UsedSoFar> {
        const auto usage = persistence::Accounts(app_).usage(user_id);
        if (!usage) return usage.error();
        return auth::UsedSoFar{usage->turns, usage->storage_bytes};
      },
      [this, &loop, user_id, handle, then = std::move(then)](Result<auth::UsedSoFar> used) {
        if (used) {
          std::lock_guard lock(mutex_);
          if (known_.size() >= options_.users_max) known_.clear();
          known_[user_id] = {*used, loop.now()};
        }
        then(used ? std::optional(*used) : std::nullopt);
        handle->reset();
      });
}

}  // namespace repartee::commands
