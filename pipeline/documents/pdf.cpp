// PDF by way of poppler: its text in reading order, put together again from lines. Lines that stand at the head or foot of most pages are
// dropped, words cut at a line's end are joined.
#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "pipeline/documents/extract.hpp"
#include "pipeline/documents/text_builder.hpp"
#include "pipeline/documents/text_encoding.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

constexpr std::size_t edge_lines = 2;  // of a page, where running heads and page numbers stand
constexpr std::size_t repeats_min = 3;

using Page = std::vector<std::string>;

std::string to_utf8(const poppler::ustring& text) {
  const auto bytes = text.to_utf8();
  return clean_text(std::string_view(bytes.data(), bytes.size()));
}

Page lines_of(std::string_view text) {
  Page lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(pipeline::normalise_spaces(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// Lines that differ only in their numbers are the same.
std::string without_numbers(std::string_view line) {
  std::string out;
  for (const char c : line) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) out += c;
    else if (out.empty() || out.back() != '#') out += '#';
  }
  return out;
}

std::vector<std::size_t> edges_of(const Page& page) {
  std::vector<std::size_t> edges;
  std::vector<std::size_t> filled;
  for (std::size_t i = 0; i < page.size(); ++i)
    if (!page[i].empty()) filled.push_back(i);
  for (std::size_t i = 0; i < filled.size(); ++i)
    if (i < edge_lines || i + edge_lines >= filled.size()) edges.push_back(filled[i]);
  return edges;
}

// A head or foot comes back on the next page or the one after (left and right pages differ), and on at least so many; a chapter's own does
// so within the chapter only.
void drop_running_heads(std::vector<Page>& pages) {
  std::map<std::string, std::size_t> times;
  std::vector<std::set<std::string>> edges;
  for (const auto& page : pages) {
    auto& here = edges.emplace_back();
    for (const auto i : edges_of(page)) here.insert(without_numbers(page[i]));
    for (const auto& line : here) ++times[line];
  }
  const auto stands_near = [&](std::size_t page, const std::string& line) {
    for (const std::size_t away : {1U, 2U})
      if ((page >= away && edges[page - away].contains(line)) || (page + away < edges.size() && edges[page + away].contains(line)))
        return true;
    return false;
  };
  for (std::size_t page = 0; page < pages.size(); ++page)
    for (const auto i : edges_of(pages[page]))
      if (const auto line = without_numbers(pages[page][i]); times[line] >= repeats_min && stands_near(page, line)) pages[page][i].clear();
}

// The text of an item that begins with a bullet; empty: it is none.
std::string_view after_bullet(std::string_view line) {
  for (const std::string_view bullet : {"\u2022", "\u25E6", "\u25AA", "\u25CF", "\u00B7", "\u2013", "*", "-"})
    if (line.starts_with(bullet) && line.substr(bullet.size()).starts_with(' ')) return trim(line.substr(bullet.size()));
  return {};
}

bool ends_sentence(std::string_view line) { return !line.empty() && std::string_view(".!?:").find(line.back()) != std::string_view::npos; }
bool begins_small(std::string_view line) { return !line.empty() && line[0] >= 'a' && line[0] <= 'z'; }

class Reflow {
 public:
  explicit Reflow(TextBuilder& builder) : builder_(builder) {}

  void page(const Page& lines) {
    std::size_t width = 0;
    for (const auto& line : lines) width = std::max(width, line.size());
    bool page_begins = true;
    for (const auto& line : lines) {
      if (line.empty()) {
        if (!page_begins) flush();
        continue;
      }
      // A sentence goes on over the page's end.
      if (page_begins && !(begins_small(line) && !ends_sentence(text_))) flush();
      page_begins = false;
      add(line);
      if (line.size() * 10 < width * 6 && ends_sentence(line)) flush();
    }
  }

  void flush() {
    if (in_item_) builder_.item(text_);
    else builder_.paragraph(text_);
    text_.clear();
    in_item_ = false;
  }

 private:
  void add(std::string_view line) {
    if (const auto item = after_bullet(line); !item.empty()) {
      flush();
      in_item_ = true;
      text_ = item;
      return;
    }
    if (text_.size() > 2 && text_.ends_with('-') && text_[text_.size() - 2] != ' ' && text_[text_.size() - 2] != '-' && begins_small(line))
      text_.pop_back();
    else if (!text_.empty()) text_ += ' ';
    text_ += line;
  }

  TextBuilder& builder_;
  std::string text_;
  bool in_item_ = false;
};

}  // namespace

Result<ExtractedText> extract_pdf(std::string_view bytes, const ExtractionLimits& limits) {
  poppler::set_debug_error_function([](const std::string&, void*) {}, nullptr);
  const std::unique_ptr<poppler::document> document(
      poppler::document::load_from_raw_data(bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT32_MAX))));
  if (!document) return Error{Errc::data_corrupt, "The PDF is damaged and could not be read."};
  if (document->is_locked())
    return Error{Errc::invalid_argument, "The PDF is protected by a password; save it without one and upload it again."};
  const int count = document->pages();
  if (count <= 0) return Error{Errc::data_corrupt, "The PDF is damaged: it has no pages."};
  if (count > limits.pages_max)
    return Error{Errc::invalid_argument, "The PDF has more than " + std::to_string(limits.pages_max) + " pages; upload it in parts."};
  std::vector<Page> pages;
  std::size_t size = 0;
  for (int i = 0; i < count && size <= limits.text_bytes_max; ++i) {
    const std::unique_ptr<poppler::page> page(document->create_page(i));
    if (!page) continue;  // a damaged page costs itself only
    const auto text = to_utf8(page->text(poppler::rectf(), poppler::page::non_raw_non_physical_layout));
    size += text.size();
    pages.push_back(lines_of(text));
  }
  drop_running_heads(pages);
  TextBuilder builder(limits.text_bytes_max);
  Reflow reflow(builder);
  for (const auto& page : pages) reflow.page(page);
  reflow.flush();
  const auto title = to_utf8(document->get_title());
  auto text = builder.take(title);
  if (!text) return text.error();
  return ExtractedText{std::move(*text), pipeline::normalise_spaces(title), count};
}

}  // namespace repartee::documents
