// The yardsticks themselves: word error rate and the G.722 decoder that the speech tests read recordings with.
#include <gtest/gtest.h>

#include "tests/support/corpus.hpp"
#include "tests/support/g722.hpp"
#include "tests/support/signal.hpp"
#include "tests/support/wer.hpp"

namespace repartee::test {
namespace {

TEST(WordErrorRate, CountsSubstitutedAddedAndMissingWords) {
  EXPECT_EQ(word_errors("one two three four", "one two three four").errors, 0u);
  EXPECT_EQ(word_errors("one two three four", "one too three").errors, 2u);
  EXPECT_EQ(word_errors("one two", "well one two").errors, 1u);
  EXPECT_EQ(word_errors("one two three", "").errors, 3u);
  EXPECT_DOUBLE_EQ(word_errors("one two three four", "one two").rate(), 0.5);
}

TEST(WordErrorRate, TakesNoOffenceAtSpellingConventions) {
  EXPECT_EQ(word_errors("Press forty two, Mister Smith!", "press 42 mr. smith").errors, 0u);
  EXPECT_EQ(word_errors("a well-known nine per cent", "A well known 9 percent.").errors, 0u);
}

TEST(G722Decoder, DecodesASecondOfSilenceToASecondOfSilence) {
  const auto silence =
      load_samples({.id = "silence/1", .transcript = "", .file = "/usr/share/asterisk/sounds/en_US_f_Allison/silence/1.g722"});
  ASSERT_TRUE(silence.ok()) << silence.error().message;
  EXPECT_EQ(silence->size(), 16000u);
  EXPECT_LT(power(*silence), 20);
}

TEST(Corpus, HoldsTheRecordingsOfBothPackages) {
  const auto prompts = asterisk_prompts();
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  EXPECT_GT(prompts->size(), 150u);
  const auto sphinx = pocketsphinx_recordings();
  ASSERT_TRUE(sphinx.ok()) << sphinx.error().message;
  EXPECT_EQ(sphinx->size(), 10u);
  const auto samples = load_samples(prompts->front());
  ASSERT_TRUE(samples.ok());
  EXPECT_GT(samples->size(), 16000u);
  EXPECT_GT(power(*samples), 1e5);
}

}  // namespace
}  // namespace repartee::test
