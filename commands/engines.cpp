#include "commands/engines.hpp"

#include <algorithm>
#include <future>
#include <thread>

#include "core/log.hpp"
#include "pipeline/providers/flite.hpp"
#include "pipeline/providers/kokoro.hpp"
#include "pipeline/providers/local_responder.hpp"
#include "pipeline/providers/moonshine.hpp"
#include "pipeline/providers/openai_asr.hpp"
#include "pipeline/providers/openai_embeddings.hpp"
#include "pipeline/providers/openai_llm.hpp"
#include "pipeline/providers/openai_tts.hpp"
#include "pipeline/providers/scripted.hpp"
#include "pipeline/providers/use_lite.hpp"

namespace repartee::commands {
using namespace pipeline;

namespace {
constexpr int inference_niceness = 5;   // on the same cores, loops go first: what they do is short, and audio is due every 20 ms
}

void Engines::add(std::unique_ptr<LlmProvider> llm) {
  llm_names_[std::string(llm->name())] = llm.get();
  llms_.push_back(std::move(llm));
}

void Engines::add(std::unique_ptr<TtsProvider> tts) {
  tts_names_[std::string(tts->name())] = tts.get();
  voices_.push_back(std::move(tts));
}

Status Engines::load_asr(const config::Settings& settings) {
  if (settings.asr.provider == "openai") {
    const auto& remote = settings.asr.openai;
    asr_ = std::make_unique<OpenAiAsr>(*http_, OpenAiAsrOptions{.endpoint = {remote.base_url, remote.api_key.reveal()}, .model = remote.model, .timeout = remote.timeout});
  } else if (settings.asr.provider == "scripted") {
    asr_ = std::make_unique<ScriptedAsr>(ScriptedAsrOptions{.script = {.lines = settings.scripted.asr_lines, .first_delay = settings.scripted.asr}});
  } else {
    auto moonshine = MoonshineAsr::load(*runtime_, *pool_, {.models_dir = settings.models.dir});
    if (!moonshine) return moonshine.error();
    asr_ = std::move(moonshine).value();
  }
  return {};
}

// The local responder is always there: a clone may ask for it whatever the server's default is.
void Engines::make_llms(const config::Settings& settings) {
  add(std::make_unique<LocalResponder>());
  const auto& remote = settings.llm.openai;
  if (!remote.base_url.empty()) {
    OpenAiLlmOptions options;
    options.endpoint = {remote.base_url, remote.api_key.reveal()};
    options.model = remote.model;
    options.temperature = remote.temperature;
    options.output_tokens_max = settings.llm.output_tokens_max;
    options.context.input_tokens_max = settings.llm.context_tokens_max;
    options.context.passages_tokens_max = settings.knowledge.tokens_max;
    options.first_token_timeout = settings.llm.first_token_deadline;
    options.timeout = settings.llm.deadline;
    add(std::make_unique<OpenAiLlm>(*http_, std::move(options)));
  }
  if (settings.llm.provider == "scripted")
    add(std::make_unique<ScriptedLlm>(ScriptedLlmOptions{.script = {.lines = settings.scripted.llm_lines, .first_delay = settings.scripted.llm_first_token}}));
}

// A model that is not in place costs the finding by meaning, not the server.
Status Engines::load_embedder(const config::Settings& settings) {
  if (settings.embeddings.provider == "openai") {
    const auto& remote = settings.embeddings.openai;
    embedder_ = std::make_unique<OpenAiEmbedder>(*http_, OpenAiEmbedderOptions{.endpoint = {remote.base_url, remote.api_key.reveal()}, .model = remote.model,
                                                                              .dimension = static_cast<std::size_t>(remote.dimension), .timeout = remote.timeout});
  } else if (settings.embeddings.provider == "local") {
    auto use_lite = UseLiteEmbedder::load(*pool_, {.models_dir = settings.models.dir});
    if (use_lite) embedder_ = std::move(use_lite).value();
    else if (use_lite.error().code != Errc::not_found) return use_lite.error();
    else log::warn("engines", "documents are searched by their words only", {{"why", use_lite.error().message}});
  }
  return {};
}

Status Engines::load_voices(const config::Settings& settings) {
  if (settings.tts.provider == "scripted") {
    add(std::make_unique<ScriptedTts>(ScriptedTtsOptions{.script = {.first_delay = settings.scripted.tts_first_audio}, .rate_hz = 16000}));
    return {};   // a load test pays for no other voice
  }
  auto flite = FliteTts::load(*pool_, {});
  if (!flite) return flite.error();
  add(std::move(flite).value());
  apology_tts_ = "flite";   // the voice that can always speak
  KokoroTts::Options kokoro_options{.models_dir = settings.models.dir};
  if (settings.tts.provider == "kokoro" && !settings.tts.voice.empty()) kokoro_options.default_voice = settings.tts.voice;
  auto kokoro = KokoroTts::load(*runtime_, *pool_, std::move(kokoro_options));
  if (kokoro) add(std::move(kokoro).value());
  else if (settings.tts.provider == "kokoro") return kokoro.error();
  else log::warn("engines", "Kokoro's voices are not there; flite's are", {{"why", kokoro.error().message}});
  const auto& remote = settings.tts.openai;
  if (!remote.base_url.empty())
    add(std::make_unique<OpenAiTts>(*http_, OpenAiTtsOptions{.endpoint = {remote.base_url, remote.api_key.reveal()}, .model = remote.model, .voice = remote.voice,
                                                            .timeout = settings.tts.deadline}));
  return {};
}

Result<std::unique_ptr<Engines>> Engines::load(const config::Settings& settings) {
  std::unique_ptr<Engines> engines(new Engines);
  const auto cores = std::max(1U, std::thread::hardware_concurrency());
  engines->pool_ = std::make_unique<WorkerPool>(WorkerPool::Options{
      .name = "infer",
      .workers = settings.inference.workers > 0 ? static_cast<std::size_t>(settings.inference.workers) : cores,
      .queue_jobs_max = static_cast<std::size_t>(settings.inference.queue_jobs_max),
      .niceness = inference_niceness,
      .serves_turns = true});
  engines->runtime_ = std::make_unique<OnnxRuntime>();
  engines->http_ = std::make_unique<HttpClient>();
  engines->make_llms(settings);
  // Recognition beside the voices: reading the models is most of a start.
  auto asr = std::async(std::launch::async, [&] { return engines->load_asr(settings); });
  auto embedder = std::async(std::launch::async, [&] { return engines->load_embedder(settings); });
  Status voices = engines->load_voices(settings);
  Status recognition = asr.get();
  Status embedding = embedder.get();
  if (!voices) return voices.error();
  if (!recognition) return recognition.error();
  if (!embedding) return embedding.error();
  auto vad = VadModel::load(settings.models.dir);
  if (!vad) return vad.error();
  engines->vad_ = std::move(vad).value();
  return engines;
}

}  // namespace repartee::commands
