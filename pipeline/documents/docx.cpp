// Word documents (ECMA-376, WordprocessingML): paragraphs, headings by style or outline level, lists, tables, foot- and endnotes. Text that
// was deleted under revision is left out, inserted text is in.
#include <cstring>
#include <map>
#include <pugixml.hpp>
#include <vector>

#include "pipeline/documents/extract.hpp"
#include "pipeline/documents/text_builder.hpp"
#include "pipeline/documents/text_encoding.hpp"
#include "pipeline/documents/zip_parts.hpp"
#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

using pugi::xml_node;

bool is(const xml_node& node, const char* name) { return std::strcmp(node.name(), name) == 0; }

// Nothing is expanded by the parser, and nothing fetched; a DOCTYPE has no business in a Word document.
Status parse(const std::string& xml, int nesting_max, pugi::xml_document& document) {
  int depth = 0;
  for (std::size_t at = xml.find('<'); at != std::string::npos;) {
    const auto end = xml.find('>', at);
    if (end == std::string::npos) break;
    if (xml[at + 1] == '/') --depth;
    else if (xml[at + 1] != '?' && xml[at + 1] != '!' && xml[end - 1] != '/') ++depth;
    at = xml.find('<', end);
    if (depth > nesting_max) return Error{Errc::invalid_argument, "The document's elements are nested too deeply."};
  }
  const auto parsed =
      document.load_buffer(xml.data(), xml.size(), (pugi::parse_default & ~pugi::parse_eol) | pugi::parse_doctype | pugi::parse_ws_pcdata);
  if (!parsed) return Error{Errc::data_corrupt, "The document is damaged and could not be read."};
  for (const auto& node : document.children())
    if (node.type() == pugi::node_doctype)
      return Error{Errc::invalid_argument, "The document defines entities of its own, and is refused."};
  return {};
}

int level_in_name(std::string_view style) {  // "Heading 2", "heading2", "Title"
  const auto name = to_lower(style);
  if (name == "title") return 1;
  constexpr std::string_view heading = "heading";
  if (!name.starts_with(heading) || name.size() == heading.size()) return 0;
  const char digit = name.back();
  return digit >= '1' && digit <= '6' && name.size() <= heading.size() + 2 ? digit - '0' : 0;
}

// Style ids (which Word translates) to heading levels, by the styles' English names or outline levels.
std::map<std::string, int> heading_styles(const pugi::xml_document& styles) {
  std::map<std::string, int> levels;
  for (const auto& style : styles.child("w:styles").children("w:style")) {
    int level = level_in_name(style.child("w:name").attribute("w:val").value());
    const auto outline = style.child("w:pPr").child("w:outlineLvl").attribute("w:val");
    if (level == 0 && outline && outline.as_int(9) < 6) level = outline.as_int() + 1;
    if (level > 0) levels[style.attribute("w:styleId").value()] = level;
  }
  return levels;
}

// The next node in document order within `root`; with `into` false without what is below `node`.
xml_node following(xml_node node, const xml_node& root, bool into) {
  if (into && node.first_child()) return node.first_child();
  while (node != root) {
    if (node.next_sibling()) return node.next_sibling();
    node = node.parent();
  }
  return {};
}

bool is_skipped(const xml_node& node) {
  for (const char* name :
       {"w:del", "w:moveFrom", "w:instrText", "w:delText", "mc:Fallback", "w:pPr", "w:rPr", "w:tblPr", "w:sectPr", "w:rt"})
    if (is(node, name)) return true;
  return false;
}

std::string text_of(const xml_node& root) {
  std::string text;
  for (xml_node node = following(root, root, true); node;) {
    const bool skipped = is_skipped(node);
    if (!skipped && is(node, "w:t")) text += node.child_value();
    else if (is(node, "w:tab")) text += ' ';
    else if (is(node, "w:br") || is(node, "w:cr") || (is(node, "w:p") && !text.empty())) text += '\n';
    else if (is(node, "w:noBreakHyphen")) text += '-';
    node = following(node, root, !skipped);
  }
  return clean_text(text);
}

