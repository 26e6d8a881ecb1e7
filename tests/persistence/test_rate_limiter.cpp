#include "persistence/rate_limiter.hpp"

#include <atomic>
#include <thread>

#include "persistence/token_bucket.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::persistence::test {
namespace {

using repartee::test::ManualLoop;
using std::chrono::seconds;

constexpr TokenBucket::Limit sixty{.capacity = 60, .lease = 3};
constexpr Duration lease_for = seconds(2);

TEST(TokenBucket, ServesALeaseWithoutAskingUntilItIsUsedUpOrOver) {
  TokenBucket bucket;
  TimePoint now{seconds(1000)};
  EXPECT_FALSE(bucket.decide_at_once(sixty, 1, now));
  EXPECT_EQ(bucket.wanted(sixty, 1, now, lease_for), 1) << "the first request leases nothing";
  EXPECT_TRUE(bucket.take_over(sixty, 1, 1, {1, 59}, now, lease_for).allowed);
  now += seconds(1);
  EXPECT_EQ(bucket.wanted(sixty, 1, now, lease_for), 4);
  EXPECT_EQ(bucket.wanted(sixty, 1, now, lease_for), 1) << "one lease is fetched at a time";
  EXPECT_TRUE(bucket.take_over(sixty, 1, 4, {4, 56}, now, lease_for).allowed);
  for (int i = 0; i < 3; ++i) {
    const auto decision = bucket.decide_at_once(sixty, 1, now);
    ASSERT_TRUE(decision);
    EXPECT_TRUE(decision->allowed);
    EXPECT_EQ(decision->remaining, 56 + 2 - i);
  }
  EXPECT_FALSE(bucket.decide_at_once(sixty, 1, now));
  EXPECT_EQ(bucket.wanted(sixty, 1, now, lease_for), 4);
  bucket.take_over(sixty, 1, 4, {4, 52}, now, lease_for);
  EXPECT_FALSE(bucket.decide_at_once(sixty, 1, now + lease_for)) << "a lease does not outlive its time";
}

TEST(TokenBucket, NeverHoldsMoreThanOneLease) {
  TokenBucket bucket;
  const TimePoint now{seconds(1000)};
  bucket.take_over(sixty, 1, 4, {4, 56}, now, lease_for);
  bucket.take_over(sixty, 1, 4, {4, 52}, now, lease_for);
  int served = 0;
  while (bucket.decide_at_once(sixty, 1, now)) ++served;
  EXPECT_EQ(served, 3);
}

TEST(TokenBucket, RemembersARefusalUntilATokenCanBeThere) {
  TokenBucket bucket;
  const TimePoint now{seconds(1000)};
  const auto refused = bucket.take_over(sixty, 1, 1, {0, 0.25}, now, lease_for);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.limit, 60);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_NEAR(refused.retry_after_seconds, 0.75, 1e-6);
  EXPECT_NEAR(refused.reset_seconds, 59.75, 1e-6);
  const auto again = bucket.decide_at_once(sixty, 1, now + Millis(500));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->allowed);
  EXPECT_NEAR(again->retry_after_seconds, 0.25, 1e-6);
  EXPECT_FALSE(bucket.decide_at_once(sixty, 1, now + Millis(751))) << "now the database is asked again";
}

TEST(TokenBucket, DecidesAloneFromWhatItKnewLast) {
  TokenBucket bucket;
  TimePoint now{seconds(1000)};
  bucket.take_over(sixty, 1, 1, {1, 2}, now, lease_for);
  EXPECT_TRUE(bucket.decide_alone(sixty, 1, now).allowed);
  EXPECT_TRUE(bucket.decide_alone(sixty, 1, now).allowed);
  EXPECT_FALSE(bucket.decide_alone(sixty, 1, now).allowed);
  now += seconds(2);
  EXPECT_TRUE(bucket.decide_alone(sixty, 1, now).allowed);
  EXPECT_TRUE(bucket.decide_alone(sixty, 1, now).allowed);
  EXPECT_FALSE(bucket.decide_alone(sixty, 1, now).allowed);
}

