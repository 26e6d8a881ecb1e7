#include <gtest/gtest.h>

#include "tests/realtime/session_harness.hpp"
#include "tests/support/fake_retriever.hpp"

namespace repartee::test {
namespace {

struct SessionRetrieval : SessionHarness, testing::Test {
  SessionRetrieval() {
    asr_options.script.lines = {"how long is the warranty"};
    llm_options.script.lines = {"Two years."};
    knowledge.passages = {
        {"warranty", {.document_id = "d1", .filename = "manual.md", .text = "The warranty lasts two years.", .ordinal = 3, .score = 0.9}}};
    prices["paid"] = {.embedding_usd_per_million_tokens = 50};
    start.user_id = "asker";
    start.clone.user_id = "owner";
    retriever = &knowledge;
  }
  void ask() {
    speak(600);
    silence(1500);
    loop.advance(std::chrono::seconds(10));
  }
  void type(const std::string& text) {
    say({{"type", "conversation.item.create"},
         {"item", {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", text}}}}}}});
    say({{"type", "response.create"}});
    loop.advance(std::chrono::seconds(10));
  }
  FakeRetriever knowledge;
};

TEST_F(SessionRetrieval, TheSourcesGoToTheClientAndIntoTheRow) {
  knowledge.input_tokens = 8;
  open();
  ask();
  const auto sources = of("repartee.sources");
  ASSERT_EQ(sources.size(), 1U);
  EXPECT_EQ(sources[0]["turn_index"], 0);
  EXPECT_EQ(sources[0]["passages"][0]["document_id"], "d1");
  EXPECT_EQ(sources[0]["passages"][0]["filename"], "manual.md");
  EXPECT_EQ(sources[0]["passages"][0]["ordinal"], 3);
  EXPECT_EQ(sources[0]["passages"][0]["text"], "The warranty lasts two years.");
  EXPECT_GT(place("repartee.sources"), place("response.created"));
  ASSERT_EQ(sink.turns.size(), 1U);
  const TurnRecord& row = sink.turns[0];
  EXPECT_EQ(row.rag_latency_ms, 20);
  EXPECT_GT(row.rag_cost.e8, 0);
  const auto in_row = json::parse(row.sources_json);
  ASSERT_EQ(in_row.size(), 1U);
  EXPECT_EQ(in_row[0]["document_id"], "d1");
  EXPECT_EQ(json::parse(row.cache_hits_json)["rag"], 0);
  EXPECT_TRUE(json::parse(row.timeline_json).contains("rag_start"));
}

TEST_F(SessionRetrieval, ASpeculatedReplyIsNotLookedUpAgain) {
  open();
  ask();
  EXPECT_EQ(knowledge.questions(), std::vector<std::string>{"how long is the warranty"});
}

TEST_F(SessionRetrieval, BeginsWhileTheUserIsStillSpeaking) {
  knowledge.delay = Millis(5);
  open();
  speak(1200);
  ASSERT_EQ(knowledge.requests.size(), 1U);
  EXPECT_TRUE(of("input_audio_buffer.speech_stopped").empty());
  EXPECT_TRUE(of("repartee.sources").empty());
}

TEST_F(SessionRetrieval, AsksAboutTheOwnersDocuments) {
  open();
  ask();
  EXPECT_EQ(knowledge.requests.at(0).user_id, "owner");
  EXPECT_EQ(knowledge.requests.at(0).echo_id, "c");
  EXPECT_EQ(knowledge.requests.at(0).scope, "all");
}

TEST_F(SessionRetrieval, TheServersOwnCloneKnowsItsCallersDocuments) {
  house_user_id = "owner";
  open();
  ask();
  EXPECT_EQ(knowledge.requests.at(0).user_id, "asker");
}

TEST_F(SessionRetrieval, AReplyDoesNotWaitLongForPassages) {
  knowledge.delay = std::chrono::seconds(2);
  options.speculate_replies = false;
  open();
  ask();
  ASSERT_EQ(sink.turns.size(), 1U);
  EXPECT_EQ(sink.turns[0].status, "completed");
  EXPECT_EQ(sink.turns[0].sources_json, "[]");
  EXPECT_FALSE(sink.turns[0].rag_latency_ms);
  EXPECT_TRUE(of("repartee.sources").empty());
  const auto timeline = json::parse(sink.turns[0].timeline_json);
  EXPECT_LE(timeline["llm_start"].get<int>() - timeline["requested"].get<int>(), 160);
}

TEST_F(SessionRetrieval, ATypedQuestionIsLookedUpToo) {
  open();
  type("Tell me about the warranty, please.");
  ASSERT_EQ(of("repartee.sources").size(), 1U);
  ASSERT_EQ(sink.turns.size(), 1U);
  EXPECT_EQ(sink.turns[0].rag_latency_ms, 20);
}

TEST_F(SessionRetrieval, NothingFoundIsToldToNobody) {
  open();
  type("Tell me about the moon, please.");
  EXPECT_TRUE(of("repartee.sources").empty());
  ASSERT_EQ(sink.turns.size(), 1U);
  EXPECT_EQ(sink.turns[0].sources_json, "[]");
  EXPECT_EQ(sink.turns[0].rag_latency_ms, 20);
}

TEST_F(SessionRetrieval, AFailedLookUpCostsThePassagesNotTheTurn) {
  knowledge.failure = Error{Errc::unavailable, "the database is away"};
  open();
  ask();
  ASSERT_EQ(sink.turns.size(), 1U);
  EXPECT_EQ(sink.turns[0].status, "completed");
}

TEST_F(SessionRetrieval, ACloneWithoutDocumentsAsksNobody) {
  knowledge.knows = false;
  open();
  ask();
  EXPECT_TRUE(knowledge.requests.empty());
  EXPECT_FALSE(sink.turns.at(0).rag_latency_ms);
  EXPECT_FALSE(json::parse(sink.turns.at(0).cache_hits_json).contains("rag"));
}

TEST_F(SessionRetrieval, HangingUpInTheMiddleOfALookUpIsHarmless) {
  knowledge.delay = std::chrono::seconds(2);
  open();
  speak(1200);
  session->on_close("");
  session.reset();
  loop.advance(std::chrono::seconds(5));
}

}  // namespace
}  // namespace repartee::test
