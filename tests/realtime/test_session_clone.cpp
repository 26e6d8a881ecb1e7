// A change of the clone reaches the next turn of a live conversation; what was said before can be read by it.
#include <gtest/gtest.h>

#include "realtime/session_gateway.hpp"
#include "tests/realtime/session_harness.hpp"
#include "tests/support/remembering_llm.hpp"

namespace repartee::test {
namespace {

// One clone, which the test changes.
class ChangingClone final : public persistence::CloneDirectory {
 public:
  void find(Loop& loop, std::string, std::string, std::function<void(Result<CloneRecord>)> done) override {
    loop.post([done = std::move(done), answer = answer] { done(answer); });
  }
  StreamPtr watch(Loop&, const std::string& id, std::function<void()> changed) override {
    watched = id;
    tell = std::move(changed);
    return std::make_unique<Stream>();
  }
  Result<CloneRecord> answer = Error{Errc::not_found, "none"};
  std::string watched;
  std::function<void()> tell;
};

struct Live : SessionHarness {
  explicit Live(std::vector<pipeline::ChatMessage> history = {}) {
    start.history = std::move(history);
    start.clone.persona_prompt = "You are Ada.";
    clones = &directory;
    open();
    llms["scripted"] = &llm_seen;
  }
  ~Live() { session.reset(); }  // before what it talks with
  void change(const std::string& persona) {
    CloneRecord clone = start.clone;
    clone.persona_prompt = persona;
    directory.answer = clone;
    directory.tell();
    loop.run();
  }
  void type(const std::string& text) {
    say({{"type", "conversation.item.create"},
         {"item", {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", text}}}}}}});
    say({{"type", "response.create"}});
    loop.advance(std::chrono::seconds(10));
  }
  ChangingClone directory;
  RememberingLlm llm_seen;
};

TEST(SessionClone, ChangesReachTheNextTurn) {
  Live live;
  EXPECT_EQ(live.directory.watched, "c");
  live.type("one");
  live.change("You are Eve.");
  live.type("two");
  ASSERT_EQ(live.llm_seen.requests.size(), 2u);
  EXPECT_EQ(live.llm_seen.requests[0].persona, "You are Ada.");
  EXPECT_EQ(live.llm_seen.requests[1].persona, "You are Eve.");
}

TEST(SessionClone, AChangeWithinATurnWaitsForTheNext) {
  Live live;
  live.speak(400);
  live.change("You are Eve.");
  live.speak(400);
  live.silence(700);
  live.loop.advance(std::chrono::seconds(10));
  ASSERT_FALSE(live.llm_seen.requests.empty());
  EXPECT_EQ(live.llm_seen.requests.back().persona, "You are Ada.");
  live.type("two");
  EXPECT_EQ(live.llm_seen.requests.back().persona, "You are Eve.");
}

TEST(SessionClone, ARemovedCloneTalksOnUntilTheEnd) {
  Live live;
  live.directory.tell();  // it is not found any more
  live.loop.run();
  live.type("one");
  EXPECT_EQ(live.llm_seen.requests.at(0).persona, "You are Ada.");
}

TEST(SessionClone, ReadsWhatWasSaidBeforeButShowsNoItemsOfIt) {
  Live live({{pipeline::Role::user, "I am Bob."}, {pipeline::Role::assistant, "Hello Bob."}});
  live.type("who am I?");
  ASSERT_EQ(live.llm_seen.requests.size(), 1u);
  const auto& read = live.llm_seen.requests[0].messages;
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].text, "I am Bob.");
  EXPECT_EQ(read[2].text, "who am I?");
  EXPECT_EQ(live.of("conversation.item.added").size(), 2u);  // question and answer
}

// ---- the door ----

class FixedHistory final : public persistence::ConversationHistory {
 public:
  void recent(Loop& loop, std::string echo_id, std::string user_id,
              std::function<void(Result<std::vector<persistence::SaidBefore>>)> done) override {
    asked.push_back(echo_id + " " + user_id);
    loop.post([done = std::move(done), answer = answer] { done(answer); });
  }
  Result<std::vector<persistence::SaidBefore>> answer{
      std::vector<persistence::SaidBefore>{{"user", "I am Bob."}, {"assistant", "Hello Bob."}}};
  std::vector<std::string> asked;
};

TEST(Gateway, ReadsTheHistoryOnlyWhereItIsWished) {
  ManualLoop loop;
  FixedHistory history;
  ChangingClone clones;
  clones.answer = CloneRecord{.id = "c", .name = "Ada"};
  auto made = auth::Auth::create({});
  ASSERT_TRUE(made);
  realtime::SessionGateway gateway({.anonymous_user_id = "u", .history = &history}, *made, clones,
                                   [](Loop&) -> realtime::SessionServices { throw std::logic_error("no session is made"); });
  const auto knock = [&](std::map<std::string, std::string> query) {
    transport::Request request{.method = "GET", .path = "/v1/realtime", .query = std::move(query), .headers = {{"host", "localhost"}}};
    bool let_in = false;
    gateway.on_upgrade(loop, request, {}, [&](transport::Accept accept) { let_in = accept.handler != nullptr; });
    loop.run();
    return let_in;
  };
  EXPECT_TRUE(knock({}));
  EXPECT_TRUE(history.asked.empty());
  EXPECT_TRUE(knock({{"history", "1"}}));
  EXPECT_EQ(history.asked, std::vector<std::string>{"c u"});
  history.answer = Error{Errc::unavailable, "the database is away"};
  EXPECT_TRUE(knock({{"history", "1"}}));  // without it
}

}  // namespace
}  // namespace repartee::test
