// The text of an uploaded document, in the form of text_builder.hpp.
// Thread contract: pure; no database, no clock. Hostile files are expected, but the libraries for html, pdf and docx may still crash, hang
// or fill the memory on one: a server calls extraction_process.hpp, which runs this in a process of its own.
// Errors: invalid_argument, data_corrupt: in words for the person who uploaded the file.
#pragma once
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "pipeline/documents/document_type.hpp"

namespace repartee::documents {

struct ExtractionLimits {
  std::size_t bytes_in_max = 25 * 1024 * 1024;
  std::size_t text_bytes_max = 10 * 1024 * 1024;
  int pages_max = 5000;                // of a PDF
  int nesting_max = 1000;              // elements within elements, of html and docx
  std::size_t zip_entries_max = 5000;  // of a docx; and what its parts may become:
  std::size_t zip_part_bytes_max = 64 * 1024 * 1024;
  std::size_t zip_total_bytes_max = 512 * 1024 * 1024;
  std::size_t zip_ratio_max = 200;  // unpacked to packed, beyond the first megabyte
};

struct ExtractedText {
  std::string text;   // UTF-8, never empty
  std::string title;  // what the document calls itself; may be empty
  int pages = 0;      // of a PDF
};

Result<ExtractedText> extract(DocumentType type, std::string_view bytes, const ExtractionLimits& limits = {});
// With detect_type before it.
Result<ExtractedText> extract(std::string_view bytes, std::string_view filename, std::string_view content_type,
                              const ExtractionLimits& limits = {});

// One file each.
Result<ExtractedText> extract_text(std::string_view bytes, const ExtractionLimits& limits);
Result<ExtractedText> extract_markdown(std::string_view bytes, const ExtractionLimits& limits);
Result<ExtractedText> extract_html(std::string_view bytes, const ExtractionLimits& limits);
Result<ExtractedText> extract_pdf(std::string_view bytes, const ExtractionLimits& limits);
Result<ExtractedText> extract_docx(std::string_view bytes, const ExtractionLimits& limits);

}  // namespace repartee::documents
