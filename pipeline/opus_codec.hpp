// Opus (RFC 6716), mono. The decoder turns any legal packet into 16 kHz samples; the encoder makes packets of 20 ms.
// An encoder holds tens of kilobytes: a session creates it when it begins to speak and destroys it when it stops.
// Thread contract: one thread at a time.
// Errors: invalid_argument for what the peer sent wrong; the decoder remains usable after it.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::pipeline {

constexpr std::size_t opus_packet_bytes_max = 1500;  // a packet fits an Ethernet frame; 100 kbit/s at 120 ms
constexpr int opus_packet_ms_max = 120;              // RFC 6716, section 2.1.4
// By how much a decoder's output is later than the encoder's input: 6.5 ms (OPUS_GET_LOOKAHEAD). An encoder's last ones need another frame.
constexpr std::size_t opus_lookahead_samples(int rate_hz) { return static_cast<std::size_t>(rate_hz) * 13 / 2000; }

class OpusDecoder16k {
 public:
  OpusDecoder16k();
  ~OpusDecoder16k();
  OpusDecoder16k(OpusDecoder16k&&) noexcept;
  OpusDecoder16k& operator=(OpusDecoder16k&&) noexcept;

  // Stereo packets are mixed down. The samples stay valid until the next call.
  Result<std::span<const std::int16_t>> decode(std::span<const std::uint8_t> packet);
  // What the decoder guesses for a lost packet. ms: a multiple of 10, at most opus_packet_ms_max.
  Result<std::span<const std::int16_t>> conceal(int ms);
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class OpusEncoder {
 public:
  struct Options {
    int rate_hz = 24000;      // 16000, 24000 or 48000
    int bitrate_bps = 24000;  // 6000 .. 128000
    int complexity = 5;       // 0 (cheapest) .. 10
    bool variable_bitrate = true;
  };

  static Result<OpusEncoder> create(Options options);
  ~OpusEncoder();
  OpusEncoder(OpusEncoder&&) noexcept;
  OpusEncoder& operator=(OpusEncoder&&) noexcept;

  std::size_t frame_samples() const;  // of one frame of 20 ms
  // Exactly one frame. The packet stays valid until the next call.
  Result<std::span<const std::uint8_t>> encode(std::span<const std::int16_t> frame);
  void reset();
  void set_complexity(int complexity);   // as Options; holds from the next frame

 private:
  struct Impl;
  explicit OpusEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::pipeline
