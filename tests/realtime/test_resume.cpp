// A connection that is lost and comes back, in the middle of whatever is going on.
#include <gtest/gtest.h>

#include "realtime/live_session.hpp"
#include "tests/realtime/session_harness.hpp"

namespace repartee::test {
namespace {

using realtime::LiveSession;

// Remembers what it was asked, and lets another one answer.
class RememberingLlm final : public pipeline::LlmProvider {
 public:
  explicit RememberingLlm(pipeline::LlmProvider& answerer) : answerer_(answerer) {}
  std::string_view name() const override { return answerer_.name(); }
  StreamPtr generate(Loop& loop, pipeline::LlmRequest request, pipeline::LlmCallbacks callbacks) override {
    asked.clear();
    for (const auto& message : request.messages) asked.push_back(message.text);
    return answerer_.generate(loop, std::move(request), std::move(callbacks));
  }
  std::vector<std::string> asked;

 private:
  pipeline::LlmProvider& answerer_;
};

class Resume : public testing::Test, public SessionHarness {
 protected:
  void call() {
    options.config.output_binary = binary;
    make_engines();
    remembering = std::make_unique<RememberingLlm>(*llm);
    llms["scripted"] = remembering.get();
    start.resume = {"token", to_ms(live_options.resume_within)};
    live = std::make_shared<LiveSession>(services(), options, start, live_options, first_seq, [this] { ++ends; });
    connection = live->open(peer);
    loop.run();
  }
  void lose() {
    live->on_close(connection, 1006, "");
    loop.run();
  }
  // With the number of the last event that arrived; `missed`: that many messages of the old connection had not.
  void come_back(std::uint64_t after_seq) {
    before = peer;
    peer = std::make_shared<RememberingPeer>();
    connection = live->resume(peer, after_seq);
    loop.run();
  }
  std::uint64_t last_seq(const RememberingPeer& p) const { return p.events.empty() ? 0 : p.events.back()["seq"].get<std::uint64_t>(); }
  void ask() {
    live->on_text(connection, R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"what is the time"}]}})");
    live->on_text(connection, R"({"type":"response.create"})");
    loop.run();
  }
  std::vector<json> both() const {
    std::vector<json> all = before->events;
    all.insert(all.end(), peer->events.begin(), peer->events.end());
    return all;
  }
  std::string transcript_of(const std::vector<json>& events) const {
    std::string text;
    for (const auto& e : events)
      if (e["type"] == "response.output_audio_transcript.delta") text += e["delta"].get<std::string>();
    return text;
  }

  LiveSession::Options live_options;
  std::uint64_t first_seq = 1;
  bool binary = false;
  std::unique_ptr<RememberingLlm> remembering;
  std::shared_ptr<LiveSession> live;
  std::shared_ptr<RememberingPeer> before;
  int connection = 0, ends = 0;
};

TEST_F(Resume, EveryEventIsNumberedWithoutAGap) {
  call();
  ask();
  loop.advance(std::chrono::seconds(20));
  std::uint64_t expected = 1;
  for (const auto& event : peer->events) EXPECT_EQ(event["seq"], expected++) << event;
  EXPECT_EQ(of("repartee.session")[0]["resume_token"], "token");
  EXPECT_EQ(of("repartee.session")[0]["resume_within_ms"], 30'000);
}

TEST_F(Resume, WhatIsTooOldToBeAskedForIsForgottenThoughNothingMoreIsSent) {
  call();
  loop.advance(std::chrono::seconds(20));
  ask();
  loop.advance(std::chrono::seconds(20));
  const std::uint64_t last = last_seq(*peer);
  loop.advance(std::chrono::seconds(20));
  come_back(last - 2);
  EXPECT_EQ(of("repartee.session")[0]["lost_events"], 0) << "the end of the reply is not 45 s old yet";
  loop.advance(std::chrono::seconds(20));
  come_back(last - 2);
  EXPECT_EQ(of("repartee.session").back()["lost_events"], 2) << "now it is, by 10 s";
}

TEST_F(Resume, BinaryMessagesCountToo) {
  binary = true;
  call();
  ask();
  loop.advance(std::chrono::seconds(20));
  ASSERT_FALSE(peer->packets.empty());
  EXPECT_EQ(last_seq(*peer), peer->events.size() + peer->packets.size());
}

TEST_F(Resume, InTheMiddleOfAReplyNothingIsMissingAndNothingComesTwice) {
  call();
  ask();
  loop.advance(Millis(600));
  ASSERT_EQ(of("response.done").size(), 0u);
  ASSERT_GT(of("response.output_audio.delta").size(), 5u);
  const std::uint64_t seen = last_seq(*peer) - 4;   // the last four were on the wire when it broke
  peer->events.resize(peer->events.size() - 4);
  lose();
  loop.advance(std::chrono::seconds(5));
  come_back(seen);
  loop.advance(std::chrono::seconds(20));
  const auto all = both();
  std::uint64_t expected = 1;
  for (const auto& event : all) EXPECT_EQ(event["seq"], expected++) << event;
  EXPECT_EQ(of("response.done").size(), 1u);
  EXPECT_EQ(of("response.done")[0]["response"]["status"], "completed");
  EXPECT_EQ(transcript_of(all), "It is noon. The sun stands high above the quiet town.");
  const auto again = of("repartee.session");
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0]["resumed"], "live");
  EXPECT_EQ(again[0]["lost_events"], 0);
  EXPECT_GE(again[0]["replayed_events"], 4);
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].heard_response, "It is noon. The sun stands high above the quiet town.");
  EXPECT_EQ(ends, 0);
}

