// One subject's bucket at one endpoint, as a node knows it: the shared bucket as the database last told, tokens leased from it, a
// refusal that still stands. Pure: time is passed in. See rate_limiter.hpp for what it adds up to.
// Thread contract: one thread at a time.
#pragma once
#include <optional>

#include "core/limits.hpp"

namespace repartee::persistence {

class TokenBucket {
 public:
  struct Limit {
    double capacity = 0;  // tokens; a minute's
    double lease = 0;     // taken in advance, at most
    double per_second() const { return capacity / 60; }
  };
  struct Grant {  // the database's answer
    double granted = 0;
    double tokens = 0;  // left in the shared bucket
  };

  // From the lease, or a refusal that still stands. Nothing: the database must be asked.
  std::optional<LimitDecision> decide_at_once(const Limit& limit, double cost, TimePoint now);
  // How much to ask for: with a lease when the subject asks often and no lease is being fetched already.
  double wanted(const Limit& limit, double cost, TimePoint now, Duration lease_for);
  LimitDecision take_over(const Limit& limit, double cost, double wanted, const Grant& grant, TimePoint now, Duration lease_for);
  void asking_failed(double cost, double wanted);
  LimitDecision decide_alone(const Limit& limit, double cost, TimePoint now);  // from this node's copy
  LimitDecision look(const Limit& limit, TimePoint now) const;
  TimePoint used_at() const { return asked_at_; }

 private:
  double level(const Limit& limit, TimePoint now) const;
  double leased(TimePoint now) const { return now < leased_until_ ? leased_ : 0; }
  LimitDecision answer(const Limit& limit, double cost, bool allowed, TimePoint now) const;

  bool seen_ = false;  // false: full
  double tokens_ = 0;  // of the shared bucket, at as_of_
  TimePoint as_of_{}, asked_at_{};
  double leased_ = 0;
  TimePoint leased_until_{};
  bool leasing_ = false;
  double refused_cost_ = 0;
  TimePoint refused_until_{};
};

}  // namespace repartee::persistence
