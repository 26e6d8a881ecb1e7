// Takes steady noise out of a caller's voice and evens its loudness (speexdsp's preprocessor), 20 ms at 16 kHz at a time.
// It adds half a frame (10 ms) of delay and needs about a second to learn the noise.
// Thread contract: one thread at a time.
#pragma once
#include <memory>
#include <span>

#include "core/audio.hpp"

namespace repartee::pipeline {

class AudioCleaner {
 public:
  struct Options {
    bool denoise = true;
    int noise_suppress_db = 18;  // the most that noise is lowered
    bool level = true;           // automatic gain
    int level_target = 20000;    // on speexdsp's own scale: a voice comes out at about 4000 (-18 dB) root mean square
    int level_gain_max_db = 24;
  };
  static constexpr std::size_t frame_samples = asr_rate_hz / 1000 * frame_ms;

  explicit AudioCleaner(Options options);
  AudioCleaner() : AudioCleaner(Options{}) {}
  ~AudioCleaner();
  AudioCleaner(AudioCleaner&&) noexcept;
  AudioCleaner& operator=(AudioCleaner&&) noexcept;

  void process(std::span<std::int16_t, frame_samples> frame);  // in place

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::pipeline
