// The passages of the database, for the retriever: texts and words from PostgreSQL, as the documents' owner under row-level security; what
// there is at all, from the keeper of the index.
// Thread contract: as pipeline::PassageStore.
#pragma once
#include "knowledge/index_keeper.hpp"
#include "persistence/knowledge_search.hpp"
#include "pipeline/hybrid_retriever.hpp"

namespace repartee::knowledge {

class StoredPassages final : public pipeline::PassageStore {
 public:
  StoredPassages(persistence::Database& app, const IndexKeeper& keeper) : search_(app), keeper_(keeper) {}
  Result<Found> by_words(const pipeline::KnowledgeScope& scope, const std::vector<std::string>& words, std::size_t count) override;
  Result<std::vector<pipeline::Passage>> fetch(const pipeline::KnowledgeScope& scope,
                                               const std::vector<pipeline::VectorHit>& which) override;
  bool has_knowledge(const std::string& user_id, const std::string& echo_id) const override {
    return keeper_.has_knowledge(user_id, echo_id);
  }

 private:
  persistence::KnowledgeSearch search_;
  const IndexKeeper& keeper_;
};

// The index of this process as the retriever's VectorSearch.
class IndexedVectors final : public pipeline::VectorSearch {
 public:
  explicit IndexedVectors(const pipeline::VectorIndex& index) : index_(index) {}
  Result<std::vector<pipeline::VectorHit>> nearest(const pipeline::KnowledgeScope& scope, std::span<const float> question,
                                                   std::size_t count) override {
    return index_.search(scope, question, count);
  }

 private:
  const pipeline::VectorIndex& index_;
};

// The database's pgvector as the retriever's VectorSearch.
class PgVectors final : public pipeline::VectorSearch {
 public:
  PgVectors(persistence::Database& app, const pipeline::Embedder& embedder)
      : search_(app, "vector(" + std::to_string(embedder.dimension()) + ")", std::string(embedder.name())) {}
  Result<std::vector<pipeline::VectorHit>> nearest(const pipeline::KnowledgeScope& scope, std::span<const float> question,
                                                   std::size_t count) override;

 private:
  persistence::PgVectorSearch search_;
};

}  // namespace repartee::knowledge
