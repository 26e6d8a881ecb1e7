#include "pipeline/providers/cached_tts.hpp"

#include <cstdio>

#include "pipeline/phrase_bytes.hpp"
#include "pipeline/providers/closing_handle.hpp"

namespace repartee::pipeline {
namespace {

PhraseKey key_of(const TtsProvider& provider, const TtsRequest& request, const CachedTtsOptions& options) {
  char speed[32];
  std::snprintf(speed, sizeof speed, "%.3f", request.speed);
  const std::string voice = std::string(provider.name()) + '/' + (request.voice.empty() ? "default" : request.voice);
  std::string material;
  for (const std::string& part : {std::string(phrase_bytes_version), voice, options.settings, std::to_string(provider.rate_hz()), std::string(speed), request.text})
    material.append(part).push_back('\0');
  return {PhraseKind::audio, request.owner, voice, std::move(material)};
}

class SpokenClause final : public std::enable_shared_from_this<SpokenClause> {
 public:
  SpokenClause(Loop& loop, PhraseCache& cache, EncodedPhraseMetrics& encoded, PhraseKey key, std::size_t samples_max, int rate_hz, TtsCallbacks callbacks)
      : loop_(loop), cache_(cache), encoded_(encoded), key_(std::move(key)), samples_max_(samples_max), callbacks_(std::move(callbacks)) {
    spoken_.rate_hz = rate_hz;
  }

  void start(TtsProvider& inner, TtsRequest request) {
    if (const auto bytes = cache_.find_now(key_, loop_.now())) {
      if (auto phrase = usable(*bytes)) {
        loop_.post([weak = weak_from_this(), phrase = std::make_shared<Phrase>(std::move(*phrase)), bytes] {
          if (const auto self = weak.lock()) self->say(std::move(*phrase), bytes);
        });
        return;
      }
    }
    looking_up_ = true;
    look_up_ = cache_.find_later(loop_, key_, [this](const PhraseBytes& bytes) { found(bytes); });
    synthesis_ = inner.synthesize(
        loop_, std::move(request),
        {.on_chunk = [this](SpeechChunk chunk) { take(std::move(chunk)); }, .on_end = [this](Status status) { end(std::move(status)); }});
  }
  void close() {
    closed_ = true;
    look_up_.reset();
    synthesis_.reset();
  }

 private:
  std::optional<Phrase> usable(const std::string& bytes) const {
    auto phrase = phrase_from_bytes(bytes);
    return phrase && phrase->rate_hz == spoken_.rate_hz ? std::move(phrase) : std::nullopt;
  }

  // From the cache, whole.
  void say(Phrase phrase, const PhraseBytes& bytes) {
    if (closed_) return;
    const auto self = shared_from_this();  // the callbacks may destroy the handle
    callbacks_.on_chunk({.samples = std::move(phrase.samples),
                         .words = std::move(phrase.words),
                         .from_cache = true,
                         .encodings = std::make_shared<const PhraseEncodings>(cache_, key_, bytes, encoded_)});
    if (closed_) return;
    close();
    callbacks_.on_end({});
  }

  void found(const PhraseBytes& bytes) {
    if (closed_) return;
    looking_up_ = false;
    if (begun_) return;
    if (bytes) {
      if (auto phrase = usable(*bytes)) {
        synthesis_.reset();
        return say(std::move(*phrase), bytes);
      }
    }
    if (failure_) {
      const auto self = shared_from_this();
      close();
      callbacks_.on_end(*failure_);
    }
  }

  void take(SpeechChunk chunk) {
    const auto self = shared_from_this();  // the callback may destroy the handle
    if (!chunk.samples.empty() || !chunk.words.empty()) begun_ = true;
    if (begun_ && looking_up_) {  // the synthesis was first
      looking_up_ = false;
      look_up_.reset();
    }
    if (spoken_.samples.size() + chunk.samples.size() > samples_max_) keep_ = false;
    if (keep_) {
      spoken_.samples.insert(spoken_.samples.end(), chunk.samples.begin(), chunk.samples.end());
      spoken_.words.insert(spoken_.words.end(), chunk.words.begin(), chunk.words.end());
    }
    callbacks_.on_chunk(std::move(chunk));
  }

  void end(Status status) {
    synthesis_.reset();
    if (!status && !begun_ && looking_up_) {  // perhaps it was said before
      failure_ = status.error();
      return;
    }
    const auto self = shared_from_this();
    if (status && keep_ && !spoken_.samples.empty()) cache_.put(key_, phrase_to_bytes(spoken_), loop_.now());
    close();
    callbacks_.on_end(std::move(status));
  }

  Loop& loop_;
  PhraseCache& cache_;
  EncodedPhraseMetrics& encoded_;
  const PhraseKey key_;
  const std::size_t samples_max_;
  const TtsCallbacks callbacks_;
  Phrase spoken_;
  std::optional<Error> failure_;
  bool looking_up_ = false, begun_ = false, keep_ = true, closed_ = false;
  StreamPtr look_up_, synthesis_;
};

}  // namespace

StreamPtr CachedTts::synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) {
  if (request.text.size() > options_.text_bytes_max) return inner_.synthesize(loop, std::move(request), std::move(callbacks));
  const std::size_t samples_max = options_.audio_ms_max * static_cast<std::size_t>(inner_.rate_hz()) / 1000;
  auto clause =
      std::make_shared<SpokenClause>(loop, cache_, encoded_, key_of(inner_, request, options_), samples_max, inner_.rate_hz(), std::move(callbacks));
  clause->start(inner_, std::move(request));
  return closing_handle(std::move(clause));
}

}  // namespace repartee::pipeline
