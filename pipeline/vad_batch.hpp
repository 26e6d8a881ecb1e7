// One run of Silero VAD over several streams: their windows and states, gathered into groups of lanes that are made once.
// Thread contract: one thread at a time; the model under it is shared.
#pragma once
#include <array>
#include <memory>
#include <span>

#include "core/result.hpp"
#include "pipeline/vad.hpp"

namespace repartee::pipeline {

// What the model remembers of one stream between windows.
struct VadMemory {
  static constexpr std::size_t layers = 2, cells = 128;
  std::array<float, layers * cells> state{};
  std::array<std::int16_t, vad_context_samples> context{};  // the end of the window before
};

class VadBatch {
 public:
  VadBatch(std::shared_ptr<const VadModel> model, std::size_t streams_max);
  ~VadBatch();

  // Begins a batch of `streams`, at most streams_max; then each slot is set, run, and taken back.
  void begin(std::size_t streams);
  void set(std::size_t slot, const VadMemory& memory, std::span<const std::int16_t, vad_window_samples> window);
  void run();
  // The probability of speech; the memory moves on by the window.
  float take(std::size_t slot, VadMemory& memory, std::span<const std::int16_t, vad_window_samples> window) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::pipeline
