// Speech recognition with Moonshine tiny (English, MIT): whole utterances, on the worker pool. The two model sessions are shared by
// all workers; a run takes one thread, about 27 ms for 1 s of speech and 217 ms for 10 s.
// Thread contract: as providers.hpp says; recognise() from any thread, it blocks.
// Audio: 16 kHz, ends about 300 ms after the last speech. Silence, noise and clips under 100 ms give the empty text.
// Errors of load: not_found (says `repartee models fetch`), data_corrupt. Of recognition: invalid_argument (another language, longer
// than utterance_max), resource_exhausted and deadline_exceeded from the pool, internal.
// Algorithm: encoder once, then greedy decoding with a key-value cache, at most tokens_per_second_max tokens a second of audio.
// Audio beyond piece_max is cut at its quietest places and recognised piece by piece.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "pipeline/onnx_runtime.hpp"
#include "pipeline/providers.hpp"

namespace repartee::pipeline {

class MoonshineAsr final : public AsrProvider {
 public:
  struct Options {
    std::filesystem::path models_dir;  // as config/models.toml lays it out (moonshine-tiny/)
    double tokens_per_second_max = 6.5;
    Millis utterance_max{62'000};  // the protocol's 60 s, and what is padded around speech
    Millis piece_max{30'000};
  };

  static Result<std::unique_ptr<MoonshineAsr>> load(const OnnxRuntime& runtime, WorkerPool& pool, Options options);
  ~MoonshineAsr() override;

  std::string_view name() const override { return "moonshine"; }
  StreamPtr transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) override;

  // The plain call beneath, for tests and benches. Samples in -1..1.
  Result<std::string> recognise(std::span<const float> samples_16k) const;
  Result<std::string> recognise(std::span<const std::int16_t> samples_16k) const;

 private:
  class Engine;
  MoonshineAsr(WorkerPool& pool, std::shared_ptr<const Engine> engine);
  WorkerPool& pool_;
  std::shared_ptr<const Engine> engine_;  // running work holds it too
};

// Where to cut audio that is longer than piece_samples: the middle of the quietest 100 ms in the last third of the piece.
std::size_t quietest_cut(std::span<const float> samples_16k, std::size_t piece_samples);

}  // namespace repartee::pipeline
