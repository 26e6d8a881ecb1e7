// What holds of every document, however it came: clean text, and chunks within their bounds.
#pragma once
#include <cstdint>
#include <cstdlib>

#include "core/text.hpp"
#include "pipeline/documents/chunker.hpp"
#include "pipeline/documents/extract.hpp"
#include "pipeline/documents/text_encoding.hpp"

namespace repartee::test {

inline void require(bool holds) {
  if (!holds) std::abort();
}

inline int fuzz_document(documents::DocumentType type, const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto extracted = documents::extract(type, bytes, {.text_bytes_max = 1024 * 1024});
  if (!extracted) {
    require(!extracted.error().message.empty());
    return 0;
  }
  require(!extracted->text.empty() && is_utf8(extracted->text) && extracted->text.find('\0') == std::string::npos);
  const auto chunks = documents::chunk_text(extracted->text);
  if (!chunks) return 0;
  // May be none: the mark of a list ("1.") alone is nothing to find.
  for (const auto& chunk : *chunks) require(!chunk.text.empty() && is_utf8(chunk.text) && chunk.token_count > 0 && chunk.token_count < 700);
  return 0;
}

}  // namespace repartee::test
