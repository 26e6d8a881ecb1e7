// Sessions whose voice remembers what it said: the same words are heard, whoever encoded them, and an interruption is told as ever.
#include <gtest/gtest.h>

#include <cmath>

#include "pipeline/opus_codec.hpp"
#include "pipeline/providers/cached_tts.hpp"
#include "tests/realtime/session_harness.hpp"
#include "tests/support/map_phrase_cache.hpp"

namespace repartee::realtime {
namespace {

using test::json;
using test::SessionHarness;

// What all sessions of a server share.
struct House {
  Metrics metrics;
  test::MapPhraseCache cache;
  pipeline::ScriptedTts voice{{.script = {.first_delay = Millis(20)}, .rate_hz = 16000}};
  pipeline::CachedTts tts{voice, cache, {}, metrics};

  double by(const char* made) {
    return metrics
        .counter("repartee_encoded_phrases_total", "Phrases from the cache that were sent as Opus, by how: shared packets, or encoded",
                 {{"by", made}})
        .value();
  }
};

struct Call : SessionHarness {
  explicit Call(House& house) {
    use_tts = &house.tts;
    open();
    session->on_text(
        json{{"type", "session.update"},
             {"session", {{"type", "realtime"}, {"audio", {{"output", {{"format", {{"type", "audio/opus"}}}, {"transport", "binary"}}}}}}}}
            .dump());
    loop.run();
  }
  void hear_all() {
    speak(800);
    silence(700);
    loop.advance(std::chrono::seconds(20));
  }
  Samples heard() const {
    pipeline::OpusDecoder16k decoder;
    Samples out;
    for (const auto& packet : peer->packets) {
      const auto samples = decoder.decode({reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size()});
      if (!samples) ADD_FAILURE() << samples.error().message;
      else out.insert(out.end(), samples->begin(), samples->end());
    }
    return out;
  }
  // Of every word, from its begin: how loud its 20 ms slices are.
  std::vector<std::pair<std::string, std::vector<double>>> words_heard() const {
    const Samples sound = heard();
    std::vector<std::pair<std::string, std::vector<double>>> words;
    for (const auto& event : of("repartee.alignment"))
      for (const auto& word : event["words"]) {
        auto& slices = words.emplace_back(word["text"].get<std::string>(), std::vector<double>{}).second;
        const auto begin = word["start_ms"].get<std::size_t>() * 16 + pipeline::opus_lookahead_samples(16000),
                   end = word["end_ms"].get<std::size_t>() * 16;
        for (std::size_t at = begin; at + 320 <= std::min(end, sound.size()); at += 320) {
          double sum = 0;
          for (std::size_t i = at; i < at + 320; ++i) sum += static_cast<double>(sound[i]) * sound[i];
          slices.push_back(std::sqrt(sum / 320));
        }
      }
    return words;
  }
};

TEST(SessionPhrases, ACachedReplyIsTheSameWordsAudioWhoeverEncodedIt) {
  House house;
  Call synthesised(house), encoded(house), shared(house);
  synthesised.hear_all();
  EXPECT_EQ(house.by("encoding") + house.by("sharing"), 0);
  encoded.hear_all();
  EXPECT_EQ(house.by("encoding"), 2) << "two clauses";
  shared.hear_all();
  EXPECT_EQ(house.by("encoding"), 2);
  EXPECT_EQ(house.by("sharing"), 2);
  EXPECT_EQ(house.voice.calls(), 2u);

  EXPECT_EQ(shared.peer->packets, encoded.peer->packets);
  const auto first = synthesised.words_heard(), again = shared.words_heard();
  ASSERT_EQ(again.size(), first.size());
  ASSERT_GE(first.size(), 8u);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(again[i].first, first[i].first);
    ASSERT_EQ(again[i].second.size(), first[i].second.size()) << first[i].first;
    ASSERT_FALSE(first[i].second.empty()) << first[i].first;
    for (std::size_t k = 0; k < first[i].second.size(); ++k)
      EXPECT_NEAR(again[i].second[k], first[i].second[k], 0.35 * first[i].second[k] + 50) << first[i].first << ", slice " << k;
  }
  for (const Call* call : {&synthesised, &encoded, &shared}) {
    ASSERT_EQ(call->sink.turns.size(), 1u);
    EXPECT_EQ(call->sink.turns[0].status, "completed");
    EXPECT_EQ(call->sink.turns[0].heard_response, call->sink.turns[0].llm_response);
  }
}

TEST(SessionPhrases, AnInterruptionAmidSharedPacketsIsToldAsAmidLiveOnes) {
  House house;
  Call(house).hear_all();
  Call(house).hear_all();
  ASSERT_EQ(house.by("encoding"), 2);
  Call live(house), cut(house);
  House other;
  live.voices["scripted"] = &other.tts;  // never said anything before
  for (Call* call : {&live, &cut}) {
    call->speak(800);
    call->silence(1300);
    call->speak(260);
    ASSERT_EQ(call->session->state(), State::interrupted);
    const auto sent = call->peer->packets.size();
    if (call == &cut) { EXPECT_EQ(house.by("sharing"), 2) << "the second clause was begun"; }
    call->silence(300);
    EXPECT_EQ(call->peer->packets.size(), sent) << "audio after the cut";
    call->silence(400);
    ASSERT_GE(call->sink.turns.size(), 1u);
    EXPECT_EQ(call->sink.turns[0].status, "interrupted");
    EXPECT_FALSE(call->sink.turns[0].heard_response.empty());
    EXPECT_LT(call->sink.turns[0].heard_response.size(), call->sink.turns[0].llm_response.size());
  }
  EXPECT_EQ(other.by("sharing"), 0);
  EXPECT_EQ(cut.sink.turns[0].heard_response, live.sink.turns[0].heard_response);
}

TEST(SessionPhrases, TheFormatMayChangeBetweenTurns) {
  House house;
  Call(house).hear_all();
  Call(house).hear_all();
  Call call(house);
  call.hear_all();
  const auto packets = call.peer->packets.size();
  EXPECT_EQ(house.by("sharing"), 2);
  call.say(
      {{"type", "session.update"},
       {"session",
        {{"type", "realtime"}, {"audio", {{"output", {{"format", {{"type", "audio/pcm"}, {"rate", 24000}}}, {"transport", "json"}}}}}}}});
  call.hear_all();
  EXPECT_EQ(call.peer->packets.size(), packets);
  EXPECT_GT(call.of("response.output_audio.delta").size(), 50u);
  EXPECT_EQ(house.by("sharing"), 2) << "samples are sent as they are";
  call.say({{"type", "session.update"},
            {"session", {{"type", "realtime"}, {"audio", {{"output", {{"format", {{"type", "audio/opus"}}}, {"transport", "binary"}}}}}}}});
  call.hear_all();
  EXPECT_EQ(house.by("sharing"), 4);
  EXPECT_EQ(house.by("encoding"), 2);
  EXPECT_EQ(call.peer->packets.size(), 2 * packets);
}

}  // namespace
}  // namespace repartee::realtime
