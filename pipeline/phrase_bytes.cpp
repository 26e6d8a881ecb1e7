#include "pipeline/phrase_bytes.hpp"

#include <cstring>

#include "pipeline/audio_file.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::uint32_t words_max = 10'000, visemes_max = 1000, rate_max_hz = 192'000;

template <class T>
void append(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

template <class T>
bool take(std::string_view& in, T& value) {
  if (in.size() < sizeof value) return false;
  std::memcpy(&value, in.data(), sizeof value);
  in.remove_prefix(sizeof value);
  return true;
}

// Reads rate and words; leaves the audio in `in`.
bool take_head(std::string_view& in, Phrase& phrase) {
  std::uint32_t rate_hz = 0, words = 0;
  if (!take(in, rate_hz) || !take(in, words) || rate_hz == 0 || rate_hz > rate_max_hz || words > words_max) return false;
  phrase.rate_hz = static_cast<int>(rate_hz);
  for (std::uint32_t i = 0; i < words; ++i) {
    WordTime word;
    std::uint32_t length = 0;
    if (!take(in, word.start_ms) || !take(in, word.end_ms) || !take(in, length) || length > in.size()) return false;
    word.text = in.substr(0, length);
    in.remove_prefix(length);
    std::uint32_t visemes = 0;
    if (!take(in, visemes) || visemes > visemes_max) return false;
    word.visemes.resize(visemes);
    for (auto& viseme : word.visemes)
      if (!take(in, viseme.id) || !take(in, viseme.start_ms)) return false;
    phrase.words.push_back(std::move(word));
  }
  return true;
}

std::string head_of(const Phrase& phrase) {
  std::string out;
  append(out, static_cast<std::uint32_t>(phrase.rate_hz));
  append(out, static_cast<std::uint32_t>(phrase.words.size()));
  for (const auto& word : phrase.words) {
    append(out, word.start_ms);
    append(out, word.end_ms);
    append(out, static_cast<std::uint32_t>(word.text.size()));
    out += word.text;
    append(out, static_cast<std::uint32_t>(word.visemes.size()));
    for (const auto& viseme : word.visemes) {
      append(out, viseme.id);
      append(out, viseme.start_ms);
    }
  }
  return out;
}

}  // namespace

std::string phrase_to_bytes(const Phrase& phrase) {
  std::string out = head_of(phrase);
  out.append(reinterpret_cast<const char*>(phrase.samples.data()), phrase.samples.size() * sizeof(std::int16_t));
  return out;
}

std::optional<Phrase> phrase_from_bytes(std::string_view bytes) {
  Phrase phrase;
  if (!take_head(bytes, phrase) || bytes.size() % sizeof(std::int16_t) != 0) return std::nullopt;
  phrase.samples.resize(bytes.size() / sizeof(std::int16_t));
  if (!bytes.empty()) std::memcpy(phrase.samples.data(), bytes.data(), bytes.size());
  return phrase;
}

std::optional<std::string> pack_phrase(std::string_view bytes) {
  auto phrase = phrase_from_bytes(bytes);
  if (!phrase) return std::nullopt;
  std::string out = head_of(*phrase);
  const auto flac = write_audio({.samples = std::move(phrase->samples), .rate_hz = phrase->rate_hz}, AudioFileFormat::flac);
  if (!flac) return std::nullopt;
  out.append(reinterpret_cast<const char*>(flac->data()), flac->size());
  return out;
}

std::optional<std::string> unpack_phrase(std::string_view packed) {
  Phrase phrase;
  if (!take_head(packed, phrase)) return std::nullopt;
  auto audio = read_audio({reinterpret_cast<const std::uint8_t*>(packed.data()), packed.size()}, phrase.rate_hz);
  if (!audio) return std::nullopt;
  phrase.samples = std::move(audio->samples);
  return phrase_to_bytes(phrase);
}

}  // namespace repartee::pipeline
