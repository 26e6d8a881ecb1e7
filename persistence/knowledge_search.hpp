// Passages of documents by their words, for a user's question: full text over knowledge_chunks, under row-level security.
// Thread contract: any thread, blocking.
// Errors: as Database::run says; not_found never: nothing found is an empty list.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "persistence/database.hpp"

namespace repartee::persistence {

struct KnowledgeHit {
  std::string document_id, filename, text;
  int ordinal = 0;
  double score = 0;
};

struct KnowledgeSearchScope {
  std::string user_id;      // the documents' owner
  std::string echo_id;      // documents of this clone; empty: all
  bool with_common = true;  // and those that belong to all of the owner's clones
};

class KnowledgeSearch {
 public:
  using Scope = KnowledgeSearchScope;
  struct Found {
    std::vector<KnowledgeHit> hits;              // best first
    std::map<std::string, std::size_t> holders;  // how many of the passages hold each word
    std::size_t passages = 0;                    // that may be searched
  };
  explicit KnowledgeSearch(Database& app) : app_(app) {}
  // Those that hold one of the words, by the rarity of the words they hold, then by how near these stand (ts_rank_cd).
  Result<Found> by_words(const Scope& scope, const std::vector<std::string>& words, std::size_t count);
  // document id, ordinal
  Result<std::vector<KnowledgeHit>> fetch(const Scope& scope, const std::vector<std::pair<std::string, int>>& which);

 private:
  Database& app_;
};

// The nearest passages by pgvector, where the database has that extension: then no node needs an index of its own. It reads the vectors
// from where they are (real[]); a large table wants an index over the same expression:
//   CREATE INDEX ON knowledge_chunks USING hnsw ((embedding::vector(512)) vector_cosine_ops)
// Thread contract and errors: as KnowledgeSearch.
class PgVectorSearch {
 public:
  // type: what a vector is cast to, "vector(512)".
  PgVectorSearch(Database& app, std::string type, std::string embedder);
  static Result<bool> is_there(Database& database);
  Result<std::vector<KnowledgeHit>> nearest(const KnowledgeSearchScope& scope, const std::vector<float>& question,
                                            std::size_t count);  // without texts

 private:
  Database& app_;
  const std::string embedder_, sql_;
};

}  // namespace repartee::persistence
