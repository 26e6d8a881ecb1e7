#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "realtime/call_forecast.hpp"
#include "realtime/load_sampler.hpp"

namespace repartee::realtime {
namespace {

const MachineLoad calm{.lag = Millis(2), .busy = 0.3, .wait = Millis(10)};
const MachineLoad far_too_much{.lag = Millis(300), .busy = 1.0, .wait = Millis(10)};

LoadLevel after(LoadPolicy& policy, const MachineLoad& load, int seconds) {
  for (int i = 0; i < seconds; ++i) policy.measured(load);
  return policy.level();
}

TEST(LoadPolicy, TakesTheLevelsInOrderHoweverLargeTheLoad) {
  LoadPolicy policy({});
  std::vector<LoadLevel> seen;
  for (int second = 0; second < 6; ++second) seen.push_back(policy.measured(far_too_much));
  using enum LoadLevel;
  EXPECT_EQ(seen, (std::vector{normal, no_captions, plain_voice, plainest_voice, closed, closed}));
}

TEST(LoadPolicy, GoesOnlyAsFarAsTheLoadDemands) {
  LoadPolicy policy({});
  EXPECT_EQ(after(policy, {.busy = 0.69}, 60), LoadLevel::normal);
  EXPECT_EQ(after(policy, {.busy = 0.72}, 60), LoadLevel::no_captions);
  EXPECT_EQ(after(policy, {.busy = 0.80}, 60), LoadLevel::plain_voice);
  EXPECT_EQ(after(policy, {.busy = 0.86}, 60), LoadLevel::plainest_voice);
  EXPECT_EQ(after(policy, {.busy = 0.93}, 60), LoadLevel::closed);
}

TEST(LoadPolicy, OneBadSecondChangesNothing) {
  LoadPolicy policy({});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(policy.measured(far_too_much), LoadLevel::normal);
    EXPECT_EQ(policy.measured(calm), LoadLevel::normal);
  }
}

TEST(LoadPolicy, RecoversByItselfALevelAtATime) {
  LoadPolicy policy({});
  ASSERT_EQ(after(policy, far_too_much, 10), LoadLevel::closed);
  EXPECT_EQ(after(policy, calm, 4), LoadLevel::closed) << "not at once";
  EXPECT_EQ(after(policy, calm, 1), LoadLevel::plainest_voice);
  EXPECT_EQ(after(policy, calm, 5), LoadLevel::plain_voice);
  EXPECT_EQ(after(policy, calm, 5), LoadLevel::no_captions);
  EXPECT_EQ(after(policy, calm, 5), LoadLevel::normal);
  EXPECT_EQ(after(policy, calm, 100), LoadLevel::normal);
}

// At each level the load is what that level leaves of it, as measured at Opus complexities 5, 2 and 0.
TEST(LoadPolicy, WhatALevelSavesDoesNotBringItBack) {
  for (double full_load = 0.5; full_load < 1.25; full_load += 0.01) {
    LoadPolicy policy({});
    int changes = 0;
    LoadLevel before = policy.level();
    for (int second = 0; second < 300; ++second) {
      const double share = before < LoadLevel::plain_voice ? 1.0 : before == LoadLevel::plain_voice ? 0.87 : 0.75;
      const LoadLevel now = policy.measured({.busy = std::min(full_load * share, 1.0)});
      changes += now != before;
      before = now;
    }
    EXPECT_LE(changes, 4) << "at " << full_load << " of a core: it never settles";
  }
}

TEST(LoadPolicy, WhenThereAreTooManyAtTheDoorEverythingElseGoesFirstAndComesBackLast) {
  LoadPolicy policy({});
  policy.close();
  EXPECT_EQ(policy.level(), LoadLevel::closed);
  EXPECT_EQ(after(policy, calm, 5), LoadLevel::plainest_voice) << "the door first";
  EXPECT_EQ(after(policy, calm, 15), LoadLevel::normal);
}

TEST(LoadPolicy, EachMeasureCountsByItselfAndIsNamed) {
  LoadPolicy late({}), waiting({});
  EXPECT_EQ(after(late, {.lag = Millis(60), .busy = 0.2}, 9), LoadLevel::plain_voice);
  EXPECT_STREQ(late.reason({.lag = Millis(60), .busy = 0.2}), "lag_ms");
  EXPECT_EQ(after(waiting, {.busy = 0.2, .wait = Millis(700)}, 9), LoadLevel::closed);
  EXPECT_STREQ(waiting.reason({.busy = 0.2, .wait = Millis(700)}), "inference_wait_ms");
  EXPECT_STREQ(waiting.reason({.busy = 0.9, .wait = Millis(100)}), "busy_percent");
}

TEST(LoadPolicy, WhatIsNotLookedAtDoesNotMatter) {
  LoadPolicy::Options options;
  options.full.wait = Duration::zero();
  LoadPolicy no_waits(options);
  EXPECT_EQ(after(no_waits, {.wait = std::chrono::seconds(10)}, 60), LoadLevel::normal);
  options.full = {Duration::zero(), 0, Duration::zero()};
  LoadPolicy nothing(options);
  EXPECT_EQ(after(nothing, far_too_much, 60), LoadLevel::normal);
}

TEST(LoadState, LeavesOutCaptionsThenVoiceQualityThenNewCalls) {
  LoadState state;
  const auto at = [&](LoadLevel level) {
    state.set(level);
    return std::tuple(state.captions(), state.opus_complexity(5), state.is_open());
  };
  EXPECT_EQ(at(LoadLevel::normal), std::tuple(true, 5, true));
  EXPECT_EQ(at(LoadLevel::no_captions), std::tuple(false, 5, true));
  EXPECT_EQ(at(LoadLevel::plain_voice), std::tuple(false, 2, true));
  EXPECT_EQ(at(LoadLevel::plainest_voice), std::tuple(false, 0, true));
  EXPECT_EQ(at(LoadLevel::closed), std::tuple(false, 0, false));
  state.set(LoadLevel::plain_voice);
  EXPECT_EQ(state.opus_complexity(1), 1) << "never better than it was set";
}

TEST(CallForecast, ABurstCountsBeforeItIsMeasured) {
  CallForecast forecast({.cores_a_call = 0.004});
  EXPECT_NEAR(forecast.cores_to_come(100), 0.4, 1e-9);
  for (int i = 0; i < 4; ++i) forecast.measured(100, 0.1);
  EXPECT_LT(forecast.cores_to_come(100), 0.2 + 1e-9) << "half of their youth is over";
  for (int i = 0; i < 8; ++i) forecast.measured(100, 0.4);
  EXPECT_NEAR(forecast.cores_to_come(100), 0, 1e-9) << "what they cost is in what is measured";
  EXPECT_GT(forecast.cores_to_come(150), 0.1);
}

TEST(CallForecast, LearnsWhatACallCosts) {
  CallForecast forecast({.cores_a_call = 0.004});
  for (int i = 0; i < 100; ++i) forecast.measured(50, 1.0);
  EXPECT_NEAR(forecast.cores_a_call(), 0.02, 0.001);
  for (int i = 0; i < 100; ++i) forecast.measured(3, 1.0);
  EXPECT_NEAR(forecast.cores_a_call(), 0.02, 0.001) << "too few calls to learn from";
}

TEST(CallForecast, CallsThatComeAndGoCostNothingMore) {
  CallForecast forecast({});
  for (int i = 0; i < 20; ++i) forecast.measured(200, 0.6);
  EXPECT_NEAR(forecast.cores_to_come(200), 0, 1e-9);
  EXPECT_NEAR(forecast.cores_to_come(120), 0, 1e-9);
}

TEST(LoadSampler, ABurstAtTheDoorIsRefusedAtOnceAndNobodyElseHasMoreThanTheyNeedThen) {
  AsioLoops loops(2);
  WorkerPool inference({.workers = 1});
  Metrics metrics;
  LoadSampler sampler(loops, {.policy = {}, .forecast = {.cores_a_call = 0.01}}, &inference, metrics);
  std::atomic<int> calls{0};
  sampler.start([&] { return calls.load(); });   // the loops do not run: nothing was measured yet
  int admitted = 0;
  while (admitted < 1000 && sampler.admits()) calls = ++admitted;
  EXPECT_EQ(admitted, 184) << "92% of two cores, at 1% a call";
  EXPECT_FALSE(sampler.admits());
  EXPECT_FALSE(sampler.state().captions());
  EXPECT_EQ(sampler.state().opus_complexity(5), 0);
  EXPECT_EQ(metrics.gauge("repartee_load_level", "").value(), 4);
  EXPECT_EQ(metrics.gauge("repartee_admission_open", "").value(), 0);
}

TEST(LoadSampler, LooksEachSecondAndGoesOnLooking) {
  AsioLoops loops(2);
  WorkerPool inference({.workers = 1});
  Metrics metrics;
  std::atomic<int> looks{0};
  LoadSampler sampler(loops, {}, &inference, metrics);
  sampler.start([&] { return ++looks; });
  loops.start();
  for (int i = 0; i < 2000 && looks < 4; ++i) std::this_thread::sleep_for(Millis(10));
  loops.stop();
  EXPECT_GE(looks, 4);
}

}  // namespace
}  // namespace repartee::realtime
