// What a caller sends, in any input format, as 16 kHz samples: decode, resample, clean. Its count of samples is the session's
// received-sample clock, which endpointing and every *_ms field about input go by.
// Thread contract: one thread at a time (the session's strand).
// PCM is little-endian 16 bit; a sample may be split over two messages. An Opus message is exactly one packet.
// Errors: invalid_argument for input that does not fit the format; what came before and comes after it is not lost.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::pipeline {

enum class InputCodec { pcm, pcmu, pcma, opus };

struct InputFormat {
  InputCodec codec = InputCodec::pcm;
  int pcm_rate_hz = 24000;       // 8000, 16000, 24000 or 48000; read for pcm only
  bool noise_reduction = false;  // hands samples over in whole frames of 20 ms, 10 ms late
  friend bool operator==(const InputFormat&, const InputFormat&) = default;
};

class Ingress {
 public:
  static constexpr std::size_t message_bytes_max = 16 << 20;    // above the protocol's 15 MiB an append
  static constexpr std::size_t samples_kept_max = asr_rate_hz;  // buffers grown by a long message shrink back to this

  // samples_before: where the clock stands when a session changes its format midway.
  static Result<Ingress> create(InputFormat format, std::int64_t samples_before = 0);
  ~Ingress();
  Ingress(Ingress&&) noexcept;
  Ingress& operator=(Ingress&&) noexcept;

  // The 16 kHz samples that became complete with this message, maybe none. They stay valid until the next call.
  Result<std::span<const std::int16_t>> push(std::span<const std::uint8_t> bytes);

  const InputFormat& format() const;
  std::int64_t samples_received() const;  // handed over so far, at 16 kHz
  std::int64_t received_ms() const { return samples_received() * 1000 / asr_rate_hz; }

 private:
  struct Impl;
  explicit Ingress(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::pipeline
