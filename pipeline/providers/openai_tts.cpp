#include "pipeline/providers/openai_tts.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/providers/word_times.hpp"

namespace repartee::pipeline {
namespace {

constexpr int pcm_rate_hz = 24000;
constexpr double speed_min = 0.25, speed_max = 4.0;
constexpr std::size_t kept_before_sound = pcm_rate_hz / 100;  // 10 ms, so that the onset is not clipped

std::size_t samples_in(Duration d) { return static_cast<std::size_t>(to_ms(d)) * pcm_rate_hz / 1000; }

// Bytes cut anywhere into samples; silence at the beginning is left out.
class PcmReader {
 public:
  PcmReader(int silence_level, std::size_t silence_max) : silence_level_(silence_level), silence_max_(silence_max) {}

  Samples push(std::string_view bytes) {
    for (const char c : bytes) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (low_) {
        pending_.push_back(static_cast<std::int16_t>(*low_ | byte << 8));
        low_.reset();
      } else {
        low_ = byte;
      }
    }
    if (!started_ && !find_sound()) return {};
    return std::exchange(pending_, {});
  }

 private:
  bool find_sound() {
    const auto loud = [&](std::int16_t sample) { return std::abs(static_cast<int>(sample)) >= silence_level_; };
    const auto sound = static_cast<std::size_t>(std::find_if(pending_.begin(), pending_.end(), loud) - pending_.begin());
    if (sound == pending_.size() && sound < silence_max_) return false;
    const std::size_t cut = std::min(sound > kept_before_sound ? sound - kept_before_sound : 0, silence_max_);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(cut));
    started_ = true;
    return true;
  }

  const int silence_level_;
  const std::size_t silence_max_;
  Samples pending_;
  std::optional<std::uint8_t> low_;
  bool started_ = false;
};

class Synthesis final : public std::enable_shared_from_this<Synthesis> {
 public:
  Synthesis(const OpenAiTtsOptions& options, const TtsRequest& request, TtsCallbacks callbacks)
      : options_(options),
        callbacks_(std::move(callbacks)),
        words_(request.text, options.chars_per_second * request.speed),
        pcm_(options.silence_level, samples_in(options.leading_silence_max)) {}

  void start(HttpClient& http, Loop& loop, HttpRequest request, Duration timeout) {
    const auto weak = weak_from_this();
    timer_ = loop.after(timeout, [weak] {
      if (auto self = weak.lock()) self->end(Error{Errc::deadline_exceeded, self->options_.name + ": the audio was not complete in time"});
    });
    fetch_ = http.fetch(loop, std::move(request),
                        {.on_head = [weak](const HttpHead& head) { if (auto self = weak.lock()) self->head_ = head; },
                         .on_body = [weak](std::string_view bytes) { if (auto self = weak.lock()) self->on_body(bytes); },
                         .on_end = [weak](Status status) { if (auto self = weak.lock()) self->on_http_end(std::move(status)); }});
  }

  void close() {
    closed_ = true;
    fetch_.reset();
    timer_.reset();
  }

 private:
  bool failed_status() const { return head_.status < 200 || head_.status > 299; }

  void on_body(std::string_view bytes) {
    if (closed_) return;
    if (failed_status()) {
      if (error_body_.size() < error_body_bytes_max) error_body_ += bytes;
      return;
    }
    if (head_.content_type.starts_with("application/json") || head_.content_type.starts_with("text/")) {
      return end(Error{Errc::data_corrupt, options_.name + ": the answer is no audio"});
    }
    Samples samples = pcm_.push(bytes);
    if (samples.empty()) return;
    sample_count_ += samples.size();
    give({std::move(samples), words_.advance(audio_ms())});
  }

  void on_http_end(Status status) {
    if (closed_) return;
    if (!status) return end(std::move(status));
    if (failed_status()) return end(error_of_status(options_.name, head_.status, error_body_, options_.endpoint.key));
    if (sample_count_ == 0) return end(Error{Errc::data_corrupt, options_.name + ": the answer holds no sound"});
    if (auto rest = words_.finish(audio_ms()); !rest.empty()) give({{}, std::move(rest)});
    end({});
  }

  std::int64_t audio_ms() const { return static_cast<std::int64_t>(sample_count_) * 1000 / pcm_rate_hz; }

  void give(SpeechChunk chunk) {
    if (callbacks_.on_chunk) callbacks_.on_chunk(std::move(chunk));
  }

  void end(Status status) {
    if (closed_) return;
    const auto keep = shared_from_this();
    close();
    if (callbacks_.on_end) callbacks_.on_end(std::move(status));
  }

  const OpenAiTtsOptions& options_;
  const TtsCallbacks callbacks_;
  StreamPtr fetch_, timer_;
  HttpHead head_;
  WordPacer words_;
  PcmReader pcm_;
  std::string error_body_;
  std::size_t sample_count_ = 0;
  bool closed_ = false;
};

}  // namespace

std::vector<VoiceInfo> OpenAiTts::voices() const {
  std::vector<VoiceInfo> list;
  for (const std::string& voice : options_.voices) list.push_back({options_.name, voice, "a voice of the remote server"});
  return list;
}

StreamPtr OpenAiTts::synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) {
  request.speed = std::clamp(request.speed, speed_min, speed_max);
  const nlohmann::json body = {{"model", options_.model},
                               {"voice", request.voice.empty() ? options_.voice : request.voice},
                               {"input", request.text},
                               {"speed", request.speed},
                               {"response_format", "pcm"}};
  HttpRequest http_request =
      openai_post(options_.endpoint, "/audio/speech", "application/json", body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  http_request.body_bytes_max = samples_in(options_.audio_max) * 2;
  auto synthesis = std::make_shared<Synthesis>(options_, request, std::move(callbacks));
  synthesis->start(http_, loop, std::move(http_request), time_left(loop, request.deadline, options_.timeout));
  return closing_handle(std::move(synthesis));
}

}  // namespace repartee::pipeline
