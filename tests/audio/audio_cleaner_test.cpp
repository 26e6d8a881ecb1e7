#include "pipeline/audio_cleaner.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/corpus.hpp"
#include "tests/support/signal.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t second = 16000;

Samples cleaned(Samples samples, AudioCleaner::Options options) {
  AudioCleaner cleaner(options);
  for (std::size_t at = 0; at + AudioCleaner::frame_samples <= samples.size(); at += AudioCleaner::frame_samples)
    cleaner.process(std::span<std::int16_t, AudioCleaner::frame_samples>(samples.data() + at, AudioCleaner::frame_samples));
  return samples;
}

Samples voice() { return *test::load_samples(test::asterisk_prompts()->front()); }

Samples voice_in_noise() {  // three seconds of noise alone, a voice in it, and the noise again
  const Samples clean = test::padded(voice(), 3000, 2000);
  Samples noisy = test::white_noise(clean.size(), 400, 1);
  for (std::size_t i = 0; i < clean.size(); ++i) noisy[i] = static_cast<std::int16_t>(std::clamp(noisy[i] + clean[i], -32768, 32767));
  return noisy;
}

// How far the voice stands above the noise after it.
double voice_over_noise(const Samples& samples) {
  const std::span all(samples);
  return test::power(all.subspan(3 * second, all.size() - 5 * second)) / test::power(all.last(second));
}

TEST(AudioCleaner, LiftsAVoiceOutOfNoise) {
  const Samples noisy = voice_in_noise();
  EXPECT_GT(voice_over_noise(cleaned(noisy, {})), 8 * voice_over_noise(noisy));
  EXPECT_GT(voice_over_noise(cleaned(noisy, {.level = false})), 8 * voice_over_noise(noisy));
}

TEST(AudioCleaner, BringsQuietAndLoudCallersTogether) {
  Samples quiet, loud;
  for (int i = 0; i < 4; ++i)
    for (const auto s : voice()) {
      quiet.push_back(static_cast<std::int16_t>(s / 8));
      loud.push_back(static_cast<std::int16_t>(s));
    }
  const auto ending = [](const Samples& samples) { return std::span(samples).last(samples.size() / 4); };
  const double before = test::power(ending(loud)) / test::power(ending(quiet));
  const double after = test::power(ending(cleaned(loud, {}))) / test::power(ending(cleaned(quiet, {})));
  EXPECT_GT(before, 50);
  EXPECT_LT(after, 6);
}

TEST(AudioCleaner, LeavesAVoiceAloneWhenToldNothing) {
  const Samples clean = voice();
  const Samples same = cleaned(clean, {.denoise = false, .level = false});
  EXPECT_NEAR(test::power(same) / test::power(clean), 1, 0.1);
}

}  // namespace
}  // namespace repartee::pipeline
