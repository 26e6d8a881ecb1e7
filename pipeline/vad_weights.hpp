// The weights of Silero VAD v6 (its branch for 16 kHz), read from the published ONNX file and laid out for vad_kernel. Only that net is
// understood: anything else in the file is an error, not another voice activity detector.
// Thread contract: made once, then constant.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "core/result.hpp"
#include "pipeline/vad_kernel.hpp"

namespace repartee::pipeline {

class VadWeights {
 public:
  // not_found: no such file; data_corrupt: it is not that net.
  static Result<std::shared_ptr<const VadWeights>> load(const std::filesystem::path& file);
  static Result<std::shared_ptr<const VadWeights>> parse(std::span<const std::byte> onnx);
  const vad_kernel::Net& net() const { return net_; }

 private:
  VadWeights() = default;
  vad_kernel::Net net_{};
  std::vector<std::vector<float>> memory_;  // what net_ points into
  friend class VadWeightsBuilder;
};

}  // namespace repartee::pipeline
