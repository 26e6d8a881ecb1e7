// A reply's speech on its way out: from the provider's rate to the output format's, and frames of 20 ms to bytes.
// Thread contract: one thread at a time. Made when a reply begins, destroyed when it ends: only a speaking session holds an encoder.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pipeline/g711.hpp"
#include "pipeline/opus_codec.hpp"
#include "pipeline/resampler.hpp"

namespace repartee::pipeline {

enum class OutputCodec { pcm, pcmu, pcma, opus };
struct OutputFormat {
  OutputCodec codec = OutputCodec::pcm;
  int rate_hz = 24000;                 // pcm only: g711 is 8 kHz, and Opus is encoded at the speech's own rate
};
struct OpusOptions {
  int complexity = 5, bitrate_bps = 24'000;
};

class Egress {
 public:
  Egress(OutputFormat format, int speech_rate_hz, OpusOptions opus);

  int rate_hz() const { return rate_hz_; }                                  // of the frames
  void change_speech_rate(int speech_rate_hz);                              // the frames keep theirs
  void convert(std::span<const std::int16_t> speech, Samples& out);         // appends at rate_hz()
  void flush(Samples& out);                                                 // the resampler's tail, when no more speech comes
  void set_opus_complexity(int complexity);                                 // from the next frame; cheap where nothing changes
  // One frame of rate_hz()/50 samples. Valid until the next call; empty when the encoder refused.
  std::span<const std::uint8_t> encode(std::span<const std::int16_t> frame);

 private:
  OutputFormat format_;
  int rate_hz_;
  std::optional<Resampler> resampler_;
  std::optional<OpusEncoder> opus_;
  int complexity_ = 0;                 // of opus_
  std::vector<std::uint8_t> bytes_;
};

}  // namespace repartee::pipeline
