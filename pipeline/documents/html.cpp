// Web pages, parsed by gumbo as browsers do: title, headings, paragraphs, lists, tables. What is not read (scripts, styles, navigation,
// what is hidden) is dropped. The tree is walked without recursion.
#include <gumbo.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "pipeline/documents/extract.hpp"
#include "pipeline/documents/text_builder.hpp"
#include "pipeline/documents/text_encoding.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

constexpr std::size_t cell_bytes_max = 600;  // a table with longer cells is there for the looks: its cells are paragraphs

template <std::size_t N>
bool is_one_of(GumboTag tag, const std::array<GumboTag, N>& tags) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

constexpr std::array unread{GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_NAV,    GUMBO_TAG_NOSCRIPT, GUMBO_TAG_TEMPLATE, GUMBO_TAG_IFRAME,
                            GUMBO_TAG_OBJECT, GUMBO_TAG_SVG,   GUMBO_TAG_BUTTON, GUMBO_TAG_SELECT,   GUMBO_TAG_TEXTAREA, GUMBO_TAG_CANVAS,
                            GUMBO_TAG_AUDIO,  GUMBO_TAG_VIDEO, GUMBO_TAG_MAP,    GUMBO_TAG_APPLET,   GUMBO_TAG_EMBED};
constexpr std::array blocks{GUMBO_TAG_P,          GUMBO_TAG_DIV,        GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE, GUMBO_TAG_MAIN,
                            GUMBO_TAG_ASIDE,      GUMBO_TAG_HEADER,     GUMBO_TAG_FOOTER,  GUMBO_TAG_UL,      GUMBO_TAG_OL,
                            GUMBO_TAG_DL,         GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_ADDRESS, GUMBO_TAG_FORM,    GUMBO_TAG_FIGURE,
                            GUMBO_TAG_FIGCAPTION, GUMBO_TAG_FIELDSET,   GUMBO_TAG_DETAILS, GUMBO_TAG_SUMMARY, GUMBO_TAG_BODY,
                            GUMBO_TAG_CENTER,     GUMBO_TAG_CAPTION,    GUMBO_TAG_HGROUP};

bool is_hidden(const GumboElement& element) {
  const auto* role = gumbo_get_attribute(&element.attributes, "role");
  const auto* aria = gumbo_get_attribute(&element.attributes, "aria-hidden");
  return gumbo_get_attribute(&element.attributes, "hidden") || (aria && std::string_view(aria->value) == "true") ||
         (role && std::string_view(role->value) == "navigation");
}

// Elements open at once, as near as a scan can tell: whoever nests that deep wants the parser's stack and time, not to be read. Elements
// that end by themselves are not counted.
bool nests_deeper_than(std::string_view html, int depth_max) {
  constexpr std::array<std::string_view, 25> not_counted{"p",     "li",    "td",    "tr",     "th",     "dt",   "dd",      "br",   "hr",
                                                         "img",   "input", "meta",  "link",   "option", "col",  "area",    "base", "wbr",
                                                         "tbody", "thead", "tfoot", "source", "body",   "html", "optgroup"};
  int depth = 0;
  for (std::size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
    const bool closes = at + 1 < html.size() && html[at + 1] == '/';
    const auto from = at + (closes ? 2 : 1);
    std::size_t end = from;
    while (end < html.size() && end - from < 16 && ((html[end] | 0x20) >= 'a' && (html[end] | 0x20) <= 'z')) ++end;
    if (end == from) continue;
    const auto name = to_lower(html.substr(from, end - from));
    if (std::find(not_counted.begin(), not_counted.end(), name) != not_counted.end()) continue;
    depth = closes ? std::max(depth - 1, 0) : depth + 1;
    if (depth > depth_max) return true;
  }
  return false;
}

class Walker {
 public:
  explicit Walker(const ExtractionLimits& limits) : builder_(limits.text_bytes_max) {}

  Result<ExtractedText> read(const GumboNode* root) {
    const GumboNode* node = root;
    bool entering = true;
    while (node && !builder_.full()) {
      if (entering && !enter(*node)) entering = false;  // its children are left out
      const auto* children = entering ? children_of(*node) : nullptr;
      if (children && children->length > 0) {
        node = static_cast<const GumboNode*>(children->data[0]);
        continue;
      }
      leave(*node);
      if (node == root) break;
      const auto* siblings = children_of(*node->parent);
      const auto next = node->index_within_parent + 1;
      entering = next < siblings->length;
      node = entering ? static_cast<const GumboNode*>(siblings->data[next]) : node->parent;
    }
    flush();
    auto text = builder_.take(title_);
    if (!text) return text.error();
    return ExtractedText{std::move(*text), pipeline::normalise_spaces(title_), 0};
  }

 private:
  enum class Kind { paragraph, item, heading, term, definition, code, title };
  struct Block {
    const GumboNode* node;
    Kind kind;
    int level = 0;
  };

  static const GumboVector* children_of(const GumboNode& node) {
    if (node.type == GUMBO_NODE_DOCUMENT) return &node.v.document.children;
    if (node.type == GUMBO_NODE_ELEMENT || node.type == GUMBO_NODE_TEMPLATE) return &node.v.element.children;
    return nullptr;
  }

