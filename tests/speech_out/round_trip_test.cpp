// Is it understood? What the engines say is recognised again.
#include <gtest/gtest.h>

#include <array>

#include "pipeline/providers/moonshine.hpp"
#include "pipeline/resampler.hpp"
#include "tests/speech_out/speaking.hpp"
#include "tests/support/wer.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::array sentences = {
    "The library opens at nine in the morning.",
    "I'm sorry, but I don't know the answer to that question.",
    "Please take the second door on the left.",
    "She sold forty two tickets before the concert started.",
    "It's going to rain tomorrow, so bring an umbrella.",
    "Could you tell me how to get to the train station?",
    "We were talking about the history of the old bridge.",
    "Thank you very much, that was really helpful.",
};

double error_rate(TtsProvider& engine) {
  auto& engines = test::Engines::get();
  const auto asr = MoonshineAsr::load(engines.runtime, engines.pool, {.models_dir = REPARTEE_MODELS_DIR});
  if (!asr) {
    ADD_FAILURE() << asr.error().message;
    return 1;
  }
  test::WordErrors errors;
  for (const char* sentence : sentences) {
    const test::Heard heard = test::speak(engine, test::say(sentence));
    Audio audio = resampled({heard.samples, engine.rate_hz()}, asr_rate_hz);
    audio.samples.resize(audio.samples.size() + asr_rate_hz / 5, 0);  // the recogniser wants about 300 ms after the last word
    const auto text = asr.value()->recognise(std::span<const std::int16_t>(audio.samples));
    EXPECT_TRUE(text.ok());
    const auto found = test::word_errors(sentence, text.ok() ? *text : "");
    if (found.errors > 0) std::printf("  %s\n    -> %s\n", sentence, text.ok() ? text.value().c_str() : "");
    errors += found;
  }
  std::printf("%s: %.1f%% of %zu words\n", std::string(engine.name()).c_str(), 100 * errors.rate(), errors.words);
  return errors.rate();
}

TEST(RoundTrip, KokoroIsUnderstood) { EXPECT_LE(error_rate(*test::Engines::get().kokoro), 0.10); }
TEST(RoundTrip, FliteIsUnderstood) { EXPECT_LE(error_rate(*test::Engines::get().flite), 0.25); }

}  // namespace
}  // namespace repartee::pipeline
