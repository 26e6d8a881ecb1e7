// A reply's speech on its way out: from the provider's rate to the output format's, and frames of 20 ms to bytes.
// Thread contract: one thread at a time. Made when a reply begins, destroyed when it ends: only a session that speaks what was not encoded before
// holds an encoder.
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
  void flush(Samples& out);                                                 // the resampler's tail; what is converted next begins anew
  void set_opus_complexity(int complexity);                                 // from the next frame; cheap where nothing changes
  int opus_complexity() const { return opus_options_.complexity; }
  int opus_bitrate_bps() const { return opus_options_.bitrate_bps; }
  void restart_encoder() { restart_ = true; }                               // the next frame is encoded as if it were the first
  // One frame of rate_hz()/50 samples. Valid until the next call; empty when the encoder refused.
  std::span<const std::uint8_t> encode(std::span<const std::int16_t> frame);

 private:
  std::span<const std::uint8_t> encode_opus(std::span<const std::int16_t> frame);

  OutputFormat format_;
  int rate_hz_;
  std::optional<Resampler> resampler_;
  OpusOptions opus_options_;
  std::optional<OpusEncoder> opus_;    // from the first frame on
  bool restart_ = false, converting_ = false;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace repartee::pipeline
