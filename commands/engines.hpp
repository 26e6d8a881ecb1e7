// The engines that the configuration names, loaded and ready: recognition, language models, voices, voice activity, and the threads they
// run on.
// Thread contract: made and destroyed on the owner's thread; the providers as their headers say.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/result.hpp"
#include "core/worker_pool.hpp"
#include "pipeline/http_client.hpp"
#include "pipeline/onnx_runtime.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/vad.hpp"

namespace repartee::commands {

class Engines {
 public:
  static Result<std::unique_ptr<Engines>> load(const config::Settings& settings);

  pipeline::AsrProvider& asr() { return *asr_; }
  const std::map<std::string, pipeline::LlmProvider*>& llms() const { return llm_names_; }
  const std::map<std::string, pipeline::TtsProvider*>& voices() const { return tts_names_; }
  const std::shared_ptr<const pipeline::VadModel>& vad() const { return vad_; }
  pipeline::Embedder* embedder() { return embedder_.get(); }   // null: documents are searched by their words only
  const std::string& apology_tts() const { return apology_tts_; }
  WorkerPool& pool() { return *pool_; }

 private:
  Engines() = default;
  Status load_asr(const config::Settings& settings);
  void make_llms(const config::Settings& settings);
  Status load_embedder(const config::Settings& settings);
  Status load_voices(const config::Settings& settings);
  void add(std::unique_ptr<pipeline::LlmProvider> llm);
  void add(std::unique_ptr<pipeline::TtsProvider> tts);

  // Order of destruction, last first: the pool's jobs end before the engines they run on go.
  std::unique_ptr<pipeline::OnnxRuntime> runtime_;
  std::unique_ptr<pipeline::HttpClient> http_;
  std::shared_ptr<const pipeline::VadModel> vad_;
  std::unique_ptr<pipeline::AsrProvider> asr_;
  std::unique_ptr<pipeline::Embedder> embedder_;
  std::vector<std::unique_ptr<pipeline::LlmProvider>> llms_;
  std::vector<std::unique_ptr<pipeline::TtsProvider>> voices_;
  std::map<std::string, pipeline::LlmProvider*> llm_names_;
  std::map<std::string, pipeline::TtsProvider*> tts_names_;
  std::string apology_tts_;
  std::unique_ptr<WorkerPool> pool_;
};

}  // namespace repartee::commands
