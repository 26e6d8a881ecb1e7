// A scripted Twilio: the messages of its documentation in, what it would be told out. Sessions, engines and clock are the harness's.
#include <gtest/gtest.h>

#include "realtime/call_handlers.hpp"
#include "realtime/protocol/base64.hpp"
#include "realtime/twilio/twilio_call.hpp"
#include "tests/realtime/session_harness.hpp"

namespace repartee::test {
namespace {

using realtime::twilio::MarkLedger;

TEST(TwilioMarks, SayWhatWasHeardAndTimeCountsBetweenThem) {
  MarkLedger ledger;
  const TimePoint start{};
  ledger.begin("item_1");
  EXPECT_FALSE(ledger.sent(60));
  const auto first = ledger.sent(60), second = ledger.sent(100);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(ledger.is_playing());
  EXPECT_EQ(ledger.heard(start).ms, 0);
  ledger.returned(*first, start);
  EXPECT_EQ(ledger.heard(start).ms, 120);
  EXPECT_EQ(ledger.heard(start + Millis(40)).ms, 160);
  EXPECT_EQ(ledger.heard(start + Millis(900)).ms, 220) << "not beyond the next mark, which has not come";
  ledger.returned(*second, start + Millis(950));
  EXPECT_FALSE(ledger.is_playing());
  EXPECT_EQ(ledger.heard(start + Millis(2000)).ms, 220) << "never more than was sent";
}

TEST(TwilioMarks, ThatComeBackAfterAClearSayNothing) {
  MarkLedger ledger;
  ledger.begin("item_1");
  const auto first = ledger.sent(100), second = ledger.sent(100);
  ledger.returned(*first, TimePoint{});
  ledger.clear();
  ledger.returned(*second, TimePoint{});
  ledger.returned("somebody else's", TimePoint{});
  EXPECT_EQ(ledger.heard(TimePoint{}).ms, 100);
  EXPECT_FALSE(ledger.is_playing());
}

TEST(TwilioMarks, OfAnEarlierItemDoNotCountForTheNext) {
  MarkLedger ledger;
  ledger.begin("item_1");
  const auto old = ledger.sent(300);
  ledger.begin("item_2");
  ledger.returned(*old, TimePoint{});
  EXPECT_EQ(ledger.heard(TimePoint{}).item_id, "item_2");
  EXPECT_EQ(ledger.heard(TimePoint{}).ms, 0);
}

class Twilio : public testing::Test, public SessionHarness {
 protected:
  void call(const json& parameters = json::object(), bool with_start = true) {
    make_engines();
    twilio = std::make_unique<realtime::twilio::TwilioCall>(loop, transport::Request{.path = "/v1/twilio"}, [this](transport::Request request, std::function<void(transport::Accept)> done) {
      asked = request;
      transport::Accept accept;
      if (refuse) {
        accept.refusal = {401, {}, R"({"error":{"message":"the API key is not valid"}})"};
      } else {
        start.greet = request.query["greeting"] == "1";
        accept.handler = std::make_unique<realtime::NewCall>(realtime::NewCall::Parts{.loop = loop, .registry = registry, .services_for = [this](Loop&) { return services(); },
                                                                                      .session = options, .live = {}, .start = start});
      }
      done(std::move(accept));
    });
    twilio->on_open(peer);
    tell({{"event", "connected"}, {"protocol", "Call"}, {"version", "1.0.0"}});
    if (!with_start) return;
    tell({{"event", "start"},
          {"sequenceNumber", "1"},
          {"streamSid", "MZ1"},
          {"start", {{"streamSid", "MZ1"}, {"accountSid", "AC1"}, {"callSid", "CA1"}, {"tracks", {"inbound"}}, {"customParameters", parameters},
                     {"mediaFormat", {{"encoding", "audio/x-mulaw"}, {"sampleRate", 8000}, {"channels", 1}}}}}});
  }
  void tell(const json& message) {
    twilio->on_text(message.dump());
    loop.run();
  }
  void media(const std::string& mu_law) {
    tell({{"event", "media"}, {"streamSid", "MZ1"}, {"media", {{"track", "inbound"}, {"chunk", "1"}, {"timestamp", "5"}, {"payload", realtime::base64::encode(mu_law)}}}});
  }
  // A caller who speaks, and a Twilio that plays what it gets: each mark comes back when its audio was played.
  void pass(int ms, bool loud = false) {
    for (int at = 0; at < ms; at += 20) {
      media(std::string(160, loud ? '\x00' : '\xff'));
      loop.advance(Millis(20));
      play(20);
    }
  }
  void play(std::int64_t ms) {
    for (; taken < peer->events.size(); ++taken) {
      const auto& e = peer->events[taken];
      if (e["event"] == "media") queue.push_back({"", static_cast<std::int64_t>(realtime::base64::decode(e["media"]["payload"].get<std::string>())->size()) / 8});
      if (e["event"] == "mark") queue.push_back({e["mark"]["name"], 0});
      if (e["event"] == "clear") {
        for (auto& [name, left] : std::exchange(queue, {}))
          if (!name.empty()) tell({{"event", "mark"}, {"streamSid", "MZ1"}, {"mark", {{"name", name}}}});
      }
    }
    played += std::min<std::int64_t>(ms, queue.empty() ? 0 : ms);
    while (!queue.empty()) {
      auto& [name, left] = queue.front();
      const auto now = std::min(left, ms);
      left -= now;
      ms -= now;
      if (left > 0) return;
      const std::string mark = name;
      queue.pop_front();
      if (!mark.empty()) tell({{"event", "mark"}, {"streamSid", "MZ1"}, {"mark", {{"name", mark}}}});
    }
  }
  std::size_t count(std::string_view event) const {
    return static_cast<std::size_t>(std::ranges::count_if(peer->events, [&](const json& e) { return e["event"] == event; }));
  }

