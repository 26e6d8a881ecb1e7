// The audio of the utterance being spoken, with its run-up: while nobody speaks, only what an onset may still reach back to; a growing
// buffer after begin(). Positions are samples (16 kHz) since the session's first.
// Memory: while nobody speaks, the run-up and what the detector has not looked at yet; then the utterance; in blocks of 32 ms, of which those
// that are silent take half (packed_samples.hpp). All of it is given back by forget() and clear().
// Thread contract: none; used on the session's loop.
#pragma once
#include <cstdint>
#include <span>

#include "core/audio.hpp"
#include "pipeline/packed_samples.hpp"

namespace repartee::pipeline {

class UtteranceBuffer {
 public:
  struct Options {
    std::int64_t run_up_ms = 1000;          // kept before what the detector has looked at: padding plus what it needs to decide
    std::int64_t utterance_ms_max = 60'000; // then full() says so
  };
  explicit UtteranceBuffer(Options options) : options_(options) {}

  void push(std::span<const std::int16_t> samples);
  void take_back(std::size_t samples);      // the last ones pushed
  void set_run_up_ms(std::int64_t ms) { options_.run_up_ms = ms; }
  // The detector has decided on everything before this sample: what lies more than the run-up before it may go.
  void looked_at(std::int64_t position_samples);
  void begin(std::int64_t start_ms);        // keep from here (clamped to what is still there)
  void forget();                            // nobody speaks: back to the run-up
  void clear();                             // nobody has sent anything for long: not even that
  bool open() const { return open_; }
  bool full() const;
  std::int64_t received_samples() const { return samples_.end(); }
  std::int64_t received_ms() const { return received_samples() * 1000 / asr_rate_hz; }
  std::int64_t start_ms() const { return begin_ * 1000 / asr_rate_hz; }
  std::int64_t length_ms() const;           // since begin()
  std::size_t capacity_bytes() const { return samples_.capacity_bytes(); }

  // From begin() to `end_ms` of the input; what has not arrived yet is silence (the recogniser wants trailing audio).
  SharedSamples snapshot(std::int64_t end_ms) const;

 private:
  std::int64_t kept_from() const;

  Options options_;
  PackedSamples samples_;
  std::int64_t begin_ = 0, looked_at_ = 0;
  bool open_ = false;
};

}  // namespace repartee::pipeline