TEST_F(Resume, NothingIsPlayedToNobody) {
  call();
  ask();
  loop.advance(Millis(400));
  const auto sent = of("response.output_audio.delta").size();
  lose();
  loop.advance(std::chrono::seconds(20));
  come_back(last_seq(*peer));
  EXPECT_LE(of("response.output_audio.delta").size(), 1u + static_cast<std::size_t>(options.voicing.playout.lead_ms / 20)) << "at most the lead at once";
  EXPECT_GT(sent, 0u);
  loop.advance(std::chrono::seconds(20));
  EXPECT_EQ(of("response.done").size(), 1u);
}

TEST_F(Resume, WhatNeverArrivedWasNotHeard) {
  call();
  ask();
  loop.advance(Millis(1000));
  const auto first = of("response.output_audio.delta").front()["seq"].get<std::uint64_t>();
  lose();
  come_back(first - 1);            // not one frame of it had arrived
  loop.advance(Millis(40));
  live->on_text(connection, R"({"type":"response.cancel"})");
  loop.advance(std::chrono::seconds(1));
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_LE(sink.turns[0].heard_ms, 60) << "it was played from the beginning, 40 ms of it";
}

TEST_F(Resume, WhoDoesNotComeBackHasHeardWhatWasPlayedUntilTheLoss) {
  call();
  ask();
  loop.advance(Millis(500));
  lose();
  loop.advance(live_options.resume_within + Millis(100));
  EXPECT_EQ(ends, 1);
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].status, "cancelled");
  EXPECT_EQ(sink.turns[0].cancel_reason, "disconnected");
  EXPECT_LE(sink.turns[0].heard_ms, 500);
  EXPECT_TRUE(sink.sessions.back().ended_at);
  EXPECT_EQ(sink.sessions.back().end_reason, "connection lost");
  come_back(0);
  EXPECT_EQ(peer->close_code, realtime::close_code_gone);
}

TEST_F(Resume, AnAnswerThatIsReadyWhileNobodyIsThereIsSaidOnReturn) {
  llm_options.script.first_delay = std::chrono::seconds(2);
  call();
  ask();
  lose();
  loop.advance(std::chrono::seconds(10));
  come_back(last_seq(*peer));
  loop.advance(std::chrono::seconds(20));
  EXPECT_EQ(of("response.done")[0]["response"]["status"], "completed");
  EXPECT_EQ(sink.turns.at(0).heard_response, "It is noon. The sun stands high above the quiet town.");
}

TEST_F(Resume, ASecondConnectionTakesOverBeforeTheFirstIsKnownToBeLost) {
  call();
  const int old_connection = connection;
  come_back(last_seq(*peer));
  EXPECT_EQ(before->close_code, realtime::close_code_replaced);
  live->on_text(old_connection, R"({"type":"response.create"})");
  live->on_close(old_connection, 1006, "");
  loop.advance(live_options.resume_within * 2);
  EXPECT_EQ(ends, 0);
  EXPECT_TRUE(of("response.created").empty());
}

TEST_F(Resume, ACloseIsNotALoss) {
  call();
  live->on_close(connection, 1000, "");
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(sink.sessions.back().end_reason, "client closed");
}

TEST_F(Resume, WhatTheBufferCouldNotHoldIsTold) {
  live_options.replay.bytes_max = 4'000;
  call();
  ask();
  lose();
  loop.advance(std::chrono::seconds(5));
  come_back(1);
  EXPECT_GT(of("repartee.session")[0]["lost_events"], 0);
  EXPECT_GT(peer->events.front()["seq"], 2);
}

