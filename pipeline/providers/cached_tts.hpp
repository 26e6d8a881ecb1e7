// A voice that remembers what it said: each clause is kept whole, by voice, speed and text, and said again without synthesis. What memory
// has is handed over at once; otherwise the slow tier is asked beside the synthesis, and the first to answer is heard: a slow cache delays
// nothing, and a cache that answers saves a turn whose synthesis fails. With what it says again it hands out where its packets are.
// Thread contract: as TtsProvider. The inner provider and the cache outlive it.
#pragma once
#include "pipeline/encoded_phrase.hpp"
#include "pipeline/phrase_cache.hpp"
#include "pipeline/providers.hpp"

namespace repartee::pipeline {

struct CachedTtsOptions {
  std::size_t text_bytes_max = 400;  // longer clauses are not likely to be said twice
  std::size_t audio_ms_max = 30'000;
  std::string settings;  // what else the sound depends on: program version, default voice, model
};
class CachedTts final : public TtsProvider {
 public:
  using Options = CachedTtsOptions;
  CachedTts(TtsProvider& inner, PhraseCache& cache, Options options, Metrics& metrics)
      : inner_(inner), cache_(cache), options_(std::move(options)), encoded_(metrics) {}
  std::string_view name() const override { return inner_.name(); }
  int rate_hz() const override { return inner_.rate_hz(); }
  std::vector<VoiceInfo> voices() const override { return inner_.voices(); }
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override;

 private:
  TtsProvider& inner_;
  PhraseCache& cache_;
  const Options options_;
  EncodedPhraseMetrics encoded_;
};

}  // namespace repartee::pipeline