class RateLimiterTest : public StoreTest {
 protected:
  RateLimiterTest() : subject_("addr:" + new_uuid()) {}
  static RateLimiter::Options limits(int general_per_minute) {
    RateLimiter::Options options;
    options.per_minute = {{RateLimiter::general, general_per_minute}, {"login", 3}};
    options.lease_for = seconds(60);
    return options;
  }
  static int allowed_of(RateLimiter& limiter, const std::string& subject, int asked) {
    int allowed = 0;
    for (int i = 0; i < asked; ++i) allowed += limiter.decide_now(subject, RateLimiter::general).allowed;
    return allowed;
  }
  double decisions(Metrics& metrics, const char* source) {
    return metrics.counter("repartee_limits_decisions_total", "", {{"source", source}}).value();
  }
  void fill_buckets() {  // as if a minute had passed
    ASSERT_TRUE(owner_.run([&](Transaction& t) {
      t.exec({"t_fill", "UPDATE rate_limits SET tokens = 1000 WHERE subject = $1"}, Params(subject_));
    }));
  }
  Metrics own_metrics_;
  std::string subject_;
};

TEST_F(RateLimiterTest, AllowsALimitsWorthAndThenSaysWhenToComeBack) {
  RateLimiter limiter(app_, limits(60), own_metrics_);
  for (int i = 0; i < 3; ++i) {
    const auto decision = limiter.decide_now(subject_, "login");
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.limit, 3);
    EXPECT_EQ(decision.remaining, 2 - i);
  }
  const auto refused = limiter.decide_now(subject_, "login");
  EXPECT_FALSE(refused.allowed);
  EXPECT_GT(refused.retry_after_seconds, 10);
  EXPECT_LE(refused.retry_after_seconds, 20);
  EXPECT_TRUE(limiter.decide_now(subject_, RateLimiter::general).allowed) << "each endpoint has its own bucket";
  EXPECT_TRUE(limiter.decide_now("addr:" + new_uuid(), "login").allowed) << "and each subject";
}

TEST_F(RateLimiterTest, CountsAnEndpointWithoutALimitOfItsOwnAsGeneral) {
  RateLimiter limiter(app_, limits(2), own_metrics_);
  EXPECT_TRUE(limiter.decide_now(subject_, "somewhere").allowed);
  EXPECT_TRUE(limiter.decide_now(subject_, "elsewhere").allowed);
  EXPECT_FALSE(limiter.decide_now(subject_, RateLimiter::general).allowed);
}

TEST_F(RateLimiterTest, LetsAFavouredSubjectDoMore) {
  auto options = limits(2);
  options.subject_factors[subject_] = 3;
  RateLimiter limiter(app_, options, own_metrics_);
  EXPECT_EQ(allowed_of(limiter, subject_, 10), 6);
}

TEST_F(RateLimiterTest, LimitsNothingWhenSwitchedOff) {
  auto options = limits(1);
  options.enabled = false;
  RateLimiter limiter(app_, options, own_metrics_);
  EXPECT_EQ(allowed_of(limiter, subject_, 10), 10);
}

TEST_F(RateLimiterTest, SharesASmallLimitExactlyBetweenThreeNodesAtOnce) {
  std::vector<std::unique_ptr<RateLimiter>> nodes;
  for (int i = 0; i < 3; ++i) nodes.push_back(std::make_unique<RateLimiter>(app_, limits(19), own_metrics_));  // below lease_divisor
  const auto started = SteadyClock::now();
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (auto& node : nodes)
    for (int i = 0; i < 2; ++i) threads.emplace_back([&] { allowed += allowed_of(*node, subject_, 40); });
  for (auto& thread : threads) thread.join();
  const auto refilled = static_cast<int>(std::chrono::duration<double>(SteadyClock::now() - started).count() * 19 / 60) + 1;
  EXPECT_GE(allowed, 19);
  EXPECT_LE(allowed, 19 + refilled);
}

