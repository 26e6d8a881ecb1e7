// The one ONNX Runtime environment of the process, and how its sessions are opened: on one thread, without spinning, because the
// pools and loops of the house supply the threads.
// Thread contract: open() from any thread. A session may Run on many threads at once. The OnnxRuntime outlives its sessions.
// Errors: not_found (says how to fetch the models), data_corrupt. Running throws Ort::Exception: catch it in the adapter.
// Only .cpp files that run a model include the library's own header.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "core/result.hpp"

namespace Ort {
struct Session;
}

namespace repartee::pipeline {

struct OnnxSessionOptions {
  // Input lengths differ from run to run: no memory plan is kept for each length met, which would grow for ever.
  bool variable_shapes = true;
};

class OnnxRuntime {
 public:
  OnnxRuntime();
  ~OnnxRuntime();
  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;

  Result<std::shared_ptr<Ort::Session>> open(const std::filesystem::path& model, OnnxSessionOptions options = {}) const;
  // The model's bytes, e.g. after a rewrite; they are copied.
  Result<std::shared_ptr<Ort::Session>> open(std::span<const std::byte> model, OnnxSessionOptions options = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// not_found with the advice to fetch, when the file is not there.
Status require_model_file(const std::filesystem::path& file);

}  // namespace repartee::pipeline
