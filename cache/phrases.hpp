// The pipeline's phrase cache over the tiers: spoken clauses (kind tts_audio), answers to first questions (llm_response), vectors of texts
// (embedding), what questions found (vector_search), and spoken clauses as packets (packets).
// Thread contract: as PhraseCache. The TieredCache outlives it.
#pragma once
#include "cache/tiered.hpp"
#include "pipeline/phrase_cache.hpp"

namespace repartee::cache {

class Phrases final : public pipeline::PhraseCache {
 public:
  explicit Phrases(TieredCache& cache) : cache_(cache) {}
  pipeline::PhraseBytes find_now(const pipeline::PhraseKey& key, TimePoint now) override;
  StreamPtr find_later(Loop& loop, const pipeline::PhraseKey& key, std::function<void(pipeline::PhraseBytes)> done) override;
  void put(const pipeline::PhraseKey& key, std::string bytes, TimePoint now) override;

 private:
  std::string name_of(const pipeline::PhraseKey& key) const;

  TieredCache& cache_;
};

}  // namespace repartee::cache
