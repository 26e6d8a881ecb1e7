// Streaming sample rate conversion, mono 16 bit (speexdsp's windowed sinc). The filter's delay is taken off the front, so output
// sample n lies where input sample n * from / to lies; the last few milliseconds come out of flush().
// Thread contract: one thread at a time.
#pragma once
#include <memory>
#include <span>

#include "core/audio.hpp"

namespace repartee::pipeline {

class Resampler {
 public:
  struct Options {
    int from_hz = 48000;
    int to_hz = asr_rate_hz;
    int quality = 4;  // speexdsp's scale 0..10; 3 is its choice for speech over IP, 5 for the desktop
  };
  static constexpr int rate_hz_min = 4000, rate_hz_max = 192000;

  explicit Resampler(Options options);  // rates within the limits: the caller has checked
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  void process(std::span<const std::int16_t> in, Samples& out);  // appends to out
  void flush(Samples& out);                                      // appends the tail, then starts anew
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All of a recording at once: the length is in.samples.size() * to_hz / in.rate_hz, rounded to nearest.
Audio resampled(const Audio& in, int to_hz);

}  // namespace repartee::pipeline
