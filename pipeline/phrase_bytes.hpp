// Spoken text as bytes: the form the cache keeps in memory (samples as they are, so that a hit costs one copy), and the packed one it keeps
// in a table (FLAC: lossless, so a hit sounds exactly as the first time; about half the size).
// A phrase: u32 rate, u32 word count, for each word i64 start_ms, i64 end_ms, u32 length, text, u32 viseme count, for each viseme i32 id, i64 start_ms;
// then the samples, or FLAC. Host byte order.
// Thread contract: pure functions, any thread. Packing costs milliseconds: never on a loop.
// Errors: nullopt for bytes that are no phrase; they are not trusted.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

constexpr const char* phrase_bytes_version = "2";   // of this form; part of every key, so that what another version wrote is not found

struct Phrase {
  int rate_hz = 0;
  Samples samples;
  std::vector<WordTime> words;
};

std::string phrase_to_bytes(const Phrase& phrase);
std::optional<Phrase> phrase_from_bytes(std::string_view bytes);
std::optional<std::string> pack_phrase(std::string_view bytes);
std::optional<std::string> unpack_phrase(std::string_view packed);

}  // namespace repartee::pipeline