// Three nodes lease all they may, the bucket fills up, and everybody takes what they can: the worst case of the stated bound.
TEST_F(RateLimiterTest, ExceedsASharedLimitByNoMoreThanItsStatedBound) {
  constexpr int limit = 200, lease = 10, count = 3;
  std::vector<std::unique_ptr<RateLimiter>> nodes;
  for (int i = 0; i < count; ++i) nodes.push_back(std::make_unique<RateLimiter>(app_, limits(limit), own_metrics_));
  for (auto& node : nodes) EXPECT_EQ(allowed_of(*node, subject_, 2), 2);  // the second leases
  fill_buckets();
  const auto started = SteadyClock::now();
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (auto& node : nodes) threads.emplace_back([&] { allowed += allowed_of(*node, subject_, limit); });
  for (auto& thread : threads) thread.join();
  const auto refilled = static_cast<int>(std::chrono::duration<double>(SteadyClock::now() - started).count() * limit / 60) + 1;
  EXPECT_GT(allowed, limit) << "the leases are real";
  EXPECT_LE(allowed, limit + count * lease + refilled);
  EXPECT_GE(decisions(own_metrics_, "lease"), count * lease);
}

TEST_F(RateLimiterTest, DecidesForALoopWithoutBlockingIt) {
  RateLimiter limiter(app_, limits(60), own_metrics_);
  ManualLoop loop;
  std::vector<bool> answers;
  for (int i = 0; i < 4; ++i)
    limiter.decide(loop, subject_, "login", 1, [&](const LimitDecision& decision) { answers.push_back(decision.allowed); });
  EXPECT_TRUE(wait_until([&] {
    loop.run();
    return answers.size() == 4;
  }));
  EXPECT_EQ(std::count(answers.begin(), answers.end(), true), 3);
}

TEST_F(RateLimiterTest, HoldsTheLimitByItselfWhileTheDatabaseIsAwayAndSaysSo) {
  Database nowhere({.conninfo = "host=/tmp/repartee-nobody-listens-here dbname=x", .set_role = ""}, {}, own_metrics_);
  RateLimiter limiter(nowhere, limits(60), own_metrics_);
  EXPECT_EQ(allowed_of(limiter, subject_, 100), 60);
  EXPECT_EQ(own_metrics_.gauge("repartee_limits_database_away", "").value(), 1);
  EXPECT_EQ(decisions(own_metrics_, "node"), 100);
  EXPECT_EQ(decisions(own_metrics_, "database"), 0);
}

TEST_F(RateLimiterTest, GoesOnAfterPostgresWasKilled) {
  auto options = limits(600);
  options.away_for = Millis(20);
  RateLimiter limiter(app_, options, own_metrics_);
  EXPECT_TRUE(limiter.decide_now(subject_, RateLimiter::general).allowed);
  cluster_.kill_postmaster();
  EXPECT_TRUE(wait_until([&] {
    EXPECT_TRUE(limiter.decide_now("addr:" + new_uuid(), RateLimiter::general).allowed) << "nobody is refused for it";
    return own_metrics_.gauge("repartee_limits_database_away", "").value() == 0 && app_.ping().ok();
  }));
}

TEST_F(RateLimiterTest, ForgetsOldSubjectsInsteadOfGrowing) {
  auto options = limits(60);
  options.subjects_max = 32;
  Database nowhere({.conninfo = "host=/tmp/repartee-nobody-listens-here dbname=x", .set_role = ""}, {}, own_metrics_);
  RateLimiter limiter(nowhere, options, own_metrics_);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.decide_now("addr:" + std::to_string(i), RateLimiter::general).allowed);
}

TEST_F(RateLimiterTest, ShowsTheServersRoleNothingOfOthersBuckets) {
  RateLimiter limiter(app_, limits(60), own_metrics_);
  ASSERT_TRUE(limiter.decide_now("user:" + user_, "login").allowed);
  EXPECT_EQ(scalar({"t_bucket_user", "SELECT count(*) AS v FROM rate_limits WHERE user_id = $1"}, Params(user_)), "1");
  for (const char* sql : {"SELECT FROM rate_limits", "UPDATE rate_limits SET tokens = 1000", "DELETE FROM rate_limits"}) {
    const auto name = "t_probe" + new_uuid();
    EXPECT_EQ(app_.run(
                      [&](Transaction& t) {
                        t.exec({name.c_str(), sql});
                      },
                      {.user_id = user_})
                  .error()
                  .code,
              Errc::permission_denied)
        << sql;
  }
}

}  // namespace
}  // namespace repartee::persistence::test
