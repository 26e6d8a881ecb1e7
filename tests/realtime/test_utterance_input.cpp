#include <gtest/gtest.h>

#include "realtime/utterance_input.hpp"
#include "tests/support/loud_vad.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::realtime {
namespace {

using pipeline::TurnSignal;

// 16 kHz PCM as it goes over the wire.
std::string sound(int ms, bool loud) {
  std::string bytes;
  for (int i = 0; i < ms * 16; ++i) {
    const auto sample = static_cast<std::uint16_t>(static_cast<std::int16_t>(loud ? (i % 2 ? 8000 : -8000) : 0));
    bytes += static_cast<char>(sample & 0xff);
    bytes += static_cast<char>(sample >> 8);
  }
  return bytes;
}

struct Listener {
  explicit Listener(TurnDetectionKind kind = TurnDetectionKind::server_vad) {
    config.input_format = {Codec::pcm, 16000};
    config.turn_detection.kind = kind;
    input = std::make_unique<UtteranceInput>(loop, UtteranceInput::Options{}, vad, config, UtteranceInput::Callbacks{
        .on_signal = [this](TurnSignal signal) {
          signals.push_back(signal);
          if (signal == TurnSignal::onset) input->buffer().begin(input->detector().speech_start_ms() - config.turn_detection.prefix_padding_ms);
          if (signal != TurnSignal::endpoint) return;
          starts.push_back(input->buffer().start_ms());
          ended.push_back(input->arrival_of(input->detector().speech_end_ms()));
          input->forget_speech();
        },
        .on_window = [] {}});
  }
  void send(int ms, bool loud) {
    ASSERT_TRUE(input->push(sound(ms, loud)).ok());
    loop.run();
  }
  void stream(int ms, bool loud) {
    for (int at = 0; at < ms; at += 20) {
      send(20, loud);
      loop.advance(Millis(20));
    }
  }

  test::ManualLoop loop;
  test::LoudVad vad{loop};
  SessionConfig config;
  std::unique_ptr<UtteranceInput> input;
  std::vector<TurnSignal> signals;
  std::vector<std::int64_t> starts;
  std::vector<TimePoint> ended;
};

TEST(UtteranceInput, HasNoDecoderBeforeAudioComesAndGivesItBackWhenNoneHasComeForLong) {
  Listener listener;
  EXPECT_TRUE(listener.input->is_idle());
  listener.stream(1000, false);
  EXPECT_FALSE(listener.input->is_idle());
  listener.loop.advance(std::chrono::seconds(2));
  EXPECT_FALSE(listener.input->is_idle());
  listener.loop.advance(std::chrono::seconds(5));
  EXPECT_TRUE(listener.input->is_idle());
  EXPECT_EQ(listener.input->buffer().capacity_bytes(), 0u);
}

TEST(UtteranceInput, HearsAsBeforeAfterALongSilenceOfTheLine) {
  Listener listener;
  listener.stream(1000, false);
  listener.loop.advance(std::chrono::seconds(60));
  ASSERT_TRUE(listener.input->is_idle());
  listener.stream(600, true);
  listener.stream(1000, false);
  ASSERT_EQ(listener.starts.size(), 1u);
  EXPECT_NEAR(static_cast<double>(listener.starts[0]), 1000, 40);   // there is no padding: nothing is left of what came a minute ago
  EXPECT_EQ(listener.input->received_ms(), 2600);
}

TEST(UtteranceInput, KeepsTheDecoderWhileFramesComeNowAndThen) {
  Listener listener;
  for (int i = 0; i < 20; ++i) {
    listener.send(20, false);
    listener.loop.advance(std::chrono::seconds(2));
    EXPECT_FALSE(listener.input->is_idle());
  }
}

TEST(UtteranceInput, LosesNothingOfUtterancesThatComeInOneMessage) {
  Listener listener;
  listener.send(2000, false);
  std::string all = sound(1000, false) + sound(2000, true) + sound(3000, false) + sound(1500, true) + sound(3000, false);
  ASSERT_TRUE(listener.input->push(all).ok());
  listener.loop.run();
  ASSERT_EQ(listener.starts.size(), 2u);
  EXPECT_NEAR(static_cast<double>(listener.starts[0]), 3000 - 300, 40);
  EXPECT_NEAR(static_cast<double>(listener.starts[1]), 8000 - 300, 40);
}

TEST(UtteranceInput, KnowsWhenTheLastVoicedWindowArrivedAfterLongSpeech) {
  Listener listener;
  listener.stream(30'000, false);
  listener.stream(25'000, true);
  const TimePoint fell_silent = listener.loop.now();
  listener.stream(1000, false);
  ASSERT_EQ(listener.ended.size(), 1u);
  EXPECT_NEAR(static_cast<double>(to_ms(listener.ended[0] - fell_silent)), 0, 60);
}

TEST(UtteranceInput, PushToTalkMayBeginAtTheFirstSampleOfALongMessage) {
  Listener listener(TurnDetectionKind::none);
  listener.send(5000, false);
  listener.send(30'000, true);
  listener.input->buffer().begin(5000);
  EXPECT_EQ(listener.input->buffer().start_ms(), 5000);
  EXPECT_EQ(listener.input->buffer().length_ms(), 30'000);
}

}  // namespace
}  // namespace repartee::realtime
