// G.711 (ITU-T, 11/1988): 8 kHz telephone samples of 8 bits, mu-law (audio/pcmu) and A-law (audio/pcma), by table.
// Thread contract: every function from any thread. Any byte is a legal sample.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/audio.hpp"

namespace repartee::pipeline {

constexpr int g711_rate_hz = 8000;
enum class G711Law { mu, a };

std::int16_t g711_decode(G711Law law, std::uint8_t code);
std::uint8_t g711_encode(G711Law law, std::int16_t sample);
void g711_decode(G711Law law, std::span<const std::uint8_t> codes, Samples& out);                      // appends
void g711_encode(G711Law law, std::span<const std::int16_t> samples, std::vector<std::uint8_t>& out);  // appends

}  // namespace repartee::pipeline
