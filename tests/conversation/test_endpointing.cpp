#include <gtest/gtest.h>

#include "pipeline/endpointing.hpp"

namespace repartee::pipeline {
namespace {

TEST(Endpointing, ReadsWhetherWordsAreComplete) {
  EXPECT_EQ(read_completeness("What time is it?"), Completeness::complete);
  EXPECT_EQ(read_completeness("I live in Berlin."), Completeness::complete);
  EXPECT_EQ(read_completeness("What is that for?"), Completeness::complete) << "a question may end with a preposition";
  EXPECT_EQ(read_completeness("I want to go to."), Completeness::trailing) << "the recogniser's full stop proves nothing";
  EXPECT_EQ(read_completeness("well, um"), Completeness::trailing);
  EXPECT_EQ(read_completeness("first,"), Completeness::trailing);
  EXPECT_EQ(read_completeness("I was thinking..."), Completeness::trailing);
  EXPECT_EQ(read_completeness("ten of clubs"), Completeness::unknown);
  EXPECT_EQ(read_completeness("  "), Completeness::unknown);
}

TEST(Endpointing, WaitsShorterForCompleteWordsAndUpToItsCapForTrailingOnes) {
  for (const auto eagerness : {TurnEagerness::low, TurnEagerness::medium, TurnEagerness::high}) {
    const auto spans = semantic_endpointing(eagerness);
    EXPECT_LT(silence_needed_ms(spans, "I am done."), silence_needed_ms(spans, "perhaps tomorrow"));
    EXPECT_EQ(silence_needed_ms(spans, "because the"), spans.cap_ms);
  }
  EXPECT_EQ(semantic_endpointing(TurnEagerness::low).cap_ms, 8000);
  EXPECT_EQ(semantic_endpointing(TurnEagerness::medium).cap_ms, 4000);
  EXPECT_EQ(semantic_endpointing(TurnEagerness::high).cap_ms, 2000);
}

}  // namespace
}  // namespace repartee::pipeline
