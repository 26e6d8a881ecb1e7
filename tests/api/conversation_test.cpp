#include "persistence/record_batch.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

class Conversations : public LiveApi {
 protected:
  std::string at(const std::string& echo_id) const { return "/api/conversation/" + echo_id; }
  std::string mine = make_clone(ann.user_id, false, "Ada");
  Json say(const Person& as, const std::string& echo_id, const std::string& content, int status = 201) {
    return post(at(echo_id), as, {{"role", "user"}, {"content", content}}, status);
  }
};

TEST_F(Conversations, AnswerTheUserAndKeepBoth) {
  const Json said = say(ann, mine, "what is '; DROP TABLE messages; --");
  ASSERT_EQ(said.at("messages").size(), 2u);
  EXPECT_EQ(said.at("messages")[0].at("role"), "user");
  EXPECT_EQ(said.at("messages")[1].at("role"), "assistant");
  EXPECT_NE(said.at("messages")[1].at("content").get<std::string>().find("DROP TABLE"), std::string::npos);
  EXPECT_TRUE(said.at("sources").empty());
  const Json kept = get(at(mine), ann);
  EXPECT_EQ(kept.at("messages"), said.at("messages"));
  EXPECT_EQ(get(at(mine) + "?order=desc&limit=1", ann).at("messages")[0], said.at("messages")[1]);
  EXPECT_EQ(llm.requests.at(0).persona, "You are Ada");
  EXPECT_EQ(llm.requests.at(0).owner, ann.user_id);
  EXPECT_EQ(actions(), (std::vector<std::string>{"message.create 201", "transcript.read 200", "transcript.read 200"}));
}

TEST_F(Conversations, OnlyStoreOtherRoles) {
  for (const char* role : {"assistant", "system", "tool"})
    EXPECT_EQ(post(at(mine), ann, {{"role", role}, {"content", role}}).at("messages").size(), 1u);
  EXPECT_TRUE(llm.requests.empty());
  EXPECT_EQ(get(at(mine), ann).at("count"), 3);
  say(ann, mine, "and now?");
  ASSERT_EQ(llm.requests.size(), 1u);
  std::vector<std::string> read;
  for (const auto& message : llm.requests[0].messages) read.push_back(message.text);
  EXPECT_EQ(read, (std::vector<std::string>{"assistant", "system", "and now?"}));  // no tool without its call
}

TEST_F(Conversations, ShareTheirHistoryWithVoice) {
  const auto session = session_of(ann.user_id, mine);
  std::vector<persistence::RecordItem> items{session};
  for (int i = 0; i < 15; ++i) items.emplace_back(persistence::RecordedTurn{turn_of(session, i), {}});
  ASSERT_TRUE(recorder_db_.run([&](persistence::Transaction& t) { persistence::write_batch(t, items); }));
  say(ann, mine, "what did I ask?");
  const auto& read = llm.requests.at(0).messages;
  ASSERT_EQ(read.size(), 21u);  // the last twenty, and the question
  EXPECT_EQ(read.front().text, "question 5");
  EXPECT_EQ(read[19].text, "answer 14");
  EXPECT_EQ(read.back().text, "what did I ask?");
  EXPECT_EQ(get(at(mine) + "?limit=1", ann).at("messages")[0].at("session_id"), session.id);
}

TEST_F(Conversations, AnswerFromKnowledgeAndNameIt) {
  retriever.passages = {{.document_id = "d1", .filename = "primes.txt", .text = "Two is prime.", .ordinal = 3, .score = 0.5}};
  const Json said = say(ann, mine, "is two prime?");
  EXPECT_EQ(said.at("sources")[0],
            Json({{"document_id", "d1"}, {"filename", "primes.txt"}, {"ordinal", 3}, {"text", "Two is prime."}, {"score", 0.5}}));
  EXPECT_EQ(llm.requests.at(0).passages.size(), 1u);
  EXPECT_EQ(retriever.asked.at(0).question, "is two prime?");
  EXPECT_EQ(retriever.asked.at(0).echo_id, mine);
  retriever.failure = Error{Errc::unavailable, "no index"};
  EXPECT_TRUE(say(ann, mine, "and three?").at("sources").empty());
}

TEST_F(Conversations, StoreNothingWhenTheModelFails) {
  llm.script({.script = {.failure = pipeline::ScriptedFailure::fail}});
  EXPECT_EQ(code_of(say(ann, mine, "hello?", 503)), "unavailable");
  llm.script({.script = {.failure = pipeline::ScriptedFailure::half}});
  say(ann, mine, "hello?", 503);
  llm.script({.script = {.failure = pipeline::ScriptedFailure::hang}});
  loop_step = Millis(500);
  EXPECT_EQ(code_of(say(ann, mine, "hello?", 504)), "deadline_exceeded");
  EXPECT_EQ(get(at(mine), ann).at("count"), 0);
}

TEST_F(Conversations, ArePrivateToEachCallerEvenWithAPublicClone) {
  const auto shared = make_clone(bob.user_id, true, "Shared");
  say(ann, shared, "my secret is 42");
  EXPECT_EQ(get(at(shared), ann).at("count"), 2);
  EXPECT_EQ(get(at(shared), bob).at("count"), 0);
  say(bob, shared, "what did Ann say?");
  EXPECT_EQ(llm.requests.back().messages.size(), 1u);
  for (const auto* other : {&bob, &nobody}) {
    get(at(mine), *other, 404);
    EXPECT_EQ(code_of(say(*other, mine, "hello", 404)), "not_found");
    post(at(mine), *other, {{"role", "system"}, {"content", "obey"}}, 404);
  }
}

TEST_F(Conversations, RefuseWhatIsWrong) {
  EXPECT_EQ(param_of(post(at(mine), ann, {{"role", "boss"}, {"content", "x"}}, 400)), "/role");
  EXPECT_EQ(param_of(post(at(mine), ann, {{"role", "user"}}, 400)), "/content");
  EXPECT_EQ(param_of(post(at(mine), ann, {{"role", "user"}, {"content", ""}}, 400)), "/content");
  EXPECT_EQ(param_of(post(at(mine), ann, {{"role", "user"}, {"content", std::string(16001, 'a')}}, 400)), "/content");
  EXPECT_EQ(param_of(post(at(mine), ann, {{"role", "user"}, {"content", std::string("a\0", 2)}}, 400)), "/content");
  EXPECT_EQ(param_of(post(at("default"), ann, {{"role", "user"}, {"content", "x"}}, 400)), "echo_id");
  say(ann, "0192f0c1-0000-7000-8000-0000000000ff", "hello", 404);
}

}  // namespace
}  // namespace repartee::test
