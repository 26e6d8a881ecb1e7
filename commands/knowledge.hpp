// What clones know from documents, put together as the configuration says: the index of vectors and its keeper, the search, the caches
// before it.
// Thread contract: made and destroyed on the owner's thread, destroyed when the loops do not run any more; members as their headers say.
#pragma once
#include <memory>

#include "commands/caches.hpp"
#include "commands/engines.hpp"
#include "knowledge/index_keeper.hpp"
#include "knowledge/stored_passages.hpp"
#include "pipeline/cached_retrieval.hpp"

namespace repartee::commands {

class Knowledge {
 public:
  // All outlive it.
  Knowledge(const config::Settings& settings, Engines& engines, persistence::Store& store, Caches& caches, Metrics& metrics);
  pipeline::Retriever& retriever() { return *front_; }

 private:
  std::unique_ptr<pipeline::VectorIndex> index_;  // null: there is no embedder, or the database has pgvector
  std::unique_ptr<knowledge::IndexKeeper> keeper_;
  std::unique_ptr<knowledge::StoredPassages> passages_;
  std::unique_ptr<pipeline::VectorSearch> vectors_;
  std::unique_ptr<pipeline::CachedEmbedder> embedder_;
  std::unique_ptr<pipeline::HybridRetriever> search_;
  std::unique_ptr<pipeline::CachedRetriever> cached_;
  pipeline::Retriever* front_ = nullptr;
  std::unique_ptr<WorkerPool> pool_;  // last: its threads end before what they work on goes
};

}  // namespace repartee::commands
