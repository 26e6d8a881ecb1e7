// A Session with scripted engines, a clock that stands still until told otherwise, and a peer that remembers what it was sent.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/providers/scripted.hpp"
#include "realtime/session.hpp"
#include "tests/support/event_schema.hpp"
#include "tests/support/loud_vad.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::test {

using nlohmann::json;

// Every event that a session sends in any test is held against the protocol's schemas; of those that come in masses, the first ones.
class RememberingPeer final : public transport::Peer {
 public:
  void send_text(std::string_view text) override {
    events.push_back(json::parse(text));
    if (!events.back().contains("type")) return;  // a telephone's message, not the protocol's
    if (++counts_[events.back()["type"]] > checked_max) return;
    EXPECT_EQ(schema_violation(EventSide::server, events.back()), "");
  }
  void send_binary(std::string_view bytes) override { packets.emplace_back(bytes); }
  void close(int code, std::string_view reason) override { close_code = code; close_reason = reason; }
  std::size_t buffered_bytes() const override { return 0; }
  const std::string& remote_address() const override { return address; }

  std::vector<json> events;
  std::vector<std::string> packets;
  int close_code = 0;
  std::string close_reason, address = "127.0.0.1";

 private:
  static constexpr int checked_max = 20;
  std::map<std::string, int> counts_;
};

class RememberingSink final : public persistence::TurnSink {
 public:
  bool record_turn(TurnRecord turn, std::function<void()> on_safe) override {
    turns.push_back(std::move(turn));
    if (on_safe) on_safe();
    return true;
  }
  bool record_session(SessionRecord session) override { sessions.push_back(std::move(session)); return true; }
  bool record_audit(AuditRecord line) override { audit.push_back(std::move(line)); return true; }

  std::vector<TurnRecord> turns;
  std::vector<SessionRecord> sessions;
  std::vector<AuditRecord> audit;
};

struct SessionHarness {
  pipeline::ScriptedAsrOptions asr_options{.script = {.lines = {"what is the time"}, .first_delay = Millis(50)}};
  pipeline::ScriptedLlmOptions llm_options{.script = {.lines = {"It is noon. The sun stands high above the quiet town."}, .first_delay = Millis(10)}};
  pipeline::ScriptedTtsOptions tts_options{.script = {.first_delay = Millis(20)}, .rate_hz = 24000};
  realtime::SessionOptions options;
  realtime::SessionStart start{.session_id = "0192f0c1-0000-7000-8000-000000000001", .model_asked = "default",
                               .clone = {.id = "c", .name = "Ada", .greeting = "Hello there."}};

  ManualLoop loop;
  LoudVad vad{loop};
  Metrics metrics;
  realtime::SessionMetrics session_metrics{metrics};
  RememberingSink sink;
  std::shared_ptr<RememberingPeer> peer = std::make_shared<RememberingPeer>();
  realtime::PriceTable prices{{"scripted", {.asr_usd_per_minute = 0.6, .llm_usd_per_million_output_tokens = 10, .tts_usd_per_million_characters = 100}}};
  std::map<std::string, std::string> aliases{{"alloy", "scripted/tone"}};

  std::unique_ptr<pipeline::ScriptedAsr> asr;
  pipeline::AsrProvider* use_asr = nullptr;    // instead of `asr`
  pipeline::TtsProvider* use_tts = nullptr;    // instead of `tts`
  std::unique_ptr<pipeline::ScriptedLlm> llm;
  std::unique_ptr<pipeline::ScriptedTts> tts, apology_tts;
  std::map<std::string, pipeline::LlmProvider*> llms;
  std::map<std::string, pipeline::TtsProvider*> voices;
  std::function<LimitDecision(const std::string&, const std::string&)> limit_left;
  pipeline::Retriever* retriever = nullptr;
  std::string house_user_id;
  persistence::CloneDirectory* clones = nullptr;
  realtime::LoadState load;
  std::shared_ptr<realtime::Session> session;

  void make_engines() {
    asr = std::make_unique<pipeline::ScriptedAsr>(asr_options);
    llm = std::make_unique<pipeline::ScriptedLlm>(llm_options);
    tts = std::make_unique<pipeline::ScriptedTts>(tts_options);
    apology_tts = std::make_unique<pipeline::ScriptedTts>(pipeline::ScriptedTtsOptions{.rate_hz = 16000});
    llms = {{"scripted", llm.get()}};
    voices = {{"scripted", use_tts ? use_tts : tts.get()}, {"local", apology_tts.get()}};
    options.config.output_format = {realtime::Codec::pcm, 24000};
    options.config.input_format = {realtime::Codec::pcm, 16000};
  }
  realtime::SessionServices services() {
    return {.loop = loop, .vad = vad, .asr = use_asr ? *use_asr : *asr, .llms = llms, .tts = voices, .llm_default = "scripted", .tts_default = "scripted",
            .voice_default = "tone", .apology_tts = "local", .voice_aliases = aliases, .sink = sink, .prices = prices,
            .metrics = session_metrics, .retriever = retriever, .house_user_id = house_user_id, .limit_left = limit_left, .clones = clones, .load = &load};
  }

  void open() {
    make_engines();
    session = std::make_shared<realtime::Session>(services(), options, start, peer);
    session->open();
    loop.run();
  }

  // Streams sound at its natural pace, 20 ms a message.
  void speak(int ms, bool loud = true) {
    const std::string frame = [&] {
      std::string bytes;
      for (int i = 0; i < 320; ++i) {
        const auto sample = static_cast<std::int16_t>(loud ? (i % 2 ? 8000 : -8000) : 0);
        bytes.push_back(static_cast<char>(sample & 0xff));
        bytes.push_back(static_cast<char>((sample >> 8) & 0xff));
      }
      return bytes;
    }();
    for (int at = 0; at < ms; at += 20) {
      session->on_binary(frame);
      loop.advance(Millis(20));
    }
  }
  void silence(int ms) { speak(ms, false); }
  void say(const json& event) {
    session->on_text(event.dump());
    loop.run();
  }

  std::vector<json> of(std::string_view type) const {
    std::vector<json> out;
    std::ranges::copy_if(peer->events, std::back_inserter(out), [&](const json& e) { return e["type"] == type; });
    return out;
  }
  std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& event : peer->events) out.push_back(event["type"]);
    return out;
  }
  // Position of the n-th event of a type; -1 when there is none.
  std::ptrdiff_t place(std::string_view type, int n = 0) const {
    for (std::size_t i = 0; i < peer->events.size(); ++i)
      if (peer->events[i]["type"] == type && n-- == 0) return static_cast<std::ptrdiff_t>(i);
    return -1;
  }
};

}  // namespace repartee::test
