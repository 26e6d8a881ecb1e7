// Markdown to plain text, line by line (CommonMark's blocks, GitHub's tables and task lists): what a reader would see, no more. Not a
// conforming renderer: whatever is odd stays text.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "pipeline/documents/extract.hpp"
#include "pipeline/documents/markdown_inline.hpp"
#include "pipeline/documents/text_builder.hpp"
#include "pipeline/documents/text_encoding.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

constexpr std::size_t front_matter_lines_max = 200;
constexpr std::size_t cells_max = 200;

bool is_all(std::string_view text, std::string_view of) { return !text.empty() && text.find_first_not_of(of) == std::string_view::npos; }

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> cells_of(std::string_view line) {
  line = trim(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  if (line.ends_with('|') && !line.ends_with("\\|")) line.remove_suffix(1);
  std::vector<std::string> cells(1);
  for (std::size_t i = 0; i < line.size() && cells.size() < cells_max; ++i) {
    if (line[i] == '|' && (i == 0 || line[i - 1] != '\\')) cells.emplace_back();
    else if (line[i] != '\\' || i + 1 == line.size() || line[i + 1] != '|') cells.back() += line[i];
  }
  for (auto& cell : cells) cell = inline_text(cell);
  return cells;
}

bool is_table_rule(std::string_view line) {  // |---|:--:|
  line = trim(line);
  return is_all(line, "|-: ") && line.find('-') != std::string_view::npos && line.find('|') != std::string_view::npos;
}

// The text of a list item without its mark; empty: none.
std::string_view item_text(std::string_view line) {
  std::size_t mark = 0;
  if (!line.empty() && std::string_view("-*+").find(line[0]) != std::string_view::npos) mark = 1;
  else {
    while (mark < line.size() && mark < 9 && line[mark] >= '0' && line[mark] <= '9') ++mark;
    if (mark == 0 || mark >= line.size() || (line[mark] != '.' && line[mark] != ')')) return {};
    ++mark;
  }
  if (mark >= line.size() || (line[mark] != ' ' && line[mark] != '\t')) return {};
  auto text = trim(line.substr(mark));
  if (text.size() > 3 && text[0] == '[' && text[2] == ']' && std::string_view(" xX").find(text[1]) != std::string_view::npos)
    text = trim(text.substr(3));
  return text;
}

int heading_level(std::string_view line) {
  std::size_t level = 0;
  while (level < line.size() && line[level] == '#') ++level;
  const bool ends = level == line.size() || line[level] == ' ' || line[level] == '\t';
  return level >= 1 && level <= 6 && ends ? static_cast<int>(level) : 0;
}

bool is_reference(std::string_view line) {  // [name]: https://...
  const auto close = line.find("]:");
  return line.starts_with('[') && close != std::string_view::npos && close > 1 && line.find('[', 1) == std::string_view::npos &&
         !line.starts_with("[^");
}

class Reader {
 public:
  Reader(std::vector<std::string_view> lines, const ExtractionLimits& limits) : lines_(std::move(lines)), builder_(limits.text_bytes_max) {}

  Result<ExtractedText> read() {
    skip_front_matter();
    while (at_ < lines_.size() && !builder_.full()) read_line();
    flush();
    auto text = builder_.take(title_);
    if (!text) return text.error();
    return ExtractedText{std::move(*text), title_, 0};
  }

 private:
  // YAML between two lines of dashes at the very beginning; its title is the document's.
  void skip_front_matter() {
    if (lines_.empty() || trim(lines_[0]) != "---") return;
    const auto limit = std::min(lines_.size(), front_matter_lines_max);
    for (std::size_t end = 1; end < limit; ++end) {
      if (trim(lines_[end]) != "---" && trim(lines_[end]) != "...") continue;
      for (std::size_t i = 1; i < end; ++i) note_title(lines_[i]);
      at_ = end + 1;
      return;
    }
  }
  void note_title(std::string_view line) {
    constexpr std::string_view key = "title:";
    if (!line.starts_with(key)) return;
    auto value = trim(line.substr(key.size()));
    if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) value = value.substr(1, value.size() - 2);
    title_ = std::string(value);
  }

  void read_line() {
    const auto raw = lines_[at_];
    auto line = trim(raw);
    if (skip_comment(line)) return;
    while (line.starts_with('>')) line = trim(line.substr(1));
    if (line.starts_with("```") || line.starts_with("~~~")) return read_fence(line);
    const bool indented = raw.starts_with("    ") || raw.starts_with('\t');
    if (indented && paragraph_.empty() && !in_list_ && !line.empty()) return read_indented_code();
    ++at_;
    if (line.empty()) return flush();
    if (const int level = heading_level(line)) return heading(level, line.substr(static_cast<std::size_t>(level)));
    if (!paragraph_.empty() && !in_item_ && (is_all(line, "=") || (line.size() > 1 && is_all(line, "-")))) return underlined(line[0]);
    if (line.size() >= 3 && (is_all(line, "- ") || is_all(line, "* ") || is_all(line, "_ "))) return flush();
    if (line.find('|') != std::string_view::npos && at_ < lines_.size() && is_table_rule(lines_[at_])) return read_table(line);
    if (is_reference(line)) return flush();
    if (const auto item = item_text(line); !item.empty()) {
      flush();
      in_item_ = in_list_ = true;
      paragraph_ = item;
      return;
    }
    if (!in_item_ && !indented) in_list_ = false;
    paragraph_.append(paragraph_.empty() ? "" : hard_break_ ? "\n" : " ").append(line);
    hard_break_ = raw.ends_with("  ") || line.ends_with('\\');
    if (line.ends_with('\\')) paragraph_.pop_back();
  }

  bool skip_comment(std::string_view line) {
    if (!line.starts_with("<!--")) return false;
    flush();
    while (at_ < lines_.size() && lines_[at_].find("-->") == std::string_view::npos) ++at_;
    ++at_;
    return true;
  }

  void read_fence(std::string_view opening) {
    flush();
    const char mark = opening[0];
    const auto length = std::min(opening.find_first_not_of(mark), opening.size());
    std::string code;
    for (++at_; at_ < lines_.size(); ++at_) {
      const auto line = trim(lines_[at_]);
      if (line.size() >= length && is_all(line, std::string_view(&mark, 1))) break;
      code.append(lines_[at_]) += '\n';
    }
    ++at_;
    builder_.code(code);
  }

  void read_indented_code() {
    std::string code;
    while (at_ < lines_.size() && (lines_[at_].starts_with("    ") || lines_[at_].starts_with('\t'))) {
      code.append(lines_[at_].substr(lines_[at_][0] == '\t' ? 1 : 4)) += '\n';
      ++at_;
    }
    builder_.code(code);
  }

  void read_table(std::string_view header) {
    flush();
    std::vector<TextBuilder::Cells> rows{cells_of(header)};
    for (++at_; at_ < lines_.size() && lines_[at_].find('|') != std::string_view::npos; ++at_) rows.push_back(cells_of(lines_[at_]));
    builder_.table(rows, true);
  }

  void heading(int level, std::string_view text) {
    flush();
    in_list_ = false;
    text = trim(text);
    while (text.ends_with('#')) text.remove_suffix(1);
    const auto shown = inline_text(text);
    if (title_.empty() && level == 1) title_ = shown;
    builder_.heading(level, shown);
  }

  void underlined(char mark) {
    const auto text = std::move(paragraph_);
    paragraph_.clear();
    heading(mark == '=' ? 1 : 2, text);
  }

  void flush() {
    if (!paragraph_.empty()) {
      const auto shown = inline_text(paragraph_);
      if (in_item_) builder_.item(shown);
      else builder_.paragraph(shown);
      if (!in_item_) in_list_ = false;
    }
    paragraph_.clear();
    in_item_ = hard_break_ = false;
  }

  const std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
  TextBuilder builder_;
  std::string title_, paragraph_;
  bool in_item_ = false;  // the paragraph under way is a list item's
  bool in_list_ = false;  // indented lines belong to an item, and are no code
  bool hard_break_ = false;
};

}  // namespace

Result<ExtractedText> extract_markdown(std::string_view bytes, const ExtractionLimits& limits) {
  const auto decoded = decode_text(bytes);
  if (!decoded) return decoded.error();
  return Reader(lines_of(*decoded), limits).read();
}

}  // namespace repartee::documents
