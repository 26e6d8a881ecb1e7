// What kind of file an upload is: its content and its name must say the same.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace repartee::documents {

enum class DocumentType { text, markdown, html, pdf, docx };

const char* to_string(DocumentType type);                // "text", "markdown" ...
Result<DocumentType> type_named(std::string_view name);  // back
const char* content_type_of(DocumentType type);          // "application/pdf" ...

// The name's ending counts, or without one the declared content type; the first bytes must agree. invalid_argument, with the reason for
// the person who uploaded it: an empty file, a kind that is not read, a name that says something else than the content.
Result<DocumentType> detect_type(std::string_view bytes, std::string_view filename, std::string_view content_type);

}  // namespace repartee::documents
