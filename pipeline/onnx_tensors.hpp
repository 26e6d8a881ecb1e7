// The constants of an ONNX file, found in its graph and in all graphs within that: just enough of the format (protocol buffers) to get at
// weights without a model runner.
// Thread contract: pure. The file is not trusted: what does not parse is an error, nesting is bounded.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace repartee::pipeline {

struct OnnxTensor {
  std::string name;
  std::vector<std::int64_t> dims;
  std::vector<float> values;  // as many as the dims say
};

// Those of 32-bit floats that are stored raw. data_corrupt: not an ONNX file.
Result<std::vector<OnnxTensor>> onnx_float_tensors(std::span<const std::byte> file);

}  // namespace repartee::pipeline