  realtime::SessionRegistry registry;
  std::unique_ptr<realtime::twilio::TwilioCall> twilio;
  transport::Request asked;
  bool refuse = false;
  std::deque<std::pair<std::string, std::int64_t>> queue;
  std::size_t taken = 0;
  std::int64_t played = 0;
};

TEST_F(Twilio, ACallIsHeardAnsweredInMuLawAndHangsUp) {
  call({{"greeting", "0"}, {"clone_id", "ada"}, {"key", "a-key-of-somebody"}});
  EXPECT_EQ(asked.path, "/v1/realtime");
  EXPECT_EQ(asked.query["model"], "ada");
  EXPECT_EQ(asked.headers["authorization"], "Bearer a-key-of-somebody");
  pass(200);
  pass(900, true);
  pass(7'000);
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].user_transcript, "what is the time");
  EXPECT_EQ(sink.turns[0].status, "completed");
  EXPECT_GT(count("media"), 10u);
  EXPECT_GT(count("mark"), 10u);
  EXPECT_EQ(count("clear"), 0u);
  for (const auto& e : peer->events) EXPECT_EQ(e["streamSid"], "MZ1");
  tell({{"event", "stop"}, {"streamSid", "MZ1"}, {"stop", {{"accountSid", "AC1"}, {"callSid", "CA1"}}}});
  EXPECT_EQ(peer->close_code, 1000);
  EXPECT_TRUE(sink.sessions.back().ended_at) << "nobody waits for a telephone to come back";
}

TEST_F(Twilio, TheCloneSpeaksFirstUnlessToldNotTo) {
  call();
  pass(3'000);
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].llm_response, "Hello there.");
}

