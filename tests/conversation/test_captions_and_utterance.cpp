#include <gtest/gtest.h>

#include "pipeline/partial_agreement.hpp"
#include "pipeline/utterance_buffer.hpp"

namespace repartee::pipeline {
namespace {

TEST(PartialAgreement, SaysAWordOnceTwoPartialsAgree) {
  PartialAgreement caption;
  EXPECT_EQ(caption.push("what is the"), "");
  EXPECT_EQ(caption.push("What is a number"), "What is");
  EXPECT_EQ(caption.push("What is a number of"), " a number");
  EXPECT_EQ(caption.said(), "What is a number");
}

TEST(PartialAgreement, TakesNothingBackWhenTheRecogniserChangesItsMind) {
  PartialAgreement caption;
  caption.push("I want two");
  EXPECT_EQ(caption.push("I want two"), "I want two");
  EXPECT_EQ(caption.push("eye wand"), "");
  EXPECT_EQ(caption.push("I want two apples"), "");
  EXPECT_EQ(caption.push("I want two apples"), " apples");
  EXPECT_EQ(caption.said(), "I want two apples");
}

TEST(PartialAgreement, IgnoresPunctuationAndCaseWhenItCompares) {
  PartialAgreement caption;
  caption.push("hello. there");
  EXPECT_EQ(caption.push("Hello, there you"), "Hello, there");
}

Samples ramp(std::int64_t from, std::int64_t count) {
  Samples out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(static_cast<std::int16_t>((from + i) % 30000));
  return out;
}

TEST(UtteranceBuffer, KeepsTheRunUpBeforeTheOnset) {
  UtteranceBuffer buffer({.run_up_ms = 500});
  std::int64_t pushed = 0;
  for (int i = 0; i < 100; ++i) {   // 2 s of frames
    buffer.push(ramp(pushed, 320));
    pushed += 320;
    buffer.looked_at(pushed);
  }
  buffer.begin(1700);
  const auto audio = buffer.snapshot(2000);
  ASSERT_EQ(audio->size(), 300u * 16);
  EXPECT_EQ(audio->front(), 1700 * 16 % 30000);
  EXPECT_EQ(audio->back(), (2000 * 16 - 1) % 30000);
}

TEST(UtteranceBuffer, FillsWhatHasNotArrivedWithSilence) {
  UtteranceBuffer buffer({});
  buffer.push(ramp(0, 1600));
  buffer.begin(0);
  const auto audio = buffer.snapshot(400);
  ASSERT_EQ(audio->size(), 6400u);
  EXPECT_EQ((*audio)[1599], 1599);
  EXPECT_EQ((*audio)[1600], 0);
  EXPECT_EQ(audio->back(), 0);
}

TEST(UtteranceBuffer, ClampsAnOnsetThatIsNoLongerThere) {
  UtteranceBuffer buffer({.run_up_ms = 100});
  for (int i = 0; i < 500; ++i) {
    buffer.push(ramp(i * 320, 320));
    buffer.looked_at((i + 1) * 320);
  }
  buffer.begin(0);
  EXPECT_GE(buffer.start_ms(), 10'000 - 200 - 20);
}

TEST(UtteranceBuffer, KeepsWhatNobodyHasLookedAtYet) {
  UtteranceBuffer buffer({.run_up_ms = 100});
  buffer.push(ramp(0, 10 * 16'000));   // ten seconds in one message
  buffer.looked_at(32'000);
  buffer.begin(1950);
  EXPECT_EQ(buffer.start_ms(), 1950);
  EXPECT_EQ(buffer.snapshot(2000)->front(), 1950 * 16 % 30000);
  buffer.looked_at(64'000);
  buffer.forget();   // the utterance ended at 4 s; what comes after it is still there
  buffer.begin(3950);
  EXPECT_EQ(buffer.snapshot(4000)->front(), 3950 * 16 % 30000);
}

TEST(UtteranceBuffer, HoldsLittleMoreThanTheRunUpWhileNobodySpeaks) {
  UtteranceBuffer buffer({.run_up_ms = 460});
  for (int i = 0; i < 500; ++i) {
    buffer.push(ramp(i * 320, 320));
    buffer.looked_at((i + 1) * 320);
    ASSERT_LE(buffer.capacity_bytes(), 20'000u);
  }
}

TEST(UtteranceBuffer, HoldsHalfAsMuchOfASilentLineAndGivesItBackExactly) {
  UtteranceBuffer buffer({.run_up_ms = 460});
  Samples faint;
  for (int i = 0; i < 320; ++i) faint.push_back(static_cast<std::int16_t>(i % 256 - 128));
  for (int i = 0; i < 500; ++i) {
    buffer.push(faint);
    buffer.looked_at((i + 1) * 320);
    ASSERT_LE(buffer.capacity_bytes(), 11'500u);
  }
  buffer.begin(9'600);
  const auto audio = buffer.snapshot(10'000);
  ASSERT_EQ(audio->size(), 6'400u);
  for (std::size_t i = 0; i < audio->size(); ++i) ASSERT_EQ((*audio)[i], faint[i % 320]);
}

TEST(UtteranceBuffer, GivesAnUtterancesMemoryBack) {
  UtteranceBuffer buffer({.run_up_ms = 460});
  buffer.begin(0);
  for (int i = 0; i < 500; ++i) {
    buffer.push(ramp(i * 320, 320));
    buffer.looked_at((i + 1) * 320);
  }
  EXPECT_GE(buffer.capacity_bytes(), 320'000u);
  EXPECT_LE(buffer.capacity_bytes(), 340'000u);   // little more than is needed
  buffer.forget();
  EXPECT_LE(buffer.capacity_bytes(), 20'000u);
}

TEST(UtteranceBuffer, GivesABurstsMemoryBackOnceItWasLookedAt) {
  UtteranceBuffer buffer({.run_up_ms = 460});
  buffer.push(ramp(0, 30 * 16'000));
  for (std::int64_t at = 512; at <= 30 * 16'000; at += 512) buffer.looked_at(at);
  EXPECT_LE(buffer.capacity_bytes(), 20'000u);
  buffer.begin(29'600);
  EXPECT_EQ(buffer.snapshot(30'000)->front(), 29'600 * 16 % 30000);
}

TEST(UtteranceBuffer, TakesBackWhatWasRefused) {
  UtteranceBuffer buffer({.run_up_ms = 100});
  buffer.push(ramp(0, 1600));
  buffer.push(ramp(5000, 800));
  buffer.take_back(800);
  buffer.push(ramp(1600, 1600));
  EXPECT_EQ(buffer.received_ms(), 200);
  buffer.begin(0);
  EXPECT_EQ(*buffer.snapshot(200), ramp(0, 3200));
}

TEST(UtteranceBuffer, SaysWhenItIsFull) {
  UtteranceBuffer buffer({.run_up_ms = 100, .utterance_ms_max = 1000});
  buffer.begin(0);
  buffer.push(ramp(0, 15'999));
  EXPECT_FALSE(buffer.full());
  buffer.push(ramp(0, 16));
  EXPECT_TRUE(buffer.full());
  buffer.forget();
  EXPECT_FALSE(buffer.full());
  EXPECT_EQ(buffer.length_ms(), 0);
}

}  // namespace
}  // namespace repartee::pipeline
