// Moonshine's token table and what is done with tokens: to text, and recognising a decoder that went round in circles.
// The table is Llama's, as the npm package llama-tokenizer-js carries it: 32,000 pieces, newline-separated, in base64, inside a
// JavaScript file. Moonshine adds 768 special tokens after them, which make no text.
// Thread contract: const members from any thread.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace repartee::pipeline {

class MoonshineTokens {
 public:
  using Id = std::int64_t;
  static constexpr Id start = 1, end = 2;
  static constexpr std::size_t pieces = 32000, size = 32768;

  // Errors: not_found, data_corrupt.
  static Result<MoonshineTokens> load(const std::filesystem::path& llama_tokenizer_js);
  // Trimmed text. Unknown and special tokens are left out; bytes that make no valid UTF-8 become U+FFFD.
  std::string text(std::span<const Id> tokens) const;

 private:
  std::vector<std::string> pieces_;  // with spaces and bytes already in plain form
};

// How many tokens to keep of a decoding that was cut off by the token limit. A person who repeats himself stops, and so does the
// decoder; one that repeats until the limit is in a loop. The rule: if the tokens end with a phrase of 1 to 16 tokens said at least
// 4 times without a pause (a last one may be incomplete), all but the first time is dropped; if nothing but the phrase
// was said, everything is.
std::size_t length_without_loop(std::span<const MoonshineTokens::Id> tokens);

}  // namespace repartee::pipeline
