// TtsProvider for any OpenAI-compatible server: POST {base_url}/audio/speech with response_format pcm, streamed: 24 kHz, 16 bit little endian.
// Thread contract: that of TtsProvider.
// Silence before the first sound is trimmed. Word times are estimates (word_times.hpp): evenly by characters at a usual pace as the audio comes,
// the last ones over what is left; the last chunk may hold words only.
// Errors: as openai_common.hpp classes a status; deadline_exceeded; data_corrupt when what comes is no audio; unavailable when it breaks off.
#pragma once
#include "pipeline/http_client.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/providers/openai_common.hpp"

namespace repartee::pipeline {

struct OpenAiTtsOptions {
  std::string name = "openai";
  OpenAiEndpoint endpoint;
  std::string model = "tts-1";
  std::string voice = "alloy";                       // where the request names none
  std::vector<std::string> voices = {"alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"};  // what voices() lists
  Duration timeout = std::chrono::seconds(15);       // this or the request's deadline, what comes first
  Duration audio_max = std::chrono::seconds(120);    // of one request
  Duration leading_silence_max = std::chrono::seconds(1);  // trimmed at most
  int silence_level = 200;                           // samples below are silence
  double chars_per_second = 15;                      // the usual pace at speed 1
};

class OpenAiTts final : public TtsProvider {
 public:
  using Options = OpenAiTtsOptions;
  OpenAiTts(HttpClient& http, Options options) : http_(http), options_(std::move(options)) {}
  std::string_view name() const override { return options_.name; }
  int rate_hz() const override { return 24000; }
  std::vector<VoiceInfo> voices() const override;
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override;

 private:
  HttpClient& http_;
  const Options options_;
};

}  // namespace repartee::pipeline
