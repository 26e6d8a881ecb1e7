// hnswlib's graph over rows that are kept elsewhere: a node holds where its vector is, not a copy of it.
// Thread contract: search() from any thread at a time when nothing changes; the rest from one thread.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "core/result.hpp"

namespace repartee::pipeline {

class VectorGraph {
 public:
  struct Options {
    std::size_t dimension = 512, links = 16, build_candidates = 200, search_candidates = 128;
  };
  struct Near {
    float score;  // cosine
    std::uint32_t row;
  };
  VectorGraph(const Options& options, std::size_t capacity);
  ~VectorGraph();

  void add(std::uint32_t row, const float* vector);  // which stays there as long as the graph lives
  void remove(std::uint32_t row);                    // its node stays as a way to others
  std::vector<Near> search(const float* question, std::size_t count) const;
  std::size_t size() const;                 // removed ones too
  std::vector<std::uint32_t> rows() const;  // removed ones too

  Status save(const std::filesystem::path& file) const;
  // The file is trusted: its checksum was verified. data_corrupt: it speaks of rows that place() does not know (null).
  static Result<std::unique_ptr<VectorGraph>> load(const Options& options, const std::filesystem::path& file,
                                                   const std::function<const float*(std::uint32_t)>& place);

 private:
  struct Impl;
  explicit VectorGraph(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::pipeline