TEST_F(Resume, WhereItIsOffALossIsTheEndAndNothingIsNumbered) {
  live_options.resume_within = Duration::zero();
  call();
  EXPECT_FALSE(peer->events.front().contains("seq"));
  lose();
  EXPECT_EQ(ends, 1);
}

TEST_F(Resume, ASessionThatEndsItselfWhileAwayIsOver) {
  options.session_max = std::chrono::minutes(5);
  live_options.resume_within = std::chrono::hours(1);
  call();
  lose();
  loop.advance(std::chrono::minutes(6));
  EXPECT_EQ(ends, 1);
  EXPECT_EQ(sink.sessions.back().end_reason, "the session reached its longest time");
}

TEST_F(Resume, AnExpelledCallHearsWhy) {
  call();
  live->expel(realtime::close_code_credential, "credential_revoked", "the key was revoked");
  EXPECT_EQ(of("error").at(0)["error"]["code"], "credential_revoked");
  EXPECT_EQ(peer->close_code, realtime::close_code_credential);
  EXPECT_EQ(peer->close_reason, "the key was revoked");
}

TEST_F(Resume, ARevokedKeyClosesTheCallWithAReason) {
  auth::Revocations watch;
  call();
  live->guard({.user_id = "u", .key_name = "k", .credential_id = "key:1"}, &watch, std::nullopt);
  watch.revoked("key:2", loop.now());
  loop.run();
  EXPECT_EQ(peer->close_code, 0) << "somebody else's";
  watch.revoked("key:1", loop.now());
  loop.run();
  EXPECT_EQ(of("error").at(0)["error"]["code"], "credential_revoked");
  EXPECT_EQ(peer->close_code, realtime::close_code_credential);
}

TEST_F(Resume, ARevokedKeyEndsACallThatWaitsForItsClient) {
  auth::Revocations watch;
  call();
  live->guard({.user_id = "u", .key_name = "k", .credential_id = "key:1"}, &watch, std::nullopt);
  lose();
  watch.revoked("user:u", loop.now());
  loop.run();
  EXPECT_EQ(ends, 1);
}

TEST_F(Resume, AnExpiredKeyClosesTheCallUnlessItCameBackWithANewerOne) {
  call();
  live->guard({}, nullptr, std::chrono::seconds(10));
  lose();
  come_back(last_seq(*peer));
  live->guard({}, nullptr, std::chrono::seconds(60));
  loop.advance(std::chrono::seconds(20));
  EXPECT_EQ(peer->close_code, 0);
  loop.advance(std::chrono::seconds(50));
  EXPECT_EQ(of("error").at(0)["error"]["code"], "credential_expired");
  EXPECT_EQ(peer->close_code, realtime::close_code_credential);
}

TEST_F(Resume, ASessionBeginsWithTheWishesOfItsKey) {
  start.wishes_json = R"({"type":"realtime","instructions":"Be brief.","audio":{"output":{"speed":1.25}}})";
  call();
  EXPECT_EQ(of("session.created").at(0)["session"]["instructions"], "Be brief.");
  EXPECT_EQ(of("session.created").at(0)["session"]["audio"]["output"]["speed"], 1.25);
}

TEST_F(Resume, ATiersSessionsAreShorter) {
  start.session_max = std::chrono::minutes(3);
  call();
  loop.advance(std::chrono::minutes(2) + std::chrono::seconds(5));
  EXPECT_EQ(of("error").at(0)["error"]["code"], "session_expires_soon");
  loop.advance(std::chrono::minutes(1));
  EXPECT_EQ(peer->close_code, 1000);
}

TEST_F(Resume, AConversationFromTheStoreGoesOnWithWhatWasHeard) {
  ConversationRecord earlier;
  earlier.session.total_turns = 2;
  earlier.session.started_at = WallTime{} + std::chrono::hours(5);
  earlier.turns = {{.turn_index = 0, .user_transcript = "hello", .llm_response = "Hi. How are you?", .heard_response = "Hi.", .status = "interrupted"},
                   {.turn_index = 1, .user_transcript = "fine", .heard_response = "", .status = "failed"}};
  start.restored = earlier;
  first_seq = 100;
  call();
  EXPECT_EQ(of("session.created").at(0)["seq"], 100);
  EXPECT_EQ(of("repartee.session").at(0)["resumed"], "restored");
  ask();
  loop.advance(std::chrono::seconds(20));
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].turn_index, 2);
  EXPECT_EQ(sink.sessions.back().total_turns, 3);
  EXPECT_EQ(sink.sessions.back().started_at, earlier.session.started_at);
  EXPECT_EQ(remembering->asked, (std::vector<std::string>{"hello", "Hi.", "fine", "what is the time"}));
}

}  // namespace
}  // namespace repartee::test
