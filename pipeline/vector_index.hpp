// The vectors of all passages of all documents, in memory, and the nearest among those a question may see. Each owner's are apart from the
// others', so that nobody's question ever touches another's. Up to exact_rows_max candidates every one is looked at; above, a graph is
// walked (HNSW: Malkov and Yashunin, 2018; hnswlib), which is built in pieces beside the searches and takes over when it is whole. Memory:
// rows_max rows of 4 * dimension bytes, and about 220 bytes a row for the rest. More are refused with resource_exhausted. Thread contract:
// search(), rows() and bytes() from any thread (worker threads: a search takes about a millisecond); never from a loop. Everything else
// from one thread at a time, the writer's; it keeps searches waiting for some milliseconds at most. Vectors are of length 1, scores are
// cosines.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "pipeline/knowledge_scope.hpp"

namespace repartee::pipeline {

struct VectorHit {
  std::string document_id;
  int ordinal = 0;
  double score = 0;  // cosine
};

class VectorIndex {
 public:
  struct Options {
    std::size_t dimension = 512;
    std::size_t exact_rows_max = 10'000;
    std::size_t rows_max = 400'000;
    std::size_t links = 16, build_candidates = 200, search_candidates = 128;  // HNSW's M, efConstruction, ef
  };
  struct Chunk {
    int ordinal = 0;
    std::vector<float> vector;
  };
  struct Document {
    std::string user_id, id, echo_id;  // echo_id empty: of all the owner's clones
    std::string stamp;                 // what it was made from: another stamp in the database means that it is stale
    std::vector<Chunk> chunks;
  };
  explicit VectorIndex(Options options);
  ~VectorIndex();

  // Best first, at most `count`.
  std::vector<VectorHit> search(const KnowledgeScope& scope, std::span<const float> question, std::size_t count) const;
  std::size_t rows() const;
  std::size_t bytes() const;

  // Replaces what there was of this document. invalid_argument: a vector of another length; resource_exhausted: no room, it is left out.
  Status put(Document document);
  void remove(const std::string& document_id);
  bool has(const std::string& document_id) const { return owners_.contains(document_id); }
  std::map<std::string, std::string> stamps() const;  // by document id
  // Works on graphs for about so many rows. True: there is more to do.
  bool build(std::size_t rows_max = 64);

  // A file with a checksum, written beside and renamed. `made_by`: the embedder's name; another one's file is refused by load.
  Status save(const std::filesystem::path& file, const std::string& made_by) const;
  // not_found, or data_corrupt; then nothing was loaded.
  Status load(const std::filesystem::path& file, const std::string& made_by);

 private:
  class Partition;  // one owner's
  std::shared_ptr<Partition> find(const std::string& user_id) const;
  void drop(const std::string& document_id);

  const Options options_;
  mutable std::shared_mutex mutex_;                               // of the map only
  std::map<std::string, std::shared_ptr<Partition>> partitions_;  // by owner
  std::map<std::string, std::string> owners_;                     // by document; the writer's
  std::size_t rows_ = 0;                                          // with mutex_
};

}  // namespace repartee::pipeline
