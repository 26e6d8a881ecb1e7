#include <gtest/gtest.h>

#include <vector>

#include "pipeline/turn_detector.hpp"

namespace repartee::pipeline {
namespace {

constexpr int window_ms = 32;

struct Listener {
  explicit Listener(TurnDetectorOptions options) : detector(options) {}
  // Feeds `ms` of a probability; the signals, with the input position at which each came.
  void feed(int ms, double probability) {
    for (int i = 0; i < ms / window_ms; ++i) {
      const auto signal = detector.on_window(at_ms, at_ms + window_ms, probability);
      at_ms += window_ms;
      if (signal != TurnSignal::none) signals.emplace_back(signal, at_ms);
    }
  }
  std::vector<TurnSignal> kinds() const {
    std::vector<TurnSignal> out;
    for (const auto& [kind, at] : signals) out.push_back(kind);
    return out;
  }
  TurnDetector detector;
  std::int64_t at_ms = 0;
  std::vector<std::pair<TurnSignal, std::int64_t>> signals;
};

TEST(TurnDetector, ReportsAnUtteranceWithItsTrueOnsetAndEnd) {
  Listener run({});
  run.feed(320, 0.02);
  run.feed(960, 0.95);
  run.feed(640, 0.02);
  EXPECT_EQ(run.kinds(), (std::vector{TurnSignal::onset, TurnSignal::pause, TurnSignal::endpoint}));
  EXPECT_EQ(run.detector.speech_start_ms(), 320);
  EXPECT_EQ(run.detector.speech_end_ms(), 1280);
  EXPECT_EQ(run.signals.back().second, 1280 + 512);   // the first window end at or past 500 ms of silence
}

TEST(TurnDetector, TakesNoClickForSpeech) {
  Listener run({});
  for (int i = 0; i < 10; ++i) {
    run.feed(window_ms, 0.9);
    run.feed(320, 0.02);
  }
  EXPECT_TRUE(run.signals.empty());
}

TEST(TurnDetector, GoesOnAfterAPauseShorterThanTheSilence) {
  Listener run({});
  run.feed(320, 0.9);
  run.feed(320, 0.02);
  run.feed(320, 0.9);
  run.feed(640, 0.02);
  EXPECT_EQ(run.kinds(), (std::vector{TurnSignal::onset, TurnSignal::pause, TurnSignal::resumed, TurnSignal::pause, TurnSignal::endpoint}));
}

TEST(TurnDetector, HoldsOnToSpeechThatBecomesFaint) {
  Listener run({});
  run.feed(320, 0.9);
  run.feed(1600, 0.4);   // below the threshold, above threshold - hysteresis
  EXPECT_EQ(run.kinds(), (std::vector{TurnSignal::onset}));
  EXPECT_EQ(run.detector.voiced_ms(), 320) << "faint sound keeps a turn but does not make an interruption";
}

TEST(TurnDetector, CountsVoicedSoundOnly) {
  Listener run({});
  run.feed(160, 0.9);
  run.feed(128, 0.02);
  run.feed(160, 0.9);
  EXPECT_EQ(run.detector.voiced_ms(), 320);
}

TEST(TurnDetector, ForgetsOnReset) {
  Listener run({});
  run.feed(320, 0.9);
  run.detector.reset();
  EXPECT_FALSE(run.detector.in_speech());
  run.feed(960, 0.02);
  EXPECT_EQ(run.kinds(), (std::vector{TurnSignal::onset}));
}

}  // namespace
}  // namespace repartee::pipeline
