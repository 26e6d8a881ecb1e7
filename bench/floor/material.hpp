// What the floor's loops chew on: the callers' Opus packets as bench_load sends them, and the scripted voice.
// Thread contract: read-only once made.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::bench {

constexpr std::size_t packet_samples = asr_rate_hz / 1000 * frame_ms;

struct FloorMaterial {
  std::vector<std::vector<std::string>> utterances;  // packets of 20 ms
  std::string silence;                               // the packet that is sent between them
  Samples voice;                                     // one second at 16 kHz, a buzz as pipeline/providers/scripted.cpp makes it
};

Result<FloorMaterial> make_floor_material();

}  // namespace repartee::bench
