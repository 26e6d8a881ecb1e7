#include "pipeline/documents/chunker.hpp"

#include <algorithm>

#include "pipeline/context_window.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

using pipeline::estimate_tokens;

constexpr std::size_t bytes_per_token = 4;  // as estimate_tokens has it

struct Unit {
  std::string text;
  const char* before = " ";  // what separates it from the one before it
  bool is_sentence = false;  // may be repeated at the next chunk's beginning
};

struct Heading {
  int level;
  std::string text;
  bool has_content = false;
};

int heading_level(std::string_view line) {
  std::size_t level = 0;
  while (level < line.size() && line[level] == '#') ++level;
  return level >= 1 && level <= 6 && level < line.size() && line[level] == ' ' ? static_cast<int>(level) : 0;
}

class Chunker {
 public:
  explicit Chunker(const ChunkOptions& options) : options_(options) {}

  void line(std::string_view line) {
    if (trim(line).empty()) return end_paragraph();
    if (const int level = heading_level(line)) return heading(level, line.substr(static_cast<std::size_t>(level) + 1));
    const bool is_item = line.starts_with("- "), is_code = line.starts_with("    ");
    if (!is_item && !is_code) {
      paragraph_.append(paragraph_.empty() ? "" : "\n").append(line);
      return;
    }
    end_paragraph();
    add({std::string(line), "\n", false});
  }

  Result<std::vector<Chunk>> finish() {
    end_paragraph();
    close_headings(0);
    emit();
    if (chunks_.size() > options_.chunks_max)
      return Error{Errc::invalid_argument,
                   "The document falls into more than " + std::to_string(options_.chunks_max) + " sections; upload it in parts."};
    return std::move(chunks_);
  }
  bool too_many() const { return chunks_.size() > options_.chunks_max; }

 private:
  void heading(int level, std::string_view text) {
    end_paragraph();
    close_headings(level);
    emit();
    headings_.push_back({level, std::string(trim(text))});
  }

  // Headings of this level and below end. One that nothing stood under is a line of what it stands under.
  void close_headings(int level) {
    while (!headings_.empty() && headings_.back().level >= level) {
      emit();
      const Heading last = std::move(headings_.back());
      headings_.pop_back();
      if (!last.has_content) add({last.text, "\n", false});
    }
  }

  void end_paragraph() {
    if (paragraph_.empty()) return;
    const char* before = "\n\n";
    for (auto& sentence : pipeline::split_sentences(paragraph_)) {
      add({std::move(sentence), before, true});
      before = " ";
    }
    paragraph_.clear();
  }

  void add(Unit unit) {
    for (auto& heading : headings_) heading.has_content = true;
    const auto bytes_max = static_cast<std::size_t>(options_.unit_tokens_max) * bytes_per_token;
    while (unit.text.size() > bytes_max) {
      auto cut = pipeline::utf8_cut(unit.text, bytes_max);
      if (const auto blank = unit.text.rfind(' ', cut); blank != std::string::npos && blank > bytes_max / 2) cut = blank;
      add_whole({unit.text.substr(0, cut), unit.before, false});
      unit.text.erase(0, cut);
      unit.text.erase(0, unit.text.find_first_not_of(' '));
      unit.before = " ";
    }
    add_whole(std::move(unit));
  }

  void add_whole(Unit unit) {
    const int tokens = estimate_tokens(unit.text);
    if (fresh_ > 0 && tokens_ + tokens > options_.tokens_target) {
      auto kept = overlap();
      emit();
      for (auto& sentence : kept) units_.push_back(std::move(sentence));
    }
    tokens_ += tokens;
    ++fresh_;
    units_.push_back(std::move(unit));
  }

  // The last sentences, if they are short and not all there is.
  std::vector<Unit> overlap() const {
    std::vector<Unit> kept;
    int tokens = 0;
    for (auto unit = units_.rbegin(); unit != units_.rend() && kept.size() < options_.overlap_sentences_max; ++unit) {
      tokens += estimate_tokens(unit->text);
      if (!unit->is_sentence || tokens > options_.overlap_tokens_max || kept.size() + 1 >= units_.size()) break;
      kept.insert(kept.begin(), *unit);
    }
    return kept;
  }

  std::string heading_line() const {
    std::string line;
    for (auto heading = headings_.rbegin(); heading != headings_.rend(); ++heading) {
      if (!line.empty() && line.size() + heading->text.size() + 2 > options_.heading_bytes_max) break;
      line.insert(0, line.empty() ? heading->text : heading->text + ": ");
    }
    line.resize(pipeline::utf8_cut(line, options_.heading_bytes_max));
    return line;
  }

  void emit() {
    if (fresh_ > 0 && !too_many()) {
      Chunk chunk;
      chunk.text = heading_line();
      for (const auto& unit : units_)
        chunk.text.append(chunk.text.empty() ? "" : &unit == &units_.front() ? "\n\n" : unit.before).append(unit.text);
      chunk.token_count = estimate_tokens(chunk.text);
      chunks_.push_back(std::move(chunk));
    }
    units_.clear();
    tokens_ = 0;
    fresh_ = 0;
  }

  const ChunkOptions options_;
  std::vector<Heading> headings_;
  std::string paragraph_;
  std::vector<Unit> units_;
  int tokens_ = 0;         // of what is new in units_
  std::size_t fresh_ = 0;  // units that are not overlap
  std::vector<Chunk> chunks_;
};

}  // namespace

Result<std::vector<Chunk>> chunk_text(std::string_view text, const ChunkOptions& options) {
  Chunker chunker(options);
  while (!text.empty() && !chunker.too_many()) {
    const auto end = std::min(text.find('\n'), text.size());
    chunker.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return chunker.finish();
}

}  // namespace repartee::documents
