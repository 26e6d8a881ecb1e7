// Cuts a document's text (text_builder.hpp) into the pieces that are searched, embedded and quoted. A chunk ends at a sentence's end,
// begins with the last sentence or two of the one before it where both are of one section, and is headed by the headings it stands under
// ("Museum guide: Opening hours"), so that it can be understood by itself. A heading always begins a new chunk; list items and table rows
// are never cut unless one alone is too long.
// Thread contract: a pure function, deterministic: the same text gives the same chunks. Tokens are estimated as context_window.hpp does.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::documents {

struct ChunkOptions {
  int tokens_target = 200;    // without headings and overlap
  int unit_tokens_max = 300;  // a longer sentence, item or line is cut between words
  int overlap_tokens_max = 50;
  std::size_t overlap_sentences_max = 2;
  std::size_t heading_bytes_max = 200;  // the headings a chunk carries; the outermost give way
  std::size_t chunks_max = 20'000;
};
struct Chunk {
  std::string text;
  int token_count = 0;
};

// invalid_argument: more than chunks_max of them.
Result<std::vector<Chunk>> chunk_text(std::string_view text, const ChunkOptions& options = {});

}  // namespace repartee::documents