TEST_F(Twilio, BargeInClearsAndTheMarksSayWhatWasHeard) {
  call({{"greeting", "0"}});
  pass(200);
  pass(900, true);
  pass(500);
  while (count("media") == 0) pass(20);
  pass(1'000);
  const auto heard_at_most = played + 100;
  pass(400, true);
  EXPECT_EQ(count("clear"), 1u);
  pass(7'000);
  ASSERT_GE(sink.turns.size(), 2u);
  EXPECT_EQ(sink.turns[0].status, "interrupted");
  EXPECT_GE(sink.turns[0].heard_ms, 800);
  EXPECT_LE(sink.turns[0].heard_ms, heard_at_most + 400);
  EXPECT_EQ(sink.turns[1].status, "completed");
}

TEST_F(Twilio, MarksThatComeLateLowerWhatCountsAsHeard) {
  call({{"greeting", "0"}});
  pass(200);
  pass(900, true);
  for (int at = 0; at < 1'500; at += 20) {   // no mark ever comes back: nothing was played
    media(std::string(160, '\xff'));
    loop.advance(Millis(20));
  }
  ASSERT_GT(count("media"), 0u);
  for (int at = 0; at < 400; at += 20) {
    media(std::string(160, '\x00'));
    loop.advance(Millis(20));
  }
  ASSERT_EQ(count("clear"), 1u);
  loop.advance(Millis(400));
  ASSERT_GE(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].heard_ms, 0);
}

TEST_F(Twilio, KeysBecomeOneMessageOfTextAndStopTheVoice) {
  call({{"greeting", "0"}});
  pass(100);
  for (const char* digit : {"1", "2", "#"}) {
    tell({{"event", "dtmf"}, {"streamSid", "MZ1"}, {"dtmf", {{"track", "inbound_track"}, {"digit", digit}}}});
    pass(300);
  }
  pass(8'000);
  ASSERT_EQ(sink.turns.size(), 1u);
  EXPECT_EQ(sink.turns[0].user_transcript, "[The caller pressed 12# on the telephone's keypad.]");
  tell({{"event", "dtmf"}, {"dtmf", {{"digit", "9"}}}});
  pass(1'800);
  tell({{"event", "dtmf"}, {"dtmf", {{"digit", "8"}}}});
  EXPECT_EQ(count("clear"), 1u) << "the reply to 9 was being spoken";
}

TEST_F(Twilio, ARefusedKeyClosesTheCallWithTheReason) {
  refuse = true;
  call({{"key", "wrong"}});
  EXPECT_EQ(peer->close_code, 1008);
  EXPECT_EQ(peer->close_reason, "401: the API key is not valid");
}

TEST_F(Twilio, WithoutAStartTheCallIsClosedAndNothingLargeIsTakenBefore) {
  call({}, false);
  loop.advance(std::chrono::seconds(11));
  EXPECT_EQ(peer->close_code, 1008);
  peer = std::make_shared<RememberingPeer>();
  call({}, false);
  twilio->on_text(std::string(40'000, ' '));
  EXPECT_EQ(peer->close_code, 1009);
}

TEST_F(Twilio, GarbageAndMessagesOutOfOrderAreSurvivedAndTooManyCloseTheCall) {
  call({}, false);
  media("early");                                                  // before start
  tell({{"event", "mark"}, {"mark", {{"name", "unknown"}}}});
  tell({{"event", "dtmf"}, {"dtmf", {{"digit", "12"}}}});
  tell({{"event", "start"}, {"start", "no object"}});
  tell({{"event", "start"}, {"start", {{"streamSid", "MZ1"}, {"mediaFormat", {{"encoding", "audio/l16"}, {"sampleRate", 16000}}}}}});
  tell({{"event", "start"}, {"start", {{"streamSid", "MZ1"}, {"customParameters", {{"greeting", "0"}}}}}});
  tell({{"event", "start"}, {"start", {{"streamSid", "MZ2"}}}});   // a second one
  tell({{"event", "tomorrow's"}});
  tell({{"event", "media"}, {"media", {{"payload", 5}}}});
  tell({{"event", "media"}, {"media", {{"payload", "not base64!"}}}});
  tell({{"event", "media"}, {"media", {{"track", "outbound"}, {"payload", "gICA"}}}});
  twilio->on_binary("binary");
  pass(200);
  pass(900, true);
  pass(7'000);
  EXPECT_EQ(peer->close_code, 0);
  EXPECT_EQ(sink.turns.size(), 1u);
  for (int i = 0; i < 30 && peer->close_code == 0; ++i) twilio->on_text("{]");
  EXPECT_EQ(peer->close_code, 1008);
}

}  // namespace
}  // namespace repartee::test
