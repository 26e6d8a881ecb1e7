#include <gtest/gtest.h>

#include "pipeline/passage_lookup.hpp"
#include "pipeline/question.hpp"
#include "tests/support/fake_retriever.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::pipeline {
namespace {

using test::FakeRetriever;
using test::ManualLoop;

struct PassageLookupTest : testing::Test {
  PassageLookupTest() {
    retriever.passages = {
        {"warranty", {.document_id = "d1", .filename = "manual.md", .text = "The warranty lasts two years.", .ordinal = 3, .score = 0.9}}};
  }
  PassageLookup make(PassageLookup::Options options = {}) {
    return {loop, &retriever, options, {.question = {}, .user_id = "u", .echo_id = "e"}};
  }
  StreamPtr find(PassageLookup& lookup, std::string question) {
    return lookup.find(std::move(question), [this](PassagesFound found) { answers.push_back(std::move(found)); });
  }

  ManualLoop loop;
  FakeRetriever retriever;
  std::vector<PassagesFound> answers;
};

TEST_F(PassageLookupTest, FindsPassagesAndSaysHowLongItTook) {
  auto lookup = make();
  const auto handle = find(lookup, "How long is the warranty?");
  EXPECT_TRUE(answers.empty());  // never from inside the call
  loop.advance(Millis(20));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].passages.at(0).filename, "manual.md");
  EXPECT_EQ(to_ms(*answers[0].ended - *answers[0].started), 20);
  EXPECT_EQ(retriever.requests.at(0).user_id, "u");
}

TEST_F(PassageLookupTest, AnswersAtOnceFromALookUpOnTheWordsSaidBefore) {
  auto lookup = make();
  lookup.look_ahead("so how long is the warranty");
  loop.advance(Millis(30));
  const auto handle = find(lookup, "So, how long is the warranty?");
  loop.advance(Millis(0));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].passages.size(), 1U);
  EXPECT_EQ(retriever.requests.size(), 1U);
}

TEST_F(PassageLookupTest, JoinsALookUpThatIsUnderWay) {
  auto lookup = make();
  lookup.look_ahead("how long is the warranty");
  loop.advance(Millis(10));
  const auto handle = find(lookup, "how long is the warranty");
  loop.advance(Millis(10));
  EXPECT_EQ(answers.size(), 1U);
  EXPECT_EQ(retriever.requests.size(), 1U);
}

TEST_F(PassageLookupTest, AsksAnewWhereTheFinalWordsDiffer) {
  auto lookup = make();
  lookup.look_ahead("how long is the bridge in");
  loop.advance(Millis(30));
  lookup.look_ahead("how long is the bridge in Lisbon");
  loop.advance(Millis(30));
  const auto handle = find(lookup, "How long is the warranty on the fridge?");
  loop.advance(Millis(30));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].passages.at(0).document_id, "d1");
  EXPECT_EQ(retriever.questions().back(), "How long is the warranty on the fridge?");
}

TEST_F(PassageLookupTest, GoesOnWithoutPassagesWhenTheyComeTooLate) {
  retriever.delay = Millis(400);
  auto lookup = make();
  const auto handle = find(lookup, "How long is the warranty?");
  loop.advance(Millis(149));
  EXPECT_TRUE(answers.empty());
  loop.advance(Millis(1));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].passages.empty());
  EXPECT_TRUE(answers[0].started);
  EXPECT_FALSE(answers[0].ended);
  loop.advance(Millis(1000));
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(PassageLookupTest, TakesAFailureForNothingFound) {
  retriever.failure = Error{Errc::unavailable, "the database is away"};
  auto lookup = make();
  const auto handle = find(lookup, "How long is the warranty?");
  loop.advance(Millis(30));
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(answers[0].passages.empty());
}

