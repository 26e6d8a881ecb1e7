// The work that every call needs, in the barest form: Opus decoding, Silero VAD over the windows of many calls at once, Opus encoding.
// Thread contract: one thread.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/opus_codec.hpp"
#include "pipeline/vad_batch.hpp"

namespace repartee::bench {

// Decoded audio of one call until a window is full, and what the model remembers of it.
struct FloorEar {
  pipeline::OpusDecoder16k decoder;
  pipeline::VadMemory memory;
  std::array<std::int16_t, 2 * pipeline::vad_window_samples> samples{};
  std::size_t filled = 0;
  bool has_window() const { return filled >= pipeline::vad_window_samples; }
};

void decode(FloorEar& ear, std::string_view packet);  // garbage and what does not fit are dropped

class FloorVad {
 public:
  static Result<std::unique_ptr<FloorVad>> make(const std::filesystem::path& models_dir);
  // One window of each, in batches; all must have one.
  void run(std::span<FloorEar* const> ears);

 private:
  static constexpr std::size_t batch_max = 32;  // as pipeline/vad.hpp
  explicit FloorVad(std::shared_ptr<const pipeline::VadModel> model) : batch_(std::move(model), batch_max) {}
  pipeline::VadBatch batch_;
};

}  // namespace repartee::bench
