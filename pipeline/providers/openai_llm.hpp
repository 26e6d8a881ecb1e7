// LlmProvider for any OpenAI-compatible server (vLLM, llama.cpp, Ollama, a cloud): POST {base_url}/chat/completions, streamed.
// Thread contract: that of LlmProvider; the transfers run on the HttpClient's thread.
// Errors: as openai_common.hpp classes a status; deadline_exceeded (first token, whole reply); unavailable for half a stream (ended
// without [DONE] and without finish_reason); data_corrupt for what is not JSON; resource_exhausted for an answer beyond the limits.
#pragma once
#include "pipeline/context_window.hpp"
#include "pipeline/http_client.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/providers/openai_common.hpp"

namespace repartee::pipeline {

struct OpenAiLlmOptions {
  std::string name = "openai";
  OpenAiEndpoint endpoint;
  std::string model;
  double temperature = -1;                                // below 0: not sent
  int output_tokens_max = 1024;                           // where the request names none
  ContextWindowOptions context;
  Duration first_token_timeout = std::chrono::seconds(10);  // these or the request's deadlines, what comes first
  Duration timeout = std::chrono::seconds(60);
  std::size_t response_bytes_max = 8 * 1024 * 1024;       // the events' frames are some 50 times their text
};

class OpenAiLlm final : public LlmProvider {
 public:
  using Options = OpenAiLlmOptions;
  OpenAiLlm(HttpClient& http, Options options) : http_(http), options_(std::move(options)) {}
  std::string_view name() const override { return options_.name; }
  bool is_metered() const override { return true; }
  StreamPtr generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) override;

 private:
  HttpClient& http_;
  const Options options_;
};

}  // namespace repartee::pipeline
