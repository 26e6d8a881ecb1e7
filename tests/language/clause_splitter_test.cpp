#include "pipeline/clause_splitter.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

using Clauses = std::vector<std::string>;

Clauses split(std::string_view text) {
  ClauseSplitter splitter;
  Clauses clauses = splitter.push(text);
  for (std::string& clause : splitter.finish()) clauses.push_back(std::move(clause));
  for (std::string& clause : clauses) clause = trim(clause);
  return clauses;
}

std::string concatenated(const Clauses& clauses) {
  std::string text;
  for (const std::string& clause : clauses) text += clause;
  return text;
}

TEST(ClauseSplitter, KeepsTheSecondClauseShortBecauseItIsMadeWhileTheFirstPlays) {
  EXPECT_EQ(split("I see. You could ask me about a conversation, my voice or the configuration."),
            (Clauses{"I see.", "You could ask me about a conversation,", "my voice or the configuration."}));
  const auto clauses = split("Yes. One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty.");
  ASSERT_GE(clauses.size(), 3u);
  EXPECT_LE(clauses[1].size(), ClauseSplitterOptions{}.second_chars_max);
}

TEST(ClauseSplitter, EndsTheFirstClauseAtTheFirstComma) {
  EXPECT_EQ(split("Well, that depends on what you would like to hear about."), (Clauses{"Well,", "that depends on what you would like to hear about."}));
}

TEST(ClauseSplitter, EndsTheFirstClauseAtAnExclamationMark) { EXPECT_EQ(split("Hello! How are you today?"), (Clauses{"Hello!", "How are you today?"})); }

TEST(ClauseSplitter, EndsTheFirstClauseBeforeAConjunction) {
  EXPECT_EQ(split("The server listens carefully and it answers when you are done."), (Clauses{"The server listens carefully", "and it answers when you are done."}));
}

TEST(ClauseSplitter, EndsTheFirstClauseAfterAFewWordsAtAGoodPlace) {
  EXPECT_EQ(split("The nice old capital city is called Paris by everybody.").front(), "The nice old capital city");
}

TEST(ClauseSplitter, DoesNotPartAnArticleFromItsNoun) {
  const std::string first = split("They have given me the wonderful big house near a lake today.").front();
  EXPECT_FALSE(first.ends_with("the")) << first;
  EXPECT_FALSE(first.ends_with("wonderful")) << first;
}

TEST(ClauseSplitter, EmitsTheFirstClauseLongBeforeTheSentenceIsComplete) {
  ClauseSplitter splitter;
  EXPECT_TRUE(splitter.push("I think we should probably ").empty());
  EXPECT_EQ(splitter.push("leave now because "), Clauses{"I think "});
}

TEST(ClauseSplitter, GivesWholeSentencesLater) {
  EXPECT_EQ(split("Yes. It works, mostly, on small machines. It is fast."), (Clauses{"Yes.", "It works, mostly, on small machines.", "It is fast."}));
}

TEST(ClauseSplitter, BreaksALongSentenceAtACommaPastSixtyCharacters) {
  const Clauses clauses = split("Yes. The first part of this rather long sentence goes on for quite a while, and then the second part follows.");
  ASSERT_EQ(clauses.size(), 3u);
  EXPECT_EQ(clauses[1], "The first part of this rather long sentence goes on for quite a while,");
}

TEST(ClauseSplitter, NeverGrowsPastItsLimit) {
  std::string text = "Yes. ";
  for (int i = 0; i < 200; ++i) text += "word" + std::to_string(i) + " ";
  for (const std::string& clause : split(text)) EXPECT_LE(clause.size(), ClauseSplitterOptions{}.clause_chars_max);
}

TEST(ClauseSplitter, CutsAnEndlessWordBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "\u00e4";
  const Clauses clauses = split(text);
  EXPECT_GT(clauses.size(), 1u);
  EXPECT_EQ(concatenated(clauses), text);
  for (const std::string& clause : clauses) EXPECT_EQ(clause.size() % 2, 0u);
}

class Unsplit : public testing::TestWithParam<const char*> {};
TEST_P(Unsplit, StaysOneClause) { EXPECT_EQ(split(std::string("Yes. Well then. ") + GetParam()), (Clauses{"Yes.", "Well then.", GetParam()})); }
INSTANTIATE_TEST_SUITE_P(ClauseSplitter, Unsplit,
                         testing::Values("It costs 3.5 dollars today.", "Mr. Smith met Dr. Jones.", "Use fruit, e.g. apples.", "The U.S. economy grew.", "Come at 5:30 please.",
                                         "See https://example.com/a.b?c=1, it is good.", "I was thinking... maybe not.", "J. R. Smith wrote it.", "Version 1.2.3 is out.",
                                         "It is (as you know. Really) fine.", "We met at 9 a.m. on Monday.", "That is No. 5 of ten."));

TEST(ClauseSplitter, KeepsAClosingQuoteWithItsSentence) {
  EXPECT_EQ(split("Yes. He said \"Stop.\" Then he left."), (Clauses{"Yes.", "He said \"Stop.\"", "Then he left."}));
}

TEST(ClauseSplitter, EndsASentenceAfterAnAbbreviationWhenACapitalFollows) {
  EXPECT_EQ(split("Yes. We met at 9 a.m. Then we left."), (Clauses{"Yes.", "We met at 9 a.m.", "Then we left."}));
}

TEST(ClauseSplitter, EndsAClauseAtALineBreak) {
  EXPECT_EQ(split("Here it is:\n- first thing\n- second thing"), (Clauses{"Here it is:", "- first thing", "- second thing"}));
}

