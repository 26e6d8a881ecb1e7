// The audio of the utterance being spoken, with its run-up: a short ring while nobody speaks, a growing buffer after begin().
// Positions are samples (16 kHz) since the session's first. Memory: at most utterance_samples_max + the ring.
// Thread contract: none; used on the session's loop.
#pragma once
#include <cstdint>
#include <span>

#include "core/audio.hpp"

namespace repartee::pipeline {

class UtteranceBuffer {
 public:
  struct Options {
    std::int64_t run_up_ms = 1000;          // kept while nobody speaks: prefix padding plus what the detector needs to decide
    std::int64_t utterance_ms_max = 60'000; // then full() says so
  };
  explicit UtteranceBuffer(Options options) : options_(options) {}

  void push(std::span<const std::int16_t> samples);
  void begin(std::int64_t start_ms);        // keep from here (clamped to what is still there)
  void forget();                            // nobody speaks: back to the ring
  bool open() const { return open_; }
  bool full() const;
  std::int64_t received_ms() const { return position_ * 1000 / asr_rate_hz; }
  std::int64_t start_ms() const { return begin_ * 1000 / asr_rate_hz; }
  std::int64_t length_ms() const;           // since begin()

  // From begin() to `end_ms` of the input; what has not arrived yet is silence (the recogniser wants trailing audio).
  SharedSamples snapshot(std::int64_t end_ms) const;

 private:
  void trim();

  Options options_;
  Samples samples_;                         // the last of them is at position_
  std::int64_t position_ = 0, begin_ = 0;
  bool open_ = false;
};

}  // namespace repartee::pipeline
