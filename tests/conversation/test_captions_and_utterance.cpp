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
  for (int i = 0; i < 500; ++i) buffer.push(ramp(i * 320, 320));
  buffer.begin(0);
  EXPECT_GE(buffer.start_ms(), 10'000 - 200 - 20);
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
