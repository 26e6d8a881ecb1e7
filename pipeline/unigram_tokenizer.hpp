// Text to the pieces of a unigram vocabulary: the most probable segmentation, found by Viterbi (Kudo, 2018, "Subword Regularization").
// A blank becomes U+2581, and one stands before the text; characters without a piece become unknown_id, runs of them one.
// Thread contract: constant after construction; tokens() from any thread.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.hpp"

namespace repartee::pipeline {

class UnigramTokenizer {
 public:
  static constexpr int unknown_id = 0;
  static constexpr std::size_t text_bytes_max = 64 * 1024;  // what follows is not looked at
  struct Piece {
    std::string text;
    float log_probability = 0;
  };
  // Ids are positions. The first `reserved` pieces (unknown, begin, end ...) never match text.
  UnigramTokenizer(const std::vector<Piece>& pieces, std::size_t reserved);
  std::vector<int> tokens(std::string_view text) const;
  std::size_t size() const { return size_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Entry {
    float log_probability = 0;
    int id = 0;
  };
  std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> pieces_;
  std::size_t piece_bytes_max_ = 0, size_ = 0;
};

}  // namespace repartee::pipeline
