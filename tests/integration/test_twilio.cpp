// A telephone call with human speech: a peer that does what Twilio's documentation says, over a real socket, into the real server.
#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <thread>

#include "pipeline/g711.hpp"
#include "pipeline/resampler.hpp"
#include "realtime/protocol/base64.hpp"
#include "realtime/transport/ws_client.hpp"
#include "tests/integration/server_process.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/wer.hpp"

namespace repartee::test {
namespace {

using nlohmann::json;

struct Spoken {
  std::string transcript;
  std::string mu_law;   // 8 kHz
};

Spoken recording(std::size_t n) {
  auto recordings = asterisk_prompts();
  if (!recordings) throw std::runtime_error(recordings.error().message);
  for (const auto& one : spread(*recordings, 120)) {
    auto samples = load_samples(one);
    const std::size_t ms = samples ? samples->size() / 16 : 0;
    if (ms < 1800 || ms > 4500 || n-- > 0) continue;
    const Audio narrow = pipeline::resampled({padded(*samples, 100, 0), asr_rate_hz}, 8000);
    std::string bytes;
    for (const auto sample : narrow.samples) bytes += static_cast<char>(pipeline::g711_encode(pipeline::G711Law::mu, sample));
    bytes.resize(bytes.size() / 160 * 160);
    return {one.transcript, bytes};
  }
  throw std::runtime_error("no prompt of a fitting length");
}

// Twilio's side: media at its natural pace, what comes is played in order, marks go back when they are reached.
class ScriptedTwilio {
 public:
  explicit ScriptedTwilio(const ServerProcess& server) {
    const Status connected = client_.connect("ws://127.0.0.1:" + std::to_string(server.port()) + "/v1/twilio", {});
    if (!connected) throw std::runtime_error(connected.error().message);
    tell({{"event", "connected"}, {"protocol", "Call"}, {"version", "1.0.0"}});
    tell({{"event", "start"},
          {"sequenceNumber", "1"},
          {"streamSid", "MZ0"},
          {"start", {{"accountSid", "AC0"}, {"streamSid", "MZ0"}, {"callSid", "CA0"}, {"tracks", {"inbound"}},
                     {"mediaFormat", {{"encoding", "audio/x-mulaw"}, {"sampleRate", 8000}, {"channels", 1}}},
                     {"customParameters", {{"greeting", "0"}}}}}});
  }
  void tell(json message) {
    message["sequenceNumber"] = std::to_string(++sequence_);
    (void)client_.send_text(message.dump());
  }
  void speak(const std::string& mu_law) {
    for (std::size_t at = 0; at + 160 <= mu_law.size(); at += 160) frame(mu_law.substr(at, 160));
  }
  // Silence until `done`, or ten times too long.
  bool listen(const std::function<bool()>& done, std::chrono::seconds patience = std::chrono::seconds(25)) {
    for (std::int64_t frames = patience.count() * 50; frames > 0 && !done(); --frames) frame(std::string(160, '\xff'));
    return done();
  }
  bool hung_up() { return client_.receive(Millis(1)), !client_.is_open(); }

  std::int64_t played_ms = 0, dropped_ms = 0;
  int marks_returned = 0, clears = 0;
  bool quiet() const { return queue_.empty(); }

