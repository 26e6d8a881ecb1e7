// Floors below the figures of bench/README.md, so that a change that makes answers worse is seen.
#include <gtest/gtest.h>

#include "tests/answers/answer_lab.hpp"

namespace repartee::test {
namespace {

AnswerFigures figures_of(AnswerLab& lab, bool words, bool vectors) {
  pipeline::HybridRetriever::Options options;
  options.use_words = words;
  options.use_vectors = vectors;
  options.embedding_patience = std::chrono::seconds(60);
  AnswerFigures all;
  for (const auto& [split, figures] : lab.run(options)) all.add(figures);
  return all;
}

TEST(Answers, ToTheLabelledSetAreAsGoodAsTheyWere) {
  AnswerLab lab;
  ASSERT_GE(lab.documents(), 20U);
  ASSERT_GE(lab.questions().size(), 120U);
  const auto both = figures_of(lab, true, true);
  EXPECT_GE(both.recall_at_5(), 0.66);  // of what was found relevant enough
  EXPECT_GE(both.answer_rate(), 0.62);
  EXPECT_GE(both.silence_kept(), 0.75);
  EXPECT_LE(both.wrong_rate(), 0.11);
  const auto words = figures_of(lab, true, false);
  EXPECT_GE(words.answer_rate(), 0.55);
  EXPECT_LE(words.wrong_rate(), 0.12);
}

}  // namespace
}  // namespace repartee::test
