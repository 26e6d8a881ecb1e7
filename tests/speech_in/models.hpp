// The models of the speech-in tests, loaded once a test program.
#pragma once
#include <stdexcept>

#include "pipeline/providers/moonshine.hpp"
#include "pipeline/vad.hpp"

namespace repartee::test {

// Shared by the tests of one program; the models are constant.
struct Models {
  pipeline::OnnxRuntime runtime;
  WorkerPool pool{{.name = "asr", .workers = 2}};
  std::shared_ptr<const pipeline::VadModel> vad;
  std::unique_ptr<pipeline::MoonshineAsr> asr;

  Models() {
    auto vad_loaded = pipeline::VadModel::load(REPARTEE_MODELS_DIR);
    if (!vad_loaded) throw std::runtime_error(vad_loaded.error().message);
    vad = *vad_loaded;
    auto asr_loaded = pipeline::MoonshineAsr::load(runtime, pool, {.models_dir = REPARTEE_MODELS_DIR});
    if (!asr_loaded) throw std::runtime_error(asr_loaded.error().message);
    asr = std::move(*asr_loaded);
  }
};

inline Models& models() {
  static Models loaded;
  return loaded;
}

}  // namespace repartee::test
