#include "pipeline/documents/extract.hpp"

#include "pipeline/documents/text_builder.hpp"
#include "pipeline/documents/text_encoding.hpp"

namespace repartee::documents {
namespace {

// Paragraphs are what blank lines separate; their lines stay lines.
void add_paragraphs(std::string_view text, TextBuilder& builder) {
  std::string paragraph;
  while (!text.empty() && !builder.full()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    if (line.find_first_not_of(" \t") == std::string_view::npos) {
      builder.paragraph(paragraph);
      paragraph.clear();
    } else {
      paragraph.append(line) += '\n';
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  builder.paragraph(paragraph);
}

}  // namespace

Result<ExtractedText> extract_text(std::string_view bytes, const ExtractionLimits& limits) {
  auto decoded = decode_text(bytes);
  if (!decoded) return decoded.error();
  TextBuilder builder(limits.text_bytes_max);
  add_paragraphs(*decoded, builder);
  auto text = builder.take("");
  if (!text) return text.error();
  return ExtractedText{std::move(*text), "", 0};
}

Result<ExtractedText> extract(DocumentType type, std::string_view bytes, const ExtractionLimits& limits) {
  if (bytes.size() > limits.bytes_in_max)
    return Error{Errc::invalid_argument, "The file is larger than " + std::to_string(limits.bytes_in_max / (1024 * 1024)) + " MB."};
  switch (type) {
    case DocumentType::text: return extract_text(bytes, limits);
    case DocumentType::markdown: return extract_markdown(bytes, limits);
    case DocumentType::html: return extract_html(bytes, limits);
    case DocumentType::pdf: return extract_pdf(bytes, limits);
    case DocumentType::docx: return extract_docx(bytes, limits);
  }
  return Error{Errc::internal, "an unknown type of document"};
}

Result<ExtractedText> extract(std::string_view bytes, std::string_view filename, std::string_view content_type,
                              const ExtractionLimits& limits) {
  const auto type = detect_type(bytes, filename, content_type);
  if (!type) return type.error();
  return extract(*type, bytes, limits);
}

}  // namespace repartee::documents