 private:
  void frame(const std::string& mu_law) {
    tell({{"event", "media"}, {"streamSid", "MZ0"}, {"media", {{"track", "inbound"}, {"chunk", "1"}, {"timestamp", "0"}, {"payload", realtime::base64::encode(mu_law)}}}});
    next_ += Millis(20);
    while (SteadyClock::now() < next_)
      if (auto message = client_.receive(std::max(std::chrono::duration_cast<Millis>(next_ - SteadyClock::now()), Millis(1)))) take(json::parse(message->data));
    play(20);
  }
  void take(const json& message) {
    EXPECT_EQ(message["streamSid"], "MZ0");
    if (message["event"] == "media") queue_.push_back({static_cast<std::int64_t>(realtime::base64::decode(message["media"]["payload"].get<std::string>())->size()) / 8, ""});
    if (message["event"] == "mark") queue_.push_back({0, message["mark"]["name"]});
    if (message["event"] != "clear") return;
    ++clears;
    for (const auto& [ms, mark] : std::exchange(queue_, {})) {
      dropped_ms += ms;
      if (!mark.empty()) give_back(mark);
    }
  }
  void play(std::int64_t ms) {
    for (; !queue_.empty(); queue_.pop_front()) {
      auto& [left, mark] = queue_.front();
      const auto now = std::min(left, ms);
      played_ms += now;
      left -= now;
      ms -= now;
      if (left > 0) return;
      if (!mark.empty()) give_back(mark);
    }
  }
  void give_back(const std::string& mark) {
    ++marks_returned;
    tell({{"event", "mark"}, {"streamSid", "MZ0"}, {"mark", {{"name", mark}}}});
  }

  transport::WsClient client_;
  int sequence_ = 0;
  TimePoint next_ = SteadyClock::now();
  std::deque<std::pair<std::int64_t, std::string>> queue_;
};

TEST(TelephoneCall, IsUnderstoodAnsweredInterruptedAndHungUp) {
  setenv("REPARTEE_TTS_PROVIDER", "flite", 1);
  ServerProcess server;
  unsetenv("REPARTEE_TTS_PROVIDER");
  const Spoken first = recording(0), second = recording(1);
  ScriptedTwilio twilio(server);
  twilio.speak(std::string(4'000, '\xff'));
  twilio.speak(first.mu_law);
  ASSERT_TRUE(twilio.listen([&] { return twilio.played_ms >= 800; })) << server.log();
  twilio.speak(second.mu_law);
  const auto heard_ms = twilio.played_ms;
  EXPECT_GE(twilio.clears, 1) << "the caller spoke over the reply";
  ASSERT_TRUE(twilio.listen([&] { return twilio.played_ms > heard_ms + 500 && twilio.quiet(); })) << server.log();
  twilio.tell({{"event", "dtmf"}, {"streamSid", "MZ0"}, {"dtmf", {{"track", "inbound_track"}, {"digit", "7"}}}});
  twilio.listen([rounds = 0]() mutable { return ++rounds > 150; });
  twilio.tell({{"event", "stop"}, {"streamSid", "MZ0"}, {"stop", {{"accountSid", "AC0"}, {"callSid", "CA0"}}}});
  for (int i = 0; i < 500 && !twilio.hung_up(); ++i) std::this_thread::sleep_for(Millis(10));
  EXPECT_TRUE(twilio.hung_up());
  EXPECT_GT(twilio.marks_returned, 5);

  const json sessions = json::parse(server.get("/api/v1/sessions").body)["sessions"];
  ASSERT_EQ(sessions.size(), 1u);
  json turns;
  for (int i = 0; i < 50 && turns.size() < 3; ++i) {
    turns = json::parse(server.get("/api/v1/sessions/" + sessions[0]["id"].get<std::string>() + "/turns").body)["turns"];
    std::this_thread::sleep_for(Millis(100));
  }
  ASSERT_GE(turns.size(), 3u) << turns.dump(1);
  EXPECT_LE(word_errors(first.transcript, turns[0]["user_transcript"].get<std::string>()).rate(), 0.4) << turns[0]["user_transcript"];
  EXPECT_EQ(turns[0]["status"], "interrupted");
  EXPECT_GE(turns[0]["heard_ms"], 700);
  EXPECT_LE(turns[0]["heard_ms"], heard_ms + 100) << "never more than the telephone played";
  EXPECT_LE(word_errors(second.transcript, turns[1]["user_transcript"].get<std::string>()).rate(), 0.6) << turns[1]["user_transcript"];
  EXPECT_EQ(turns[2]["user_transcript"], "[The caller pressed 7 on the telephone's keypad.]");
}

}  // namespace
}  // namespace repartee::test
