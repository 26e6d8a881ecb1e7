#include <gtest/gtest.h>

#include <random>

#include "realtime/playout.hpp"

namespace repartee::realtime {
namespace {

constexpr int rate = 16000;
Samples audio_ms(int ms) { return Samples(static_cast<std::size_t>(rate / 1000 * ms), 100); }

int take_all(Playout& playout, TimePoint now) {
  int frames = 0;
  while (!playout.take_frame(now).empty()) ++frames;
  return frames;
}

TEST(Playout, SendsItsLeadAtOnceAndThenKeepsPace) {
  const TimePoint t0{std::chrono::hours(1)};
  Playout playout({.lead_ms = 200}, rate);
  playout.push_audio(audio_ms(2000));
  EXPECT_EQ(take_all(playout, t0), 10);
  EXPECT_EQ(take_all(playout, t0 + Millis(10)), 1);
  EXPECT_EQ(take_all(playout, t0 + Millis(210)), 10);
}

TEST(Playout, NeverLeadsByMoreThanItsLead) {
  const TimePoint t0{std::chrono::hours(1)};
  Playout playout({.lead_ms = 200}, rate);
  playout.push_audio(audio_ms(3000));
  playout.finish();
  for (TimePoint now = t0; !playout.all_sent(); now += Millis(7)) {
    take_all(playout, now);
    EXPECT_LE(playout.sent_ms() - playout.heard_ms(now), 200 + frame_ms);
  }
}

TEST(Playout, AsksAgainExactlyWhenAFrameIsDue) {
  TimePoint now{std::chrono::hours(1)};
  Playout playout({.lead_ms = 100}, rate);
  playout.push_audio(audio_ms(1000));
  playout.finish();
  int wakes = 0;
  take_all(playout, now);
  while (const auto due = playout.next_due(now)) {
    now = std::max(now, *due);
    ASSERT_GT(take_all(playout, now), 0) << "woken for nothing";
    ++wakes;
  }
  EXPECT_TRUE(playout.all_sent());
  EXPECT_LE(wakes, 50);
}

TEST(Playout, CountsAGapInTheAudioAsAStallNotAsHeard) {
  const TimePoint t0{std::chrono::hours(1)};
  Playout playout({.lead_ms = 200}, rate);
  playout.push_audio(audio_ms(100));
  take_all(playout, t0);
  EXPECT_EQ(playout.heard_ms(t0 + Millis(500)), 100);   // ran dry at 100
  playout.push_audio(audio_ms(100));
  take_all(playout, t0 + Millis(600));
  EXPECT_EQ(playout.stalled_ms(), 500);
  EXPECT_EQ(playout.heard_ms(t0 + Millis(640)), 140);
}

TEST(Playout, CountsAWordAsHeardWhenItsMiddleWasPlayed) {
  Playout playout({}, rate);
  playout.push_word({"one", 0, 200});
  playout.push_word({"two,", 200, 600});
  playout.push_word({"three.", 600, 900});
  EXPECT_EQ(playout.heard_text(0), "");
  EXPECT_EQ(playout.heard_text(99), "");
  EXPECT_EQ(playout.heard_text(100), "one");
  EXPECT_EQ(playout.heard_text(399), "one");
  EXPECT_EQ(playout.heard_text(400), "one two,");
  EXPECT_EQ(playout.heard_text(5000), "one two, three.");
}

TEST(Playout, SendsNothingAfterACut) {
  const TimePoint t0{std::chrono::hours(1)};
  Playout playout({.lead_ms = 100}, rate);
  playout.push_audio(audio_ms(1000));
  take_all(playout, t0);
  playout.cut();
  EXPECT_EQ(take_all(playout, t0 + std::chrono::seconds(5)), 0);
  EXPECT_FALSE(playout.next_due(t0).has_value());
  EXPECT_EQ(playout.sent_ms(), 100);
}

TEST(Playout, PadsTheLastFrameAndKnowsTheEndOfPlayback) {
  const TimePoint t0{std::chrono::hours(1)};
  Playout playout({.lead_ms = 300}, rate);
  playout.push_audio(audio_ms(30));
  EXPECT_EQ(take_all(playout, t0), 1) << "half a frame waits for more";
  playout.finish();
  EXPECT_EQ(take_all(playout, t0), 1);
  ASSERT_TRUE(playout.end_of_playback().has_value());
  EXPECT_EQ(*playout.end_of_playback(), t0 + Millis(40));
}

TEST(Playout, HearsNeverMoreThanWasSentWhateverTheTiming) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    TimePoint now{std::chrono::hours(1)};
    Playout playout({.lead_ms = 200}, rate);
    std::int64_t before = 0;
    for (int i = 0; i < 200; ++i) {
      now += Millis(random() % 90);
      if (random() % 3 == 0) playout.push_audio(audio_ms(static_cast<int>(random() % 200)));
      take_all(playout, now);
      const std::int64_t heard = playout.heard_ms(now);
      ASSERT_LE(heard, playout.sent_ms());
      ASSERT_GE(heard, before) << "playback never runs backwards";
      before = heard;
    }
  }
}

}  // namespace
}  // namespace repartee::realtime
