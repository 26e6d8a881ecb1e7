#include "pipeline/unigram_tokenizer.hpp"

#include <algorithm>
#include <limits>

namespace repartee::pipeline {
namespace {

constexpr std::string_view blank = "\xE2\x96\x81";  // U+2581
constexpr float unreachable = -std::numeric_limits<float>::infinity();

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// White space of any kind and length counts as one blank.
std::string with_blanks(std::string_view text) {
  std::string out;
  bool pending = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool no_break_space = text.substr(i, 2) == "\xC2\xA0";
    if (no_break_space || static_cast<unsigned char>(text[i]) <= ' ') {
      pending = true;
      i += no_break_space ? 1 : 0;
      continue;
    }
    if (pending) out += blank;
    pending = false;
    out += text[i];
  }
  return out;
}

struct Step {
  float score = unreachable;
  int id = UnigramTokenizer::unknown_id;
  std::size_t from = 0;
};

}  // namespace

UnigramTokenizer::UnigramTokenizer(const std::vector<Piece>& pieces, std::size_t reserved) : size_(pieces.size()) {
  for (std::size_t id = reserved; id < pieces.size(); ++id) {
    pieces_[pieces[id].text] = {pieces[id].log_probability, static_cast<int>(id)};
    piece_bytes_max_ = std::max(piece_bytes_max_, pieces[id].text.size());
  }
}

std::vector<int> UnigramTokenizer::tokens(std::string_view text) const {
  const std::string marked = with_blanks(text.substr(0, text_bytes_max));
  std::vector<std::size_t> starts;  // of characters, and the end
  for (std::size_t i = 0; i < marked.size(); ++i)
    if (begins_character(marked[i])) starts.push_back(i);
  starts.push_back(marked.size());
  const std::size_t characters = starts.size() - 1;
  std::vector<Step> best(characters + 1);
  best[0].score = 0;
  for (std::size_t i = 0; i < characters; ++i) {
    if (best[i].score == unreachable) continue;  // inside a piece
    bool found = false;
    for (std::size_t end = i + 1; end <= characters && starts[end] - starts[i] <= piece_bytes_max_; ++end) {
      const auto piece = pieces_.find(std::string_view(marked).substr(starts[i], starts[end] - starts[i]));
      if (piece == pieces_.end()) continue;
      found = true;
      const float score = best[i].score + piece->second.log_probability;
      if (score >= best[end].score) best[end] = {score, piece->second.id, i};
    }
    if (!found && best[i].score >= best[i + 1].score) best[i + 1] = {best[i].score, unknown_id, i};
  }
  std::vector<int> ids;
  for (std::size_t at = characters; at > 0; at = best[at].from) {
    const int id = best[at].id;
    if (id != unknown_id || ids.empty() || ids.back() != unknown_id) ids.push_back(id);
  }
  std::reverse(ids.begin(), ids.end());
  return ids;
}

}  // namespace repartee::pipeline
