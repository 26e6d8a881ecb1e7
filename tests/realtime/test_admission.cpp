#include <gtest/gtest.h>

#include "realtime/admission.hpp"
#include "realtime/input_rates.hpp"

namespace repartee::realtime {
namespace {

constexpr LoopLoad calm{Millis(1), 0.3}, middling{Millis(85), 0.8}, late{Millis(150), 0.5}, busy{Millis(1), 0.97};

TEST(Admission, ClosesWhenTheLoopsStayLateOrBusyAndNotForOneBadSecond) {
  for (const LoopLoad& load : {late, busy}) {
    Admission admission({});
    EXPECT_TRUE(admission.measured(load));
    EXPECT_TRUE(admission.measured(load));
    EXPECT_TRUE(admission.measured(calm)) << "it passed";
    EXPECT_TRUE(admission.measured(load));
    EXPECT_TRUE(admission.measured(load));
    EXPECT_FALSE(admission.measured(load));
  }
}

TEST(Admission, OpensAgainOnlyWhenThereIsClearlyRoom) {
  Admission admission({});
  for (int i = 0; i < 3; ++i) admission.measured(late);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(admission.measured(middling)) << "below the limit, but not clearly";
  EXPECT_FALSE(admission.measured(calm));
  EXPECT_FALSE(admission.measured(calm));
  EXPECT_TRUE(admission.measured(calm));
}

TEST(Admission, WhereItIsOffLoadDoesNotMatter) {
  Admission admission({.lag_max = Duration::zero()});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(admission.measured(late));
}

TEST(InputRates, ABurstIsFineWhatStaysTooFastIsRefusedAndThenTheEnd) {
  InputRates rates({.control_per_second = 10, .control_burst_seconds = 2, .refusals_max = 3});
  const TimePoint start = TimePoint{} + std::chrono::seconds(1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(rates.control_event(start), InputRates::Verdict::fine);
  EXPECT_EQ(rates.control_event(start), InputRates::Verdict::refused);
  EXPECT_EQ(rates.control_event(start + Millis(150)), InputRates::Verdict::fine) << "one came back";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(rates.control_event(start + Millis(150)), InputRates::Verdict::refused);
  EXPECT_EQ(rates.control_event(start + Millis(150)), InputRates::Verdict::closed);
}

TEST(InputRates, AWholeUtteranceAtOnceIsFineHoursOfAudioAMinuteAreNot) {
  InputRates rates({});
  TimePoint now = TimePoint{} + std::chrono::seconds(1);
  EXPECT_EQ(rates.audio(now), InputRates::Verdict::fine);
  rates.audio_taken(60'000);
  EXPECT_EQ(rates.audio(now), InputRates::Verdict::fine);
  rates.audio_taken(70'000);
  EXPECT_EQ(rates.audio(now), InputRates::Verdict::refused);
  EXPECT_EQ(rates.control_event(now), InputRates::Verdict::fine) << "the two are counted apart";
  now += std::chrono::seconds(5);
  for (int second = 0; second < 600; ++second, now += std::chrono::seconds(1)) {   // at its natural pace, for ever
    ASSERT_EQ(rates.audio(now), InputRates::Verdict::fine);
    rates.audio_taken(1'000);
  }
}

}  // namespace
}  // namespace repartee::realtime
