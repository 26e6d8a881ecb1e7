// One owner's part of a VectorIndex: rows of vectors at fixed places in memory, the documents they belong to, and the graph over them once
// there are many.
// Thread contract: as vector_index.hpp says; it locks itself.
#pragma once
#include <iosfwd>
#include <limits>
#include <optional>
#include <unordered_map>

#include "pipeline/vector_index.hpp"

namespace repartee::pipeline {

class VectorGraph;

class VectorIndex::Partition {
 public:
  explicit Partition(const Options& options);
  ~Partition();

  std::vector<VectorHit> search(const KnowledgeScope& scope, std::span<const float> question, std::size_t count) const;
  std::size_t rows() const;  // that are alive
  std::size_t bytes() const;
  void put(Document document);  // one that is not there
  void remove(const std::string& document_id);
  void add_stamps(std::map<std::string, std::string>& stamps) const;
  bool build(std::size_t rows_max);
  bool empty() const { return documents_.empty(); }

  void write(std::ostream& out, const std::filesystem::path& scratch) const;
  Status read(std::istream& in, const std::filesystem::path& scratch);

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t slab_rows = 256;
  struct Row {
    std::uint32_t document = nobody;  // nobody: free, or dead and still in the graph
    int ordinal = 0;
    bool in_graph = false;
  };
  struct Entry {
    std::string id, echo_id, stamp;
    std::vector<std::uint32_t> rows;
  };
  struct Scored {
    float score;
    std::uint32_t row;
  };
  float* at(std::uint32_t row) { return slabs_[row / slab_rows].get() + row % slab_rows * options_.dimension; }
  const float* at(std::uint32_t row) const { return slabs_[row / slab_rows].get() + row % slab_rows * options_.dimension; }
  std::uint32_t take_row();
  void add_row();
  std::vector<Scored> scan(const std::vector<char>& allowed, const float* question) const;
  std::optional<std::vector<Scored>> walk(const std::vector<char>& allowed, std::size_t allowed_rows, const float* question,
                                          std::size_t count) const;
  bool wants_new_graph() const;
  bool build_new(std::size_t rows_max);
  bool extend(std::size_t rows_max);

  const Options& options_;
  mutable std::shared_mutex mutex_;
  std::vector<std::unique_ptr<float[]>> slabs_;  // a row stays where it is
  std::vector<Row> rows_;
  std::vector<std::uint32_t> free_;
  std::vector<Entry> documents_;
  std::unordered_map<std::string, std::uint32_t> places_;  // document id -> documents_
  std::size_t alive_ = 0;
  std::unique_ptr<VectorGraph> graph_;  // whole; null: every row is looked at
  std::vector<std::uint32_t> tail_;     // alive and not in graph_, where there is one
  std::size_t dead_in_graph_ = 0;
  std::unique_ptr<VectorGraph> new_graph_;  // being built; the writer's alone
  std::uint32_t new_graph_next_ = 0;
};

}  // namespace repartee::pipeline
