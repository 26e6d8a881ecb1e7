#include "pipeline/documents/text_builder.hpp"

#include <algorithm>

#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

using pipeline::has_letter_or_digit;
using pipeline::normalise_spaces;

constexpr std::size_t title_bytes_max = 300;
constexpr std::size_t header_bytes_max = 60;  // a longer cell names no column
constexpr int level_max = 6;

// Each line by itself: the author's line breaks stay.
std::string tidy_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = normalise_spaces(text.substr(0, end));
    if (!line.empty()) out += (out.empty() ? "" : "\n") + line;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string with_stop(std::string sentence) {
  if (!sentence.empty() && std::string_view(".!?:;").find(sentence.back()) == std::string_view::npos) sentence += '.';
  return sentence;
}

bool names_columns(const TextBuilder::Cells& cells) {
  return cells.size() > 1 && std::all_of(cells.begin() + 1, cells.end(), [](const std::string& cell) {
           return !cell.empty() && cell.size() <= header_bytes_max && cell.find_first_not_of("0123456789.,%$ -") != std::string::npos;
         });
}

std::string row_sentence(const TextBuilder::Cells& row, const TextBuilder::Cells* header) {
  std::string sentence;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i].empty()) continue;
    if (!sentence.empty()) sentence += header ? "; " : ", ";
    if (header && i < header->size() && !(*header)[i].empty()) sentence += (*header)[i] + ": ";
    sentence += row[i];
  }
  return with_stop(std::move(sentence));
}

}  // namespace

void TextBuilder::add(Kind kind, std::string_view prefix, std::string_view text) {
  if (!has_letter_or_digit(text) || full_) return;
  if (text_.size() + prefix.size() + text.size() + 2 > bytes_max_) {
    full_ = true;
    return;
  }
  if (last_ != Kind::none) text_ += kind == Kind::item && last_ == Kind::item ? "\n" : "\n\n";
  text_.append(prefix).append(text);
  last_ = kind;
}

void TextBuilder::heading(int level, std::string_view text) {
  add(Kind::other, std::string(static_cast<std::size_t>(std::clamp(level, 1, level_max)), '#') + ' ', normalise_spaces(text));
}

void TextBuilder::paragraph(std::string_view text) { add(Kind::other, "", tidy_lines(text)); }

void TextBuilder::item(std::string_view text) { add(Kind::item, "- ", normalise_spaces(text)); }

void TextBuilder::code(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    const auto line = lines.substr(0, end);
    if (!trim(line).empty()) out.append(out.empty() ? "" : "\n").append("    ").append(line);
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  add(Kind::other, "", out);
}

void TextBuilder::table(const std::vector<Cells>& rows, bool first_is_header) {
  std::vector<Cells> tidy;
  for (const auto& row : rows) {
    Cells cells;
    for (const auto& cell : row) cells.push_back(normalise_spaces(cell));
    if (std::any_of(cells.begin(), cells.end(), [](const auto& cell) { return !cell.empty(); })) tidy.push_back(std::move(cells));
  }
  if (tidy.empty()) return;
  const bool has_header = tidy.size() > 1 && (first_is_header || names_columns(tidy[0]));
  for (std::size_t i = has_header ? 1 : 0; i < tidy.size() && !full_; ++i) {
    const auto& row = tidy[i];
    if (!has_header && row.size() == 2 && !row[0].empty() && row[0].size() <= header_bytes_max) item(with_stop(row[0] + ": " + row[1]));
    else if (row.size() == 1) paragraph(row[0]);  // a table for the looks
    else item(row_sentence(row, has_header ? &tidy[0] : nullptr));
  }
}

Result<std::string> TextBuilder::take(std::string_view title) {
  if (full_)
    return Error{Errc::invalid_argument,
                 "The document holds more than " + std::to_string(bytes_max_ / (1024 * 1024)) + " MB of text; upload it in parts."};
  if (text_.empty())
    return Error{Errc::invalid_argument, "There is no text in the document. A scanned page is a picture, and cannot be read."};
  auto named = normalise_spaces(title);
  named.resize(pipeline::utf8_cut(named, title_bytes_max));
  const auto first = std::string_view(text_).substr(0, text_.find('\n'));
  if (has_letter_or_digit(named) && first.find(named) == std::string_view::npos) return "# " + named + "\n\n" + std::move(text_);
  return std::move(text_);
}

}  // namespace repartee::documents
