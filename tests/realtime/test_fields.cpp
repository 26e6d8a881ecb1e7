// Session fields and kinds of input at work: formats, silence, truncation, the voice, spoken items, responses out of band.
#include <gtest/gtest.h>

#include "pipeline/g711.hpp"
#include "pipeline/opus_codec.hpp"
#include "realtime/protocol/base64.hpp"
#include "tests/realtime/session_harness.hpp"

namespace repartee::realtime {
namespace {

using test::json;
using test::SessionHarness;

json update(json session) {
  session["type"] = "realtime";
  return {{"type", "session.update"}, {"session", std::move(session)}};
}
json typed(const std::string& text, const std::string& id = "") {
  json item = {{"type", "message"}, {"role", "user"}, {"content", json::array({{{"type", "input_text"}, {"text", text}}})}};
  if (!id.empty()) item["id"] = id;
  return {{"type", "conversation.item.create"}, {"item", item}};
}
std::string encoded(std::string_view bytes) { return base64::encode(bytes); }

// Listens to what a model is asked.
class AskedLlm final : public pipeline::LlmProvider {
 public:
  std::string_view name() const override { return "scripted"; }
  StreamPtr generate(Loop& loop, pipeline::LlmRequest request, pipeline::LlmCallbacks callbacks) override {
    requests.push_back(request);
    return inner.generate(loop, std::move(request), std::move(callbacks));
  }
  std::vector<pipeline::LlmRequest> requests;
  pipeline::ScriptedLlm inner;
};

struct FieldHarness : SessionHarness {
  AskedLlm asked;
  void open_and_listen() {
    open();
    llms["scripted"] = &asked;
  }
  void ask_for_reply(json response = nullptr) {
    json event = {{"type", "response.create"}};
    if (!response.is_null()) event["response"] = std::move(response);
    say(event);
  }
  void hear_all() { loop.advance(std::chrono::seconds(30)); }
  std::string last_error() const {
    const auto errors = of("error");
    return errors.empty() ? "" : errors.back()["error"]["code"].get<std::string>();
  }
};

// ---- formats ----

struct Wire {
  json format;
  int rate_hz;
  std::string (*encode)(std::span<const std::int16_t>);
};

std::string as_pcm(std::span<const std::int16_t> samples) { return {reinterpret_cast<const char*>(samples.data()), samples.size() * 2}; }
template <pipeline::G711Law law>
std::string as_g711(std::span<const std::int16_t> samples) {
  std::vector<std::uint8_t> out;
  pipeline::g711_encode(law, samples, out);
  return {out.begin(), out.end()};
}
std::string as_opus(std::span<const std::int16_t> samples) {
  static auto encoder = pipeline::OpusEncoder::create({.rate_hz = 48000, .bitrate_bps = 64000});
  const auto packet = encoder->encode(samples);
  return {packet->begin(), packet->end()};
}

TEST(Fields, FormatsChangeBetweenTurnsInBothDirectionsJsonAndBinary) {
  const Wire wires[] = {{{{"type", "audio/pcm"}, {"rate", 24000}}, 24000, as_pcm},
                        {{{"type", "audio/pcm"}, {"rate", 8000}}, 8000, as_pcm},
                        {{{"type", "audio/pcm"}, {"rate", 16000}}, 16000, as_pcm},
                        {{{"type", "audio/pcm"}, {"rate", 48000}}, 48000, as_pcm},
                        {{{"type", "audio/pcmu"}}, 8000, as_g711<pipeline::G711Law::mu>},
                        {{{"type", "audio/pcma"}}, 8000, as_g711<pipeline::G711Law::a>},
                        {{{"type", "audio/opus"}}, 48000, as_opus}};
  FieldHarness h;
  h.open();
  std::size_t turns = 0;
  for (const bool binary : {false, true}) {
    for (const Wire& wire : wires) {
      h.say(update(
          {{"audio",
            {{"input", {{"format", wire.format}}}, {"output", {{"format", wire.format}, {"transport", binary ? "binary" : "json"}}}}}}));
      h.peer->events.clear();
      h.peer->packets.clear();
      const auto stream = [&](int ms, bool loud) {
        Samples frame(static_cast<std::size_t>(wire.rate_hz / 50));
        for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<std::int16_t>(!loud ? 0 : i / 20 % 2 ? 9000 : -9000);
        for (int at = 0; at < ms; at += 20) {
          const std::string bytes = wire.encode(frame);
          if (binary) h.session->on_binary(bytes);
          else h.session->on_text(json{{"type", "input_audio_buffer.append"}, {"audio", encoded(bytes)}}.dump());
          h.loop.advance(Millis(20));
        }
      };
      stream(900, true);
      stream(700, false);
      h.hear_all();
      ASSERT_EQ(h.sink.turns.size(), ++turns) << wire.format << " binary " << binary;
      EXPECT_EQ(h.sink.turns.back().status, "completed") << wire.format;
      EXPECT_EQ(h.of("response.output_audio.delta").empty(), binary) << wire.format;
      EXPECT_EQ(h.peer->packets.empty(), !binary) << wire.format;
      EXPECT_EQ(h.of("response.created").at(0)["response"]["audio"]["output"]["format"]["type"], wire.format["type"]);
    }
  }
}

TEST(Fields, OneResponseMayHaveAFormatOfItsOwn) {
  FieldHarness h;
  h.open();
  h.say(typed("hello"));
  h.ask_for_reply({{"audio", {{"output", {{"format", {{"type", "audio/pcmu"}}}}}}}});
  h.hear_all();
  EXPECT_EQ(h.of("response.created").at(0)["response"]["audio"]["output"]["format"]["type"], "audio/pcmu");
  h.say(typed("again"));
  h.ask_for_reply();
  EXPECT_EQ(h.of("response.created").at(1)["response"]["audio"]["output"]["format"]["type"], "audio/pcm");
}

// ---- silence ----

TEST(Fields, SilenceOfTheIdleTimeoutMakesTheCloneSpeak) {
  FieldHarness h;
  h.open_and_listen();
  h.say(update({{"audio", {{"input", {{"turn_detection", {{"type", "server_vad"}, {"idle_timeout_ms", 5000}}}}}}}}));
  h.silence(6000);
  EXPECT_TRUE(h.of("input_audio_buffer.timeout_triggered").empty()) << "it counts from a reply's end";
  h.say(typed("hello"));
  h.ask_for_reply();
  for (int i = 0; i < 200 && h.session->state() != State::idle; ++i) h.silence(100);
  ASSERT_EQ(h.session->state(), State::idle);
  h.silence(4900);
  EXPECT_TRUE(h.of("input_audio_buffer.timeout_triggered").empty());
  h.silence(200);
  const auto triggered = h.of("input_audio_buffer.timeout_triggered");
  ASSERT_EQ(triggered.size(), 1u);
  EXPECT_GE(triggered[0]["audio_end_ms"].get<int>() - triggered[0]["audio_start_ms"].get<int>(), 5000);
  EXPECT_EQ(h.of("input_audio_buffer.committed").back()["item_id"], triggered[0]["item_id"]);
  EXPECT_EQ(h.asked.requests.back().messages.back().role, pipeline::Role::system);
  h.hear_all();
  ASSERT_EQ(h.sink.turns.size(), 2u);
  EXPECT_EQ(h.sink.turns[1].user_transcript, "");
}

TEST(Fields, SpeechEndsTheIdleTimeout) {
  FieldHarness h;
  h.open();
  h.say(update(
      {{"audio", {{"input", {{"turn_detection", {{"type", "server_vad"}, {"idle_timeout_ms", 5000}, {"create_response", false}}}}}}}}));
  h.say(typed("hello"));
  h.ask_for_reply();
  for (int i = 0; i < 200 && h.session->state() != State::idle; ++i) h.silence(100);
  h.silence(3000);
  h.speak(600);
  h.silence(8000);
  EXPECT_TRUE(h.of("input_audio_buffer.timeout_triggered").empty());
}

// ---- truncation ----

void talk_much(FieldHarness& h) {
  for (int i = 0; i < 12; ++i) h.say(typed("number " + std::to_string(i) + " " + std::string(400, 'x'), "item_" + std::to_string(i)));
}

TEST(Fields, AutomaticTruncationKeepsTheNewest) {
  FieldHarness h;
  h.options.context_tokens_max = 500;
  h.open_and_listen();
  talk_much(h);
  h.ask_for_reply();
  const auto& messages = h.asked.requests.at(0).messages;
  EXPECT_LT(messages.size(), 6u);
  EXPECT_EQ(messages.back().text.rfind("number 11", 0), 0u);
}

TEST(Fields, DisabledTruncationFailsTheResponseAndSaysWhy) {
  FieldHarness h;
  h.options.context_tokens_max = 500;
  h.open_and_listen();
  h.say(update({{"truncation", "disabled"}}));
  talk_much(h);
  h.ask_for_reply();
  h.hear_all();
  EXPECT_EQ(h.of("response.done").at(0)["response"]["status"], "failed");
  EXPECT_EQ(h.last_error(), "resource_exhausted");
  EXPECT_TRUE(h.asked.requests.empty());
  for (int i = 0; i < 12; ++i) h.say({{"type", "conversation.item.delete"}, {"item_id", "item_" + std::to_string(i)}});
  h.say(typed("short"));
  h.ask_for_reply();
  h.hear_all();
  EXPECT_EQ(h.of("response.done").at(1)["response"]["status"], "completed");
}

TEST(Fields, RetentionRatioCutsMoreAtOnceAndThenStaysAWhile) {
  FieldHarness h;
  h.open_and_listen();
  h.say(update({{"truncation", {{"type", "retention_ratio"}, {"retention_ratio", 0.5}, {"token_limits", {{"post_instructions", 1000}}}}}}));
  talk_much(h);  // some 1,240 tokens
  h.ask_for_reply({{"output_modalities", {"text"}}});
  h.hear_all();
  const auto first = h.asked.requests.at(0).messages.size();
  EXPECT_LE(first, 5u) << "about 500 tokens stay";
  EXPECT_GE(first, 3u);
  h.say(typed("one more"));
  h.ask_for_reply({{"output_modalities", {"text"}}});
  h.hear_all();
  EXPECT_EQ(h.asked.requests.at(1).messages.front().text, h.asked.requests.at(0).messages.front().text)
      << "it grows again before it is cut again";
}

// ---- the voice, tokens, metadata ----

TEST(Fields, TheVoiceIsLockedOnceTheCloneHasSpoken) {
  FieldHarness h;
  h.open();
  const auto voice = [](const char* name) { return update({{"audio", {{"output", {{"voice", name}}}}}}); };
  h.say(voice("local/tone"));
  h.say(voice("alloy"));
  h.say(typed("hello"));
  h.ask_for_reply();
  h.hear_all();
  h.say(voice("scripted/tone"));
  EXPECT_EQ(h.of("error").size(), 0u) << "another name of the same voice";
  h.say(voice("local/tone"));
  EXPECT_EQ(h.last_error(), "cannot_update_voice");
  h.ask_for_reply({{"audio", {{"output", {{"voice", "local/tone"}}}}}});
  EXPECT_EQ(h.of("error").size(), 2u);
}

TEST(Fields, AResponseShowsTheTokensItWasGivenAndRunsOutOfThem) {
  FieldHarness h;
  h.open_and_listen();
  h.say(update({{"max_output_tokens", 50}}));
  h.say(typed("hello"));
  h.ask_for_reply({{"max_output_tokens", 7}, {"metadata", {{"client_event_id", "x"}}}});
  EXPECT_EQ(h.of("response.created").at(0)["response"]["max_output_tokens"], 7);
  EXPECT_EQ(h.of("response.created").at(0)["response"]["metadata"]["client_event_id"], "x");
  EXPECT_EQ(h.asked.requests.at(0).output_tokens_max, 7);
}

// ---- items ----

TEST(Fields, ASpokenItemIsRecognisedBeforeItIsAnswered) {
  FieldHarness h;
  h.open_and_listen();
  const Samples second(16000, 5000);
  h.say({{"type", "conversation.item.create"},
         {"item",
          {{"type", "message"},
           {"role", "user"},
           {"id", "item_spoken"},
           {"content", json::array({{{"type", "input_audio"}, {"audio", encoded(as_pcm(second))}}})}}}});
  EXPECT_TRUE(h.of("conversation.item.done").at(0)["item"]["content"][0]["transcript"].is_null());
  h.ask_for_reply();
  EXPECT_TRUE(h.of("response.created").empty()) << "its words come first";
  h.hear_all();
  EXPECT_EQ(h.of("conversation.item.input_audio_transcription.completed").at(0)["transcript"], "what is the time");
  EXPECT_EQ(h.asked.requests.at(0).messages.back().text, "what is the time");
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "what is the time");
  h.say({{"type", "conversation.item.retrieve"}, {"item_id", "item_spoken"}});
  EXPECT_EQ(h.of("conversation.item.retrieved").at(0)["item"]["content"][0]["transcript"], "what is the time");
}

TEST(Fields, ASpokenItemIsRefusedWhenItIsTooLongOrOpus) {
  FieldHarness h;
  h.options.input.utterance_ms_max = 500;
  h.open();
  const auto spoken = [](const Samples& samples) {
    return json{{"type", "conversation.item.create"},
                {"item",
                 {{"type", "message"},
                  {"role", "user"},
                  {"content", json::array({{{"type", "input_audio"}, {"audio", encoded(as_pcm(samples))}}})}}}};
  };
  h.say(spoken(Samples(16000, 5000)));
  EXPECT_EQ(h.last_error(), "invalid_audio");
  h.say(update({{"audio", {{"input", {{"format", {{"type", "audio/opus"}}}}}}}}));
  h.say(spoken(Samples(100, 5000)));
  EXPECT_EQ(h.of("error").size(), 2u);
}

TEST(Fields, AResponseOutOfBandReadsWhatItIsGivenAndLeavesNoTrace) {
  FieldHarness h;
  h.open_and_listen();
  h.say(typed("the secret is 42", "item_secret"));
  h.say(typed("something else"));
  h.peer->events.clear();
  const json input =
      json::array({{{"type", "item_reference"}, {"id", "item_secret"}},
                   {{"type", "message"}, {"role", "user"}, {"content", json::array({{{"type", "input_text"}, {"text", "classify"}}})}}});
  h.ask_for_reply({{"conversation", "none"}, {"output_modalities", {"text"}}, {"instructions", "You classify."}, {"input", input}});
  h.hear_all();
  const auto& request = h.asked.requests.at(0);
  ASSERT_EQ(request.messages.size(), 2u);
  EXPECT_EQ(request.messages[0].text, "the secret is 42");
  EXPECT_EQ(request.instructions, "You classify.");
  EXPECT_EQ(h.of("response.output_text.done").size(), 1u);
  EXPECT_TRUE(h.of("conversation.item.added").empty());
  EXPECT_FALSE(h.of("response.done").at(0)["response"].contains("conversation_id"));
}

TEST(Fields, WhatChangesTheConversationDropsAnAnswerThatWasPrepared) {
  FieldHarness h;
  h.open_and_listen();
  h.speak(800);
  h.silence(360);  // an answer is prepared
  ASSERT_EQ(h.asked.requests.size(), 1u);
  h.say({{"type", "conversation.item.create"},
         {"item", {{"type", "message"}, {"role", "system"}, {"content", json::array({{{"type", "input_text"}, {"text", "Be rude."}}})}}}});
  h.silence(400);
  h.hear_all();
  ASSERT_EQ(h.asked.requests.size(), 2u);
  EXPECT_EQ(h.asked.requests[1].messages.front().text, "Be rude.");
  EXPECT_EQ(h.sink.turns.size(), 1u);
}

// ---- transcription ----

class MeteredAsr final : public pipeline::AsrProvider {
 public:
  std::string_view name() const override { return "scripted"; }
  bool is_metered() const override { return true; }
  StreamPtr transcribe(Loop& loop, pipeline::AsrRequest request, std::function<void(Result<pipeline::Transcript>)> done) override {
    captions += request.priority == Priority::partial_transcript;
    return inner.transcribe(loop, std::move(request), std::move(done));
  }
  int captions = 0;
  pipeline::ScriptedAsr inner;
};

TEST(Fields, CaptionsAreNotAskedOfARecogniserThatCostsMoneyUnlessTheOperatorWantsThem) {
  for (const bool wanted : {false, true}) {
    SessionHarness h;
    MeteredAsr metered;
    h.options.partial_interval = Millis(100);
    h.options.captions_when_metered = wanted;
    h.use_asr = &metered;
    h.open();
    h.speak(1500);
    h.silence(700);
    EXPECT_EQ(metered.captions > 0, wanted);
  }
}

TEST(Fields, NoTranscriptionMeansNoTranscriptionEvents) {
  FieldHarness h;
  h.options.partial_interval = Millis(100);
  h.open();
  h.say(update({{"audio", {{"input", {{"transcription", nullptr}}}}}}));
  h.speak(1500);
  h.silence(700);
  h.hear_all();
  for (const auto& type : h.types()) EXPECT_EQ(type.find("input_audio_transcription"), std::string::npos) << type;
  EXPECT_EQ(h.sink.turns.at(0).user_transcript, "what is the time");
}

}  // namespace
}  // namespace repartee::realtime
