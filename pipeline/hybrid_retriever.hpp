// The Retriever: passages that hold the question's words, and passages that mean the same, put together and judged (passage_ranking.hpp).
// Without an embedder, or when it does not answer in time, the words alone decide.
// Thread contract: as providers.hpp says; stores and searches are asked on the pool, where they may block.
// Errors: of the words' search and of fetching texts, as the store says; vectors that fail cost what only they would have found.
#pragma once
#include <memory>
#include <span>

#include "pipeline/knowledge_scope.hpp"
#include "pipeline/passage_ranking.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/vector_index.hpp"

namespace repartee::pipeline {

// Where the texts are. Blocking, any thread; only what the scope admits, of documents that are completed and not deleted.
class PassageStore {
 public:
  virtual ~PassageStore() = default;
  struct Found {
    std::vector<Passage> passages;  // best first, score as the store ranks
    WordCounts counts;
  };
  virtual Result<Found> by_words(const KnowledgeScope& scope, const std::vector<std::string>& words, std::size_t count) = 0;
  // The texts of these; what is not there any more is left out.
  virtual Result<std::vector<Passage>> fetch(const KnowledgeScope& scope, const std::vector<VectorHit>& which) = 0;
  virtual bool has_knowledge(const std::string& user_id, const std::string& echo_id) const = 0;  // from memory: asked on loops
};

// Blocking, any thread. Best first.
class VectorSearch {
 public:
  virtual ~VectorSearch() = default;
  virtual Result<std::vector<VectorHit>> nearest(const KnowledgeScope& scope, std::span<const float> question, std::size_t count) = 0;
};

class HybridRetriever final : public Retriever {
 public:
  struct Options {
    std::size_t candidates_max = 24;  // of each search
    std::size_t judged_max = 8;       // passages whose sentences are looked at
    std::size_t sentences_max = 64;   // of all of those
    std::size_t question_bytes_max = 2000;
    Duration embedding_patience = Millis(100);  // for the question's vector; then the words alone decide
    bool use_words = true, use_vectors = true;  // to measure what each is worth
    RankingOptions ranking;
  };
  // embedder and vectors may be null. All outlive it.
  HybridRetriever(PassageStore& store, VectorSearch* vectors, Embedder* embedder, WorkerPool& pool, Options options);
  bool has_knowledge(const std::string& user_id, const std::string& echo_id) const override {
    return store_.has_knowledge(user_id, echo_id);
  }
  StreamPtr retrieve(Loop& loop, RetrievalRequest request, std::function<void(Result<Retrieval>)> done) override;

 private:
  class Call;
  PassageStore& store_;
  VectorSearch* const vectors_;
  Embedder* const embedder_;
  WorkerPool& pool_;
  const Options options_;
};

}  // namespace repartee::pipeline
