#include "realtime/protocol/base64.hpp"

#include <array>
#include <cassert>

#include "realtime/protocol/base64_avx2.hpp"

namespace repartee::realtime::base64 {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Two characters for each 12 bits: half the look-ups of the plain table, and 8 KB stay in the first-level cache.
constexpr auto pairs = [] {
  std::array<char, 8192> table{};
  for (std::size_t i = 0; i < 4096; ++i) {
    table[2 * i] = alphabet[i >> 6];
    table[2 * i + 1] = alphabet[i & 63];
  }
  return table;
}();

constexpr std::uint8_t not_in_alphabet = 0x80;
constexpr auto values = [] {
  std::array<std::uint8_t, 256> table{};
  for (auto& value : table) value = not_in_alphabet;
  for (std::size_t i = 0; i < alphabet.size(); ++i) table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

std::uint32_t value_of(char c) { return values[static_cast<unsigned char>(c)]; }

Error bad(std::string message) { return {Errc::invalid_argument, std::move(message)}; }

Error bad_character(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && value_of(text[at]) != not_in_alphabet) ++at;
  return bad("not a base64 character at position " + std::to_string(at));
}

// What the processor can do at once: how much of the front was done, a multiple of three bytes or four characters; nothing, maybe.
std::size_t encode_front([[maybe_unused]] std::span<const std::uint8_t> bytes, [[maybe_unused]] char* to) {
#ifdef REPARTEE_BASE64_X86
  if (__builtin_cpu_supports("avx2")) return avx2::encode(bytes.data(), bytes.size(), to);
#endif
  return 0;
}
std::size_t decode_front([[maybe_unused]] std::string_view text, [[maybe_unused]] char* to) {
#ifdef REPARTEE_BASE64_X86
  if (__builtin_cpu_supports("avx2")) return avx2::decode(text.data(), text.size(), to);
#endif
  return 0;
}

}  // namespace

void append_encoded(std::string& out, std::span<const std::uint8_t> bytes) {
  const std::size_t start = out.size();
  out.resize(start + encoded_size(bytes.size()));
  std::size_t i = encode_front(bytes, out.data() + start);
  char* to = out.data() + start + i / 3 * 4;
  for (; i + 3 <= bytes.size(); i += 3, to += 4) {
    const std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16 | static_cast<std::uint32_t>(bytes[i + 1]) << 8 | bytes[i + 2];
    const char* high = &pairs[(group >> 12) * 2];
    const char* low = &pairs[(group & 0xfff) * 2];
    to[0] = high[0], to[1] = high[1], to[2] = low[0], to[3] = low[1];
  }
  if (i == bytes.size()) return;
  const bool two = bytes.size() - i == 2;
  const std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16 | (two ? static_cast<std::uint32_t>(bytes[i + 1]) << 8 : 0);
  to[0] = alphabet[group >> 18];
  to[1] = alphabet[group >> 12 & 63];
  to[2] = two ? alphabet[group >> 6 & 63] : '=';
  to[3] = '=';
}

std::string encode(std::string_view bytes) {
  std::string out;
  append_encoded(out, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return out;
}

Result<std::size_t> decode_into(std::string_view text, std::span<char> room) {
  assert(room.size() >= decoded_size_max(text.size()));
  if (text.size() % 4 != 0) return bad("base64 of " + std::to_string(text.size()) + " characters, which is no multiple of 4");
  if (text.empty()) return std::size_t{0};
  const std::size_t padding = text.back() != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2;
  const std::string_view body = text.substr(0, text.size() - padding);

  std::size_t i = decode_front(body, room.data());
  char* to = room.data() + i / 4 * 3;
  std::uint32_t seen = 0;  // a character outside the alphabet leaves its mark here, looked at once at the end
  for (; i + 4 <= body.size(); i += 4, to += 3) {
    const std::uint32_t a = value_of(body[i]), b = value_of(body[i + 1]), c = value_of(body[i + 2]), d = value_of(body[i + 3]);
    seen |= a | b | c | d;
    const std::uint32_t group = a << 18 | b << 12 | c << 6 | d;
    to[0] = static_cast<char>(group >> 16);
    to[1] = static_cast<char>(group >> 8);
    to[2] = static_cast<char>(group);
  }
  if (padding > 0) {
    const std::uint32_t a = value_of(body[i]), b = value_of(body[i + 1]), c = padding == 1 ? value_of(body[i + 2]) : 0;
    seen |= a | b | c;
    const std::uint32_t group = a << 18 | b << 12 | c << 6;
    to[0] = static_cast<char>(group >> 16);
    if (padding == 1) to[1] = static_cast<char>(group >> 8);
    const bool bits_left = (padding == 1 ? group & 0xff : group & 0xffff) != 0;
    if (!(seen & not_in_alphabet) && bits_left) return bad("base64 whose last character has bits left over");
  }
  if (seen & not_in_alphabet) return bad_character(body);
  return text.size() / 4 * 3 - padding;
}

Result<std::string> decode(std::string_view text) {
  std::string out(decoded_size_max(text.size()), '\0');
  const auto size = decode_into(text, out);
  if (!size) return size.error();
  out.resize(*size);
  return out;
}

}  // namespace repartee::realtime::base64
