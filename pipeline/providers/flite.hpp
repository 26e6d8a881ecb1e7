// The fast voice: CMU flite, about 100 times real time on one thread, first audio after about ten milliseconds.
// Thread contract: as TtsProvider. Work runs on the pool given, which must outlive the requests.
// Audio is 16 kHz. Numbers, money, years and abbreviations are spelled out by flite; what is not English loses its accents or its sound.
#pragma once
#include <memory>

#include "pipeline/providers.hpp"
#include "pipeline/speech_assembler.hpp"
#include "pipeline/speech_text.hpp"

namespace repartee::pipeline {

class FliteTts final : public TtsProvider {
 public:
  struct Options {
    std::vector<std::string> voices = {"slt", "rms", "awb", "kal16"};  // the first is the default
    SpeechTextOptions text = {};
    SpeechAssemblerOptions audio = {};
  };
  static Result<std::unique_ptr<FliteTts>> load(WorkerPool& pool, Options options);

  std::string_view name() const override { return "flite"; }
  int rate_hz() const override;
  std::vector<VoiceInfo> voices() const override;
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override;

 private:
  FliteTts(Options options, WorkerPool& pool);

  const std::shared_ptr<const Options> options_;  // a running job may outlive the provider
  WorkerPool& pool_;
};

}  // namespace repartee::pipeline
