// The natural voice: Kokoro-82M on ONNX Runtime, about three times real time on one thread; a clause is heard when it is finished.
// Phonemes come from flite (phonemes.hpp), word times from the model's own phoneme lengths.
// Thread contract: as TtsProvider. Work runs on the pool given; the pool and the runtime must outlive the requests. Destroying a handle
// also ends a run under way, so a barge-in frees the worker at once.
// Audio is 24 kHz. Model inputs: input_ids i64[1,n+2] (symbols between two zeros), style f32[1,256] (row n of the 510 in a voice file),
// speed f32[1]; outputs: waveform f32[samples], phoneme lengths f32[1,n+2] in frames of 25 ms at speed 1.
#pragma once
#include <filesystem>
#include <memory>

#include "pipeline/onnx_runtime.hpp"
#include "pipeline/phonemes.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/speech_assembler.hpp"
#include "pipeline/speech_text.hpp"

namespace repartee::pipeline {

class KokoroTts final : public TtsProvider {
 public:
  struct Options {
    std::filesystem::path models_dir;  // in kokoro/: kokoro-prepared.onnx (see kokoro_model.hpp), tokenizer.json, voices/*.bin
    std::string default_voice = "af_heart";
    std::size_t run_symbols_max = 510;  // of one run; at most 510, the model's positions less the two zeros
    PhonemeFrontEnd::Lexicon lexicon = {{"repartee", "r eh p er0 t iy1"}};
    SpeechTextOptions text = {};
    SpeechAssemblerOptions audio = {};
  };
  // not_found and data_corrupt name `repartee models fetch`.
  static Result<std::unique_ptr<KokoroTts>> load(const OnnxRuntime& runtime, WorkerPool& pool, Options options);
  ~KokoroTts() override;

  std::string_view name() const override { return "kokoro"; }
  int rate_hz() const override;
  std::vector<VoiceInfo> voices() const override;
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override;

 private:
  class Engine;
  KokoroTts(std::shared_ptr<Engine> engine, WorkerPool& pool);

  const std::shared_ptr<Engine> engine_;  // a running job may outlive the provider
  WorkerPool& pool_;
};

}  // namespace repartee::pipeline