  bool enter(const GumboNode& node) {
    if (node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE || node.type == GUMBO_NODE_CDATA) {
      append(node.v.text.text);
      return true;
    }
    if (node.type != GUMBO_NODE_ELEMENT) return node.type == GUMBO_NODE_DOCUMENT;
    const auto tag = node.v.element.tag;
    if (is_one_of(tag, unread) || is_hidden(node.v.element)) return false;
    if (tag == GUMBO_TAG_BR || tag == GUMBO_TAG_HR) buffer_ += '\n';
    else if (tag == GUMBO_TAG_TITLE && title_.empty()) open(node, Kind::title);
    else if (tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6)
      open(node, Kind::heading, static_cast<int>(tag) - static_cast<int>(GUMBO_TAG_H1) + 1);
    else if (tag == GUMBO_TAG_LI) open(node, Kind::item);
    else if (tag == GUMBO_TAG_DT) open(node, Kind::term);
    else if (tag == GUMBO_TAG_DD) open(node, Kind::definition);
    else if (tag == GUMBO_TAG_PRE) open(node, Kind::code);
    else if (tag == GUMBO_TAG_TABLE) open_table(node);
    else if (tag == GUMBO_TAG_TR && table_depth_ == 1) open_row();
    else if ((tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH) && table_depth_ == 1) open_cell(tag == GUMBO_TAG_TH);
    else if (is_one_of(tag, blocks)) open(node, blocks_.empty() ? Kind::paragraph : inherited());
    return true;
  }

  // A paragraph within a list item or a definition is that one's text.
  Kind inherited() const {
    const auto kind = blocks_.back().kind;
    return kind == Kind::item || kind == Kind::definition || kind == Kind::term ? kind : Kind::paragraph;
  }

  void leave(const GumboNode& node) {
    if (!blocks_.empty() && blocks_.back().node == &node) {
      flush();
      blocks_.pop_back();
    }
    if (node.type == GUMBO_NODE_ELEMENT && node.v.element.tag == GUMBO_TAG_TABLE && table_depth_ > 0 && --table_depth_ == 0) close_table();
  }

  void open(const GumboNode& node, Kind kind, int level = 0) {
    flush();
    blocks_.push_back({&node, kind, level});
  }
  void open_table(const GumboNode& node) {
    if (table_depth_ == 0) open(node, Kind::paragraph);
    ++table_depth_;
  }
  void open_row() {
    flush();
    rows_.emplace_back();
  }
  void open_cell(bool is_header) {
    flush();
    if (rows_.empty()) rows_.emplace_back();
    rows_.back().emplace_back();
    header_cells_ += is_header && rows_.size() == 1 ? 1 : 0;
  }
  void close_table() {
    const bool for_looks = std::any_of(rows_.begin(), rows_.end(), [](const auto& row) {
      return std::any_of(row.begin(), row.end(), [](const auto& cell) { return cell.size() > cell_bytes_max; });
    });
    if (for_looks) {
      for (const auto& row : rows_)
        for (const auto& cell : row) builder_.paragraph(cell);
    } else {
      builder_.table(rows_, !rows_.empty() && header_cells_ > 0 && header_cells_ + 1 >= rows_[0].size());
    }
    rows_.clear();
    header_cells_ = 0;
  }

  void append(std::string_view text) {
    const bool keeps_lines = !blocks_.empty() && blocks_.back().kind == Kind::code;
    for (const char c : clean_text(text)) buffer_ += c == '\n' && !keeps_lines ? ' ' : c;
  }

  void flush() {
    if (trim(buffer_).empty()) return buffer_.clear();
    const auto kind = blocks_.empty() ? Kind::paragraph : blocks_.back().kind;
    if (kind == Kind::title) title_ += buffer_;
    else if (table_depth_ > 0) {
      if (!rows_.empty() && !rows_.back().empty()) rows_.back().back() += " " + buffer_;
      else builder_.paragraph(buffer_);  // its caption
    } else {
      write(kind);
    }
    buffer_.clear();
  }

  void write(Kind kind) {
    switch (kind) {
      case Kind::heading: return builder_.heading(blocks_.back().level, buffer_);
      case Kind::item: return builder_.item(buffer_);
      case Kind::code: return builder_.code(buffer_);
      case Kind::term: term_ = pipeline::normalise_spaces(buffer_); return;
      case Kind::definition: builder_.item(term_.empty() ? buffer_ : term_ + ": " + buffer_); return term_.clear();
      default: return builder_.paragraph(buffer_);
    }
  }

  TextBuilder builder_;
  std::string title_, buffer_, term_;
  std::vector<Block> blocks_;
  std::vector<TextBuilder::Cells> rows_;  // of the outermost table
  std::size_t header_cells_ = 0;
  int table_depth_ = 0;
};

}  // namespace

Result<ExtractedText> extract_html(std::string_view bytes, const ExtractionLimits& limits) {
  const auto decoded = decode_text(bytes);
  if (!decoded) return decoded.error();
  if (nests_deeper_than(*decoded, limits.nesting_max)) return Error{Errc::invalid_argument, "The page's elements are nested too deeply."};
  const std::unique_ptr<GumboOutput, void (*)(GumboOutput*)> page(
      gumbo_parse_with_options(&kGumboDefaultOptions, decoded->data(), decoded->size()),
      [](GumboOutput* output) { gumbo_destroy_output(&kGumboDefaultOptions, output); });
  if (!page) return Error{Errc::data_corrupt, "The page could not be read."};
  return Walker(limits).read(page->document);
}

}  // namespace repartee::documents
