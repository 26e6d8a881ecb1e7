// Audio as it moves through the pipeline: mono, signed 16 bit, host byte order.
// Thread contract: values only.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace repartee {

using Samples = std::vector<std::int16_t>;
using SharedSamples = std::shared_ptr<const Samples>;

constexpr int asr_rate_hz = 16000;   // ingress turns every input format into this; VAD and ASR read it
constexpr int frame_ms = 20;         // a slice of ingress and of playout

struct Audio {
  Samples samples;
  int rate_hz = asr_rate_hz;
  std::int64_t duration_ms() const { return static_cast<std::int64_t>(samples.size()) * 1000 / rate_hz; }
};

}  // namespace repartee
