#include "pipeline/documents/document_type.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "pipeline/text_rules.hpp"

namespace repartee::documents {
namespace {

constexpr const char* readable = "Only txt, md, html, pdf and docx files can be read.";
constexpr std::size_t pdf_header_within = 1024;  // readers look that far for "%PDF-"

struct Known {
  DocumentType type;
  const char *name, *content_type, *spoken;
};
constexpr std::array known{
    Known{DocumentType::text, "text", "text/plain", "plain text"},
    Known{DocumentType::markdown, "markdown", "text/markdown", "Markdown"},
    Known{DocumentType::html, "html", "text/html", "a web page"},
    Known{DocumentType::pdf, "pdf", "application/pdf", "a PDF"},
    Known{DocumentType::docx, "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document"},
};
const Known& of(DocumentType type) { return known[static_cast<std::size_t>(type)]; }

constexpr std::array<std::pair<std::string_view, DocumentType>, 8> endings{{{".txt", DocumentType::text},
                                                                            {".text", DocumentType::text},
                                                                            {".md", DocumentType::markdown},
                                                                            {".markdown", DocumentType::markdown},
                                                                            {".html", DocumentType::html},
                                                                            {".htm", DocumentType::html},
                                                                            {".pdf", DocumentType::pdf},
                                                                            {".docx", DocumentType::docx}}};

struct Foreign {
  std::string_view magic;
  const char* spoken;
};
constexpr std::array foreign{
    Foreign{{"\xD0\xCF\x11\xE0", 4}, "an old or password-protected Office file; save it as .docx without a password"},
    Foreign{"{\\rtf", "rich text; save it as .docx"},
    Foreign{"\x89PNG", "a picture"},
    Foreign{"\xFF\xD8\xFF", "a picture"},
    Foreign{"GIF8", "a picture"},
    Foreign{"RIFF", "a recording or a picture"},
    Foreign{"OggS", "a recording"},
    Foreign{"ID3", "a recording"},
    Foreign{"fLaC", "a recording"},
    Foreign{"\x1F\x8B", "a compressed file; unpack it"},
    Foreign{"Rar!", "an archive; unpack it"},
    Foreign{"7z\xBC\xAF", "an archive; unpack it"},
    Foreign{"\x7F"
            "ELF",
            "a program"},
    Foreign{{"SQLite format 3\0", 16}, "a database"},
};

Error refused(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

std::optional<DocumentType> by_ending(std::string_view lower_name) {
  for (const auto& [ending, type] : endings)
    if (lower_name.ends_with(ending)) return type;
  return std::nullopt;
}

bool has_ending(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.size() - dot > 10) return false;
  const auto ending = name.substr(dot + 1);
  return ending.find(' ') == std::string_view::npos && ending.find_first_not_of("0123456789") != std::string_view::npos;
}

std::optional<DocumentType> by_content_type(std::string_view content_type) {
  const auto bare = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  for (const auto& kind : known)
    if (bare == kind.content_type) return kind.type;
  return std::nullopt;
}

bool begins_as_html(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const auto head = to_lower(trim(bytes.substr(0, 512)));
  return head.starts_with("<!doctype html") || head.starts_with("<html") ||
         (head.starts_with("<?xml") && head.find("<html") != std::string::npos);
}

// What the bytes cannot be mistaken for; none: some text, or nothing we know.
std::optional<DocumentType> by_bytes(std::string_view bytes) {
  if (bytes.starts_with("PK\x03\x04")) return DocumentType::docx;
  if (bytes.substr(0, pdf_header_within).find("%PDF-") != std::string_view::npos) return DocumentType::pdf;
  if (begins_as_html(bytes)) return DocumentType::html;
  return std::nullopt;
}

}  // namespace

const char* to_string(DocumentType type) { return of(type).name; }

Result<DocumentType> type_named(std::string_view name) {
  for (const auto& kind : known)
    if (name == kind.name) return kind.type;
  return refused("there is no such type of document");
}

const char* content_type_of(DocumentType type) { return of(type).content_type; }

Result<DocumentType> detect_type(std::string_view bytes, std::string_view filename, std::string_view content_type) {
  if (bytes.empty()) return refused("The file is empty.");
  const auto name = to_lower(filename);
  for (const auto& kind : foreign)
    if (bytes.starts_with(kind.magic)) return refused(std::string("The file is ") + kind.spoken + ". " + readable);
  auto said = by_ending(name);
  if (!said && has_ending(name)) return refused(std::string("A file with this ending cannot be read. ") + readable);
  if (!said) said = by_content_type(content_type);
  const auto found = by_bytes(bytes);
  if (!said && !found) return refused(std::string("The file's name does not say what it is. ") + readable);
  if (!said || !found || *said == *found) {
    const auto type = said ? *said : *found;
    if (!found && (type == DocumentType::pdf || type == DocumentType::docx))
      return refused(std::string("The file's name says that it is ") + of(type).spoken + ", but its content is not.");
    return type;
  }
  // A PDF's header may stand a little inside, and so may a text about PDFs quote it.
  const bool is_text = *said == DocumentType::text || *said == DocumentType::markdown || *said == DocumentType::html;
  if (*found == DocumentType::pdf && is_text && !bytes.starts_with("%PDF-")) return *said;
  const std::string content = *found == DocumentType::docx ? "a zip archive or a Word document" : of(*found).spoken;
  return refused(std::string("The file's name says that it is ") + of(*said).spoken + ", but its content is " + content + ".");
}

}  // namespace repartee::documents
