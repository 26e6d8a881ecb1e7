#include "bench/floor/material.hpp"

#include <cmath>
#include <numbers>

#include "bench/load/speech.hpp"

namespace repartee::bench {
namespace {

// Back from the masked frame that bench_load sends to its payload. Opus packets of 20 ms fit the short form's 125 bytes or the 16 bit one.
std::string payload_of(std::string_view frame) {
  const bool is_long = (frame[1] & 0x7f) == 126;
  const std::string_view mask = frame.substr(is_long ? 4 : 2, 4);
  std::string payload(frame.substr(is_long ? 8 : 6));
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
  return payload;
}

Samples buzz() {
  Samples samples(asr_rate_hz);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / asr_rate_hz * 2 * std::numbers::pi;
    double tone = 0;
    for (int harmonic = 1; harmonic <= 8; ++harmonic) tone += std::sin(t * 140 * harmonic) / harmonic;
    samples[i] = static_cast<std::int16_t>(4000 * tone / 1.9 * (0.6 - 0.4 * std::cos(t * 4)));
  }
  return samples;
}

}  // namespace

Result<FloorMaterial> make_floor_material() {
  const auto speech = make_speech({});
  if (!speech) return speech.error();
  FloorMaterial material;
  for (const Utterance& utterance : speech->utterances) {
    auto& packets = material.utterances.emplace_back();
    for (const std::string& frame : utterance.frames) packets.push_back(payload_of(frame));
  }
  material.silence = payload_of(speech->silence);
  material.voice = buzz();
  return material;
}

}  // namespace repartee::bench