class Reader {
 public:
  Reader(std::map<std::string, int> styles, TextBuilder& builder) : styles_(std::move(styles)), builder_(builder) {}

  // Paragraphs and tables wherever they stand: in the body, in content controls, in notes.
  void read(const xml_node& root) {
    for (xml_node node = following(root, root, true); node && !builder_.full();) {
      const bool whole = is(node, "w:p") || is(node, "w:tbl");
      if (is(node, "w:p")) paragraph(node);
      else if (is(node, "w:tbl")) table(node);
      node = following(node, root, !whole && !is_skipped(node));
    }
  }

  std::string title;

 private:
  void paragraph(const xml_node& node) {
    const auto text = text_of(node);
    const auto properties = node.child("w:pPr");
    const std::string style = properties.child("w:pStyle").attribute("w:val").value();
    int level = level_in_name(style);
    if (const auto known = styles_.find(style); known != styles_.end()) level = known->second;
    if (const auto outline = properties.child("w:outlineLvl").attribute("w:val"); outline && outline.as_int(9) < 6)
      level = outline.as_int() + 1;
    if (level > 0) {
      if (title.empty() && level == 1) title = pipeline::normalise_spaces(text);
      builder_.heading(level, text);
    } else if (properties.child("w:numPr") || style.starts_with("List")) {
      builder_.item(text);
    } else {
      builder_.paragraph(text);
    }
  }

  void table(const xml_node& node) {
    std::vector<TextBuilder::Cells> rows;
    for (const auto& row : node.children("w:tr")) {
      rows.emplace_back();
      for (const auto& cell : row.children("w:tc")) rows.back().push_back(text_of(cell));
    }
    builder_.table(rows, !!node.child("w:tr").child("w:trPr").child("w:tblHeader"));
  }

  const std::map<std::string, int> styles_;
  TextBuilder& builder_;
};

}  // namespace

Result<ExtractedText> extract_docx(std::string_view bytes, const ExtractionLimits& limits) {
  auto parts = ZipParts::open(bytes, limits);
  if (!parts) return parts.error();
  auto xml = parts->read("word/document.xml");
  if (!xml)
    return xml.error().code == Errc::not_found ? Error{Errc::invalid_argument, "The file is a zip archive, but no Word document."}
                                               : xml.error();
  pugi::xml_document document;
  if (auto parsed = parse(*xml, limits.nesting_max, document); !parsed) return parsed.error();
  std::map<std::string, int> styles;
  if (const auto part = parts->read("word/styles.xml")) {
    pugi::xml_document sheet;
    if (auto parsed = parse(*part, limits.nesting_max, sheet); !parsed) return parsed.error();
    styles = heading_styles(sheet);
  }
  TextBuilder builder(limits.text_bytes_max);
  Reader reader(std::move(styles), builder);
  reader.read(document.child("w:document").child("w:body"));
  for (const char* name : {"word/footnotes.xml", "word/endnotes.xml"}) {
    const auto part = parts->read(name);
    pugi::xml_document notes;
    if (!part) continue;
    if (auto parsed = parse(*part, limits.nesting_max, notes); !parsed) return parsed.error();
    reader.read(notes.document_element());
  }
  std::string title = reader.title;
  if (const auto core = parts->read("docProps/core.xml")) {
    pugi::xml_document properties;
    if (auto parsed = parse(*core, limits.nesting_max, properties); !parsed) return parsed.error();
    const std::string named = properties.document_element().child("dc:title").child_value();
    if (pipeline::has_letter_or_digit(named)) title = pipeline::normalise_spaces(clean_text(named));
  }
  auto text = builder.take(title);
  if (!text) return text.error();
  return ExtractedText{std::move(*text), title, 0};
}

}  // namespace repartee::documents
