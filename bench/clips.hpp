// What the benches' callers say: human recordings of a few seconds without a pause long enough to be taken for the end, so that every
// one of them is one turn.
// Thread contract: pure but for reading the files.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::bench {

constexpr std::size_t clip_frame_samples = asr_rate_hz / 1000 * frame_ms;

struct Clip {
  std::string id;
  Samples samples;                                        // 16 kHz, whole frames of 20 ms
  std::size_t first_loud_frame = 0, last_loud_frame = 0;  // where sound begins and ends: a sample above 500 of 32768
  std::size_t first_speech_frame = 0;                     // where it is as loud as speech for 60 ms: after breaths and clicks
};

// `count` different ones (fewer where there are not so many), evenly spread over the corpora of tests/support/corpus.hpp.
Result<std::vector<Clip>> human_clips(std::size_t count);

}  // namespace repartee::bench
