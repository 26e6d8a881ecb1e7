// A retriever that remembers what it found, and an embedder that remembers vectors.
// Memory answers at once; otherwise the retriever asks the slow tier beside the search, and the first to answer is heard. A question's key
// holds the version of the owner's documents, so that what was found before a change is never found again.
// Thread contract: as Retriever and Embedder. The inner ones and the cache outlive them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/phrase_cache.hpp"
#include "pipeline/providers.hpp"

namespace repartee::pipeline {

class CachedRetriever final : public Retriever {
 public:
  // version: of a user's documents; asked on loops, must not block. settings: what else the result depends on (embedder, ranking).
  CachedRetriever(Retriever& inner, PhraseCache& cache, std::string settings,
                  std::function<std::string(const std::string& user_id)> version)
      : inner_(inner), cache_(cache), settings_(std::move(settings)), version_(std::move(version)) {}
  bool has_knowledge(const std::string& user_id, const std::string& echo_id) const override {
    return inner_.has_knowledge(user_id, echo_id);
  }
  StreamPtr retrieve(Loop& loop, RetrievalRequest request, std::function<void(Result<Retrieval>)> done) override;

 private:
  Retriever& inner_;
  PhraseCache& cache_;
  const std::string settings_;
  const std::function<std::string(const std::string&)> version_;
};

class CachedEmbedder final : public Embedder {
 public:
  CachedEmbedder(Embedder& inner, PhraseCache& cache) : inner_(inner), cache_(cache) {}
  std::string_view name() const override { return inner_.name(); }
  std::size_t dimension() const override { return inner_.dimension(); }
  std::size_t texts_max() const override { return inner_.texts_max(); }
  bool is_metered() const override { return inner_.is_metered(); }
  StreamPtr embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) override;

 private:
  Embedder& inner_;
  PhraseCache& cache_;
};

// What is kept of a search. nullopt: not such bytes.
std::string retrieval_bytes(const Retrieval& retrieval);
std::optional<Retrieval> retrieval_of(std::string_view bytes);

}  // namespace repartee::pipeline