TEST_F(PassageLookupTest, AsksNobodyWhereThereIsNothingToKnowOrToAsk) {
  auto lookup = make();
  lookup.look_ahead("warranty");  // one word says too little
  auto small_talk = find(lookup, "Hello, how are you?");
  loop.advance(Millis(30));
  retriever.knows = false;
  lookup.look_ahead("how long is the warranty");
  auto nothing_known = find(lookup, "How long is the warranty?");
  loop.advance(Millis(30));
  retriever.knows = true;
  PassageLookup silent(loop, &retriever, {}, {.question = {}, .user_id = "u", .echo_id = "e", .scope = "none"});
  auto no_scope = find(silent, "How long is the warranty?");
  loop.advance(Millis(30));
  PassageLookup none(loop, nullptr, {}, {});
  auto no_retriever = find(none, "How long is the warranty?");
  loop.advance(Millis(30));
  EXPECT_EQ(answers.size(), 4U);
  EXPECT_TRUE(retriever.requests.empty());
}

TEST_F(PassageLookupTest, IsSilentOnceTheHandleIsGone) {
  auto lookup = make();
  find(lookup, "How long is the warranty?").reset();
  loop.advance(Millis(500));
  EXPECT_TRUE(answers.empty());
}

TEST_F(PassageLookupTest, MayBeDestroyedFromInsideItsAnswer) {
  auto lookup = std::make_unique<PassageLookup>(loop, &retriever, PassageLookup::Options{}, RetrievalRequest{});
  StreamPtr handle;
  handle = lookup->find("How long is the warranty?", [&](PassagesFound) {
    handle.reset();
    lookup.reset();
  });
  loop.advance(Millis(500));
  EXPECT_FALSE(lookup);
}

TEST_F(PassageLookupTest, LooksAheadOnlySoManyTimesAnUtterance) {
  auto lookup = make({.ahead_runs_max = 2});
  for (const char* said : {"red apples", "red apples grow", "red apples grow tall", "red apples grow tall trees"}) {
    lookup.look_ahead(said);
    loop.advance(Millis(30));
  }
  EXPECT_EQ(retriever.requests.size(), 2U);
}

TEST_F(PassageLookupTest, CountsEveryLookUpOfATurn) {
  retriever.input_tokens = 7;
  auto lookup = make();
  lookup.look_ahead("the bridge in Lisbon");
  loop.advance(Millis(30));
  const auto handle = find(lookup, "How long is the warranty?");
  loop.advance(Millis(30));
  const auto costs = lookup.take_costs();
  EXPECT_EQ(costs.runs, 2);
  EXPECT_EQ(costs.input_tokens, 14);
  EXPECT_EQ(costs.embedder, "paid/small");
  EXPECT_EQ(lookup.take_costs().runs, 0);
}

TEST(PassagePolicy, TakesQuestionsWithNearlyTheSameContentForTheSame) {
  EXPECT_TRUE(asks_the_same({"warranti", "fridg"}, {"fridg", "warranti"}));
  EXPECT_TRUE(asks_the_same({"a", "b", "c", "d"}, {"a", "b", "c", "d", "e"}));
  EXPECT_FALSE(asks_the_same({"a", "b", "c"}, {"a", "b", "d"}));
  EXPECT_FALSE(asks_the_same({"a"}, {}));
}

TEST(PassagePolicy, LooksUpTheLastWordsWithThoseTheyPointBackTo) {
  const std::vector<ChatMessage> talk = {{Role::user, "How long is the warranty on the fridge?"}, {Role::assistant, "Two years."}};
  const auto with = [&](std::string text) {
    auto messages = talk;
    messages.push_back({Role::user, std::move(text)});
    return question_of(messages);
  };
  EXPECT_EQ(with("And how much does it cost?"), "How long is the warranty on the fridge? And how much does it cost?");
  EXPECT_EQ(with("Where is the nearest station?"), "Where is the nearest station?");
  EXPECT_EQ(with("Thank you."), "Thank you.");
  EXPECT_EQ(question_of({}), "");
}

}  // namespace
}  // namespace repartee::pipeline
