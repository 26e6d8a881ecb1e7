// AsrProvider for any OpenAI-compatible server: POST {base_url}/audio/transcriptions, the utterance as a WAV file.
// Thread contract: that of AsrProvider.
// Errors: as openai_common.hpp classes a status; deadline_exceeded; data_corrupt for an answer without a text.
#pragma once
#include "pipeline/http_client.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/providers/openai_common.hpp"

namespace repartee::pipeline {

struct OpenAiAsrOptions {
  std::string name = "openai";
  OpenAiEndpoint endpoint;
  std::string model = "whisper-1";
  Duration timeout = std::chrono::seconds(8);       // this or the request's deadline, what comes first
  std::size_t response_bytes_max = 1024 * 1024;
};

// Mono 16 bit PCM with its 44-byte header (little endian).
std::string wav_file(const Samples& samples, int rate_hz);

class OpenAiAsr final : public AsrProvider {
 public:
  using Options = OpenAiAsrOptions;
  OpenAiAsr(HttpClient& http, Options options) : http_(http), options_(std::move(options)) {}
  bool is_metered() const override { return true; }
  std::string_view name() const override { return options_.name; }
  StreamPtr transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) override;

 private:
  HttpClient& http_;
  const Options options_;
};

}  // namespace repartee::pipeline
