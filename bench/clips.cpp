#include "bench/clips.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>

#include "tests/support/corpus.hpp"

namespace repartee::bench {
namespace {

constexpr int loud = 500;  // of 32768, as in commands/talk_client.cpp
constexpr std::size_t clip_ms_min = 1500, clip_ms_max = 6000, pause_ms_max = 300;

bool is_loud(std::span<const std::int16_t> frame) {
  return std::ranges::any_of(frame, [](std::int16_t sample) { return std::abs(static_cast<int>(sample)) > loud; });
}

double rms(std::span<const std::int16_t> frame) {
  double sum = 0;
  for (const double sample : frame) sum += sample * sample;
  return std::sqrt(sum / static_cast<double>(frame.size()));
}

// The first of three frames in a row within 16 dB of the loudness that nine tenths of the frames stay below.
std::size_t speech_begin(std::span<const std::int16_t> samples) {
  constexpr double share_of_level = 0.16;
  constexpr std::size_t frames_needed = 3;
  std::vector<double> loudness;
  for (std::size_t at = 0; at < samples.size(); at += clip_frame_samples) loudness.push_back(rms(samples.subspan(at, clip_frame_samples)));
  std::vector<double> sorted = loudness;
  std::ranges::sort(sorted);
  const double needed = share_of_level * sorted[sorted.size() * 9 / 10];
  std::size_t run = 0;
  for (std::size_t i = 0; i < loudness.size(); ++i)
    if ((run = loudness[i] > needed ? run + 1 : 0) == frames_needed) return i + 1 - frames_needed;
  return 0;
}

std::optional<Clip> usable(std::string id, Samples samples) {
  samples.resize((samples.size() + clip_frame_samples - 1) / clip_frame_samples * clip_frame_samples, 0);
  const std::size_t frames = samples.size() / clip_frame_samples;
  if (frames * frame_ms < clip_ms_min || frames * frame_ms > clip_ms_max) return std::nullopt;
  Clip clip{.id = std::move(id), .samples = std::move(samples)};
  bool has_speech = false;
  for (std::size_t i = 0; i < frames; ++i) {
    if (!is_loud(std::span(clip.samples).subspan(i * clip_frame_samples, clip_frame_samples))) continue;
    if (!has_speech) clip.first_loud_frame = i;
    else if ((i - clip.last_loud_frame - 1) * frame_ms > pause_ms_max) return std::nullopt;
    has_speech = true;
    clip.last_loud_frame = i;
  }
  if (!has_speech) return std::nullopt;
  clip.first_speech_frame = speech_begin(clip.samples);
  return clip;
}

}  // namespace

Result<std::vector<Clip>> human_clips(std::size_t count) {
  auto recordings = test::asterisk_prompts();
  if (!recordings) return recordings.error();
  auto readers = test::pocketsphinx_recordings();
  if (!readers) return readers.error();
  recordings->insert(recordings->end(), readers->begin(), readers->end());
  std::vector<Clip> clips;
  for (const auto& recording : *recordings) {
    auto samples = test::load_samples(recording);
    if (!samples) return samples.error();
    if (auto clip = usable(recording.id, std::move(samples).value())) clips.push_back(std::move(*clip));
  }
  if (clips.empty()) return Error{Errc::not_found, "no usable recording"};
  if (clips.size() <= count) return clips;
  std::vector<Clip> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(std::move(clips[i * clips.size() / count]));
  return chosen;
}

}  // namespace repartee::bench