TEST(ClauseSplitter, KeepsAListNumberWithItsItem) { EXPECT_EQ(split("1. Wash it.\n2. Dry it."), (Clauses{"1. Wash it.", "2. Dry it."})); }

TEST(ClauseSplitter, SplitsAtFullWidthStops) { EXPECT_EQ(split("\u4f60\u597d\u3002\u518d\u89c1\u3002"), (Clauses{"\u4f60\u597d\u3002", "\u518d\u89c1\u3002"})); }

TEST(ClauseSplitter, GivesNothingForNothing) {
  EXPECT_TRUE(split("").empty());
  EXPECT_TRUE(split(" \n\t ").empty());
}

TEST(ClauseSplitter, IsNewAfterFinish) {
  ClauseSplitter splitter;
  splitter.push("One, two, three.");
  splitter.finish();
  EXPECT_EQ(splitter.push("Well, yes").front(), "Well, ");
}

// Whatever the text and however it is cut into tokens: nothing is lost, added or reordered, and no clause is too long.
TEST(ClauseSplitter, KeepsEveryCharacterHoweverTheTextIsCut) {
  const std::vector<std::string> parts = {"hello", "Mr.", "the", "and", "3.5", "e.g.", "U.S.", "(well", "so)", "\"Yes.\"", "...", ". . .", "http://a.b/c?d,e", "\u2014", "word\u2014word", "\U0001F600", "**bold**",
                                          "```c++\n", "\n", "\n\n- ", "1.", "what?!", "no,", "\u4f60\u597d\u3002", "caf\u00e9", "]", "[x](y)", "  ", "\t", "-", "5:30", std::string(250, 'x'), "end.", "\u201cquote\u201d"};
  std::mt19937 random(20260101);
  for (int round = 0; round < 500; ++round) {
    std::string text;
    const auto count = random() % 60;
    for (unsigned i = 0; i < count; ++i) text += parts[random() % parts.size()] + (random() % 5 == 0 ? "" : " ");
    ClauseSplitter splitter;
    Clauses clauses;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 9;
      for (auto& clause : splitter.push(std::string_view(text).substr(at, size))) clauses.push_back(std::move(clause));
      at += size;
    }
    for (auto& clause : splitter.finish()) clauses.push_back(std::move(clause));
    ASSERT_EQ(concatenated(clauses), normalise_spaces(text)) << text;
    for (const std::string& clause : clauses) {
      ASSERT_FALSE(clause.empty());
      ASSERT_LE(clause.size(), ClauseSplitterOptions{}.clause_chars_max + 1) << clause;
    }
  }
}

TEST(ClauseSplitter, GivesTheSameClausesForEveryCutIntoTokens) {
  const std::string text = "Sure, I can help. The U.S. office opens at 9:30 a.m. on weekdays (except holidays), and it closes at 5 p.m. Call \"Ann.\" She knows!";
  const Clauses whole = split(text);
  for (std::size_t size = 1; size < 12; ++size) {
    ClauseSplitter splitter;
    Clauses clauses;
    for (std::size_t at = 0; at < text.size(); at += size) {
      for (auto& clause : splitter.push(std::string_view(text).substr(at, size))) clauses.push_back(std::string(trim(clause)));
    }
    for (auto& clause : splitter.finish()) clauses.push_back(std::string(trim(clause)));
    EXPECT_EQ(clauses, whole) << size;
  }
}

struct Spoken {
  const char *written, *said;
};
class SpeakableText : public testing::TestWithParam<Spoken> {};
TEST_P(SpeakableText, LeavesWhatIsSaid) { EXPECT_EQ(speakable_text(GetParam().written), GetParam().said); }
INSTANTIATE_TEST_SUITE_P(Texts, SpeakableText,
                         testing::Values(Spoken{"This is **bold** and *soft* text.", "This is bold and soft text."}, Spoken{"## A heading", "A heading"},
                                         Spoken{"- milk\n- eggs", "milk eggs"}, Spoken{"> quoted line", "quoted line"}, Spoken{"See [the guide](https://a.example/x).", "See the guide."},
                                         Spoken{"Go to https://www.example.com/path?q=1.", "Go to example.com."}, Spoken{"Run `make test` now.", "Run make test now."},
                                         Spoken{"Great \U0001F600! Yes \u2764\uFE0F.", "Great! Yes."}, Spoken{"```python\nprint(1)\n```", "print(1)"}, Spoken{"a snake_case name", "a snake case name"},
                                         Spoken{"3 * 4 is 12", "3 times 4 is 12"}, Spoken{"one<br/>two", "one two"}, Spoken{"---", ""}, Spoken{"\U0001F44D", ""}, Spoken{"if a < b then", "if a < b then"},
                                         Spoken{"**unclosed mark", "unclosed mark"}, Spoken{"| a | b |", "a b"}, Spoken{"It's 5:30, Mr. Fox.", "It's 5:30, Mr. Fox."}, Spoken{"It is .5 percent", "It is .5 percent"},
                                         Spoken{"bad \xFF\xC3 bytes", "bad bytes"}));

TEST(SpeakableTextOf, SurvivesRandomBytes) {
  std::mt19937 random(7);
  const std::string alphabet = "[](!)*_`#>-<a1 ht:/w.\n\\~|\xE2\x80\x94\xF0\x9F";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (unsigned i = random() % 80; i > 0; --i) text += alphabet[random() % alphabet.size()];
    const std::string once = speakable_text(text);
    EXPECT_EQ(once.find('\n'), std::string::npos);
    EXPECT_EQ(once.find('`'), std::string::npos);
  }
}

}  // namespace
}  // namespace repartee::pipeline
