#include "pipeline/onnx_runtime.hpp"

#include <onnxruntime_cxx_api.h>

#include "core/log.hpp"

namespace repartee::pipeline {
namespace {

void ORT_API_CALL write_log(void*, OrtLoggingLevel level, const char*, const char*, const char* place, const char* message) {
  const bool is_error = level >= ORT_LOGGING_LEVEL_ERROR;
  log::write(is_error ? log::Level::error : log::Level::warn, "onnx", message, {{"place", place}});
}

Ort::SessionOptions session_options(const OnnxSessionOptions& options) {
  Ort::SessionOptions result;
  result.SetIntraOpNumThreads(1);
  result.SetInterOpNumThreads(1);
  result.SetExecutionMode(ORT_SEQUENTIAL);
  result.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  result.AddConfigEntry("session.intra_op.allow_spinning", "0");
  result.AddConfigEntry("session.inter_op.allow_spinning", "0");
  if (options.variable_shapes) result.DisableMemPattern();
  return result;
}

template <class Open>
Result<std::shared_ptr<Ort::Session>> try_open(const std::string& what, Open open) {
  try {
    return open();
  } catch (const Ort::Exception& error) { return Error{Errc::data_corrupt, what + ": ONNX Runtime refuses it: " + error.what()}; }
}

}  // namespace

struct OnnxRuntime::Impl {
  Ort::Env env{ORT_LOGGING_LEVEL_ERROR, "repartee", write_log, nullptr};
};

OnnxRuntime::OnnxRuntime() : impl_(std::make_unique<Impl>()) {}
OnnxRuntime::~OnnxRuntime() = default;

Result<std::shared_ptr<Ort::Session>> OnnxRuntime::open(const std::filesystem::path& model, OnnxSessionOptions options) const {
  if (auto there = require_model_file(model); !there) return there.error();
  return try_open(model.string(), [&] { return std::make_shared<Ort::Session>(impl_->env, model.c_str(), session_options(options)); });
}

Result<std::shared_ptr<Ort::Session>> OnnxRuntime::open(std::span<const std::byte> model, OnnxSessionOptions options) const {
  return try_open("model",
                  [&] { return std::make_shared<Ort::Session>(impl_->env, model.data(), model.size(), session_options(options)); });
}

Status require_model_file(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(file, ignored)) return {};
  return Error{Errc::not_found, file.string() + " is missing: run `repartee models fetch`"};
}

}  // namespace repartee::pipeline
