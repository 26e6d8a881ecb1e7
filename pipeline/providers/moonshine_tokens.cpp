#include "pipeline/providers/moonshine_tokens.hpp"

#include <array>
#include <fstream>
#include <iterator>
#include <string_view>

#include "core/text.hpp"
#include "pipeline/onnx_runtime.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t table_file_bytes_max = 4 << 20;
constexpr std::string_view table_name = "llama_vocab_base64 = \"";
constexpr std::string_view word_mark = "\xE2\x96\x81";  // U+2581, a space in front of a word
constexpr std::string_view replacement = "\xEF\xBF\xBD";

constexpr std::array<std::int8_t, 256> base64_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}

Result<std::string> from_base64(std::string_view text) {
  static constexpr auto values = base64_values();
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return Error{Errc::data_corrupt, "the token table is not base64"};
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return bytes;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "<0x0A>" is a byte; the word mark is a space.
std::string plain_piece(std::string_view piece) {
  if (piece.size() == 6 && piece.starts_with("<0x") && piece.back() == '>' && hex_digit(piece[3]) >= 0 && hex_digit(piece[4]) >= 0)
    return std::string(1, static_cast<char>(hex_digit(piece[3]) * 16 + hex_digit(piece[4])));
  std::string plain;
  for (std::size_t i = 0; i < piece.size();) {
    if (piece.substr(i).starts_with(word_mark)) {
      plain.push_back(' ');
      i += word_mark.size();
    } else {
      plain.push_back(piece[i++]);
    }
  }
  return plain;
}

// How long the UTF-8 character at the front is; 0: it is not one (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((at(i) & 0xC0) != 0x80) return 0;
  const bool is_overlong = (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xF0 && at(1) < 0x90);
  const bool is_surrogate = lead == 0xED && at(1) >= 0xA0;
  const bool is_beyond = lead == 0xF4 && at(1) >= 0x90;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    valid.append(length == 0 ? replacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace

Result<MoonshineTokens> MoonshineTokens::load(const std::filesystem::path& file) {
  if (auto there = require_model_file(file); !there) return there.error();
  const auto corrupt = [&](const char* why) { return Error{Errc::data_corrupt, file.string() + ": " + why}; };
  std::error_code failed;
  if (std::filesystem::file_size(file, failed) > table_file_bytes_max || failed) return corrupt("too long for a token table");
  std::ifstream in(file, std::ios::binary);
  const std::string script((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto begin = script.find(table_name);
  if (begin == std::string::npos) return corrupt("no token table inside");
  const auto from = begin + table_name.size();
  const auto to = script.find('"', from);
  if (to == std::string::npos) return corrupt("the token table does not end");
  auto table = from_base64(std::string_view(script).substr(from, to - from));
  if (!table) return corrupt(table.error().message.c_str());

  MoonshineTokens tokens;
  tokens.pieces_.reserve(pieces);
  for (std::string_view rest = *table; tokens.pieces_.size() <= pieces;) {
    const auto line_end = rest.find('\n');
    tokens.pieces_.push_back(plain_piece(rest.substr(0, line_end)));
    if (line_end == std::string_view::npos) break;
    rest.remove_prefix(line_end + 1);
  }
  if (tokens.pieces_.size() != pieces) return corrupt("the token table does not have 32,000 pieces");
  return tokens;
}

std::string MoonshineTokens::text(std::span<const Id> tokens) const {
  std::string joined;
  for (const Id id : tokens)
    if (id > end && id < static_cast<Id>(pieces_.size())) joined += pieces_[static_cast<std::size_t>(id)];
  return valid_utf8(trim(joined));
}

std::size_t length_without_loop(std::span<const MoonshineTokens::Id> tokens) {
  constexpr std::size_t phrase_tokens_max = 16, times_min = 4;
  for (std::size_t phrase = 1; phrase <= phrase_tokens_max; ++phrase) {
    std::size_t same = 0;  // tokens at the end that equal the one a phrase before
    while (same + phrase < tokens.size() && tokens[tokens.size() - 1 - same] == tokens[tokens.size() - 1 - same - phrase]) ++same;
    if (same < phrase * (times_min - 1)) continue;
    const std::size_t loop_begin = tokens.size() - same - phrase;
    return loop_begin == 0 ? 0 : loop_begin + phrase;
  }
  return tokens.size();
}

}  // namespace repartee::pipeline
