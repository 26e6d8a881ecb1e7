#include "persistence/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace repartee::persistence {
namespace {

Duration from_seconds(double seconds) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)); }
double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

double TokenBucket::level(const Limit& limit, TimePoint now) const {
  if (!seen_) return limit.capacity;
  return std::min(limit.capacity, tokens_ + std::max(0.0, seconds_of(now - as_of_)) * limit.per_second());
}

LimitDecision TokenBucket::answer(const Limit& limit, double cost, bool allowed, TimePoint now) const {
  const double shared = level(limit, now);
  LimitDecision decision;
  decision.allowed = allowed;
  decision.limit = static_cast<int>(limit.capacity);
  decision.remaining = static_cast<int>(std::min(limit.capacity, shared + leased(now)));
  decision.reset_seconds = (limit.capacity - shared) / limit.per_second();
  if (!allowed) {
    decision.remaining = 0;
    decision.retry_after_seconds = std::max(0.0, cost - shared) / limit.per_second();
    if (now < refused_until_) decision.retry_after_seconds = std::max(decision.retry_after_seconds, seconds_of(refused_until_ - now));
  }
  return decision;
}

LimitDecision TokenBucket::look(const Limit& limit, TimePoint now) const { return answer(limit, 0, true, now); }

std::optional<LimitDecision> TokenBucket::decide_at_once(const Limit& limit, double cost, TimePoint now) {
  if (leased(now) >= cost) {
    asked_at_ = now;
    leased_ -= cost;
    return answer(limit, cost, true, now);
  }
  if (now < refused_until_ && cost >= refused_cost_) return answer(limit, cost, false, now);
  return std::nullopt;
}

double TokenBucket::wanted(const Limit& limit, double cost, TimePoint now, Duration lease_for) {
  const bool often = asked_at_ != TimePoint{} && now - asked_at_ < lease_for;
  asked_at_ = now;
  if (!often || leasing_ || limit.lease < 1) return cost;
  leasing_ = true;
  return cost + limit.lease;
}

LimitDecision TokenBucket::take_over(const Limit& limit, double cost, double wanted, const Grant& grant, TimePoint now,
                                     Duration lease_for) {
  asking_failed(cost, wanted);
  seen_ = true;
  tokens_ = grant.tokens;
  as_of_ = now;
  if (grant.granted < cost) {
    refused_cost_ = cost;
    refused_until_ = now + from_seconds(std::max(0.0, cost - grant.tokens) / limit.per_second());
    return answer(limit, cost, false, now);
  }
  if (grant.granted > cost) {
    leased_ = std::min(leased(now) + grant.granted - cost, limit.lease);
    leased_until_ = now + lease_for;
  }
  return answer(limit, cost, true, now);
}

void TokenBucket::asking_failed(double cost, double wanted) {
  if (wanted > cost) leasing_ = false;
}

LimitDecision TokenBucket::decide_alone(const Limit& limit, double cost, TimePoint now) {
  const double have = level(limit, now);
  seen_ = true;
  as_of_ = now;
  const bool allowed = have >= cost;
  tokens_ = allowed ? have - cost : have;
  return answer(limit, cost, allowed, now);
}

}  // namespace repartee::persistence
