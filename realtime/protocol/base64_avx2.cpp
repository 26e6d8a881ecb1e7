#include "realtime/protocol/base64_avx2.hpp"

#include <immintrin.h>

namespace repartee::realtime::base64::avx2 {
namespace {

constexpr std::size_t vector_bytes = 24, vector_characters = 32;
constexpr std::size_t half_bytes = 12;  // of 16 that are read or written

// Tables of 16, once for each half of a vector.
struct alignas(32) Table {
  std::int8_t values[32];
};
inline __m256i load(const Table& table) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(table.values)); }

constexpr bool in_alphabet(int c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// For each lower half of a character, a bit for each upper half that makes one of the alphabet of it; and that bit for each upper half.
constexpr Table upper_halves_of_lower = [] {
  Table table{};
  for (int c = 0; c < 128; ++c) {
    if (!in_alphabet(c)) continue;
    for (int half = 0; half < 32; half += 16) {
      const int bits = static_cast<std::uint8_t>(table.values[half + c % 16]) | 1 << c / 16;
      table.values[half + c % 16] = static_cast<std::int8_t>(bits);
    }
  }
  return table;
}();
constexpr Table bit_of_upper = [] {
  Table table{};
  for (int i = 0; i < 32; ++i) table.values[i] = static_cast<std::int8_t>(i % 16 < 8 ? 1 << i % 16 : 0);
  return table;
}();
// What is added to a character of that upper half to get its value. '/' shares its half with '+' and is 3 less.
constexpr Table value_less_character = [] {
  Table table{};
  for (int half = 0; half < 32; half += 16) {
    table.values[half + 2] = 62 - '+';
    table.values[half + 3] = 52 - '0';
    table.values[half + 4] = table.values[half + 5] = 0 - 'A';
    table.values[half + 6] = table.values[half + 7] = 26 - 'a';
  }
  return table;
}();
constexpr int slash_correction = 63 - '/' - (62 - '+');

// And back: by class, which is 0 for lower case, 1 to 10 for digits, 11 and 12 for the two signs, 13 for upper case.
constexpr Table character_less_value = [] {
  Table table{};
  for (int half = 0; half < 32; half += 16) {
    table.values[half] = 'a' - 26;
    for (int i = 1; i <= 10; ++i) table.values[half + i] = '0' - 52;
    table.values[half + 11] = '+' - 62;
    table.values[half + 12] = '/' - 63;
    table.values[half + 13] = 'A';
  }
  return table;
}();

// Three bytes of text, last first, in each 32 bits; and back.
constexpr Table groups_of_bytes = [] {
  Table table{};
  for (int i = 0; i < 32; ++i) table.values[i] = static_cast<std::int8_t>(i % 4 == 3 ? -1 : i % 16 / 4 * 3 + 2 - i % 4);
  return table;
}();
constexpr Table bytes_of_groups = [] {
  Table table{};
  for (int i = 0; i < 32; ++i) table.values[i] = static_cast<std::int8_t>(i % 16 >= 12 ? -1 : i % 16 / 3 * 4 + 2 - i % 16 % 3);
  return table;
}();

}  // namespace

std::size_t encode(const std::uint8_t* from, std::size_t bytes, char* to) {
  const __m256i groups = load(groups_of_bytes), characters = load(character_less_value);
  std::size_t at = 0;
  for (; at + half_bytes + 16 <= bytes; at += vector_bytes, to += vector_characters) {
    const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
    const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at + half_bytes));
    const __m256i group = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), groups);
    const __m256i first = _mm256_and_si256(_mm256_srli_epi32(group, 18), _mm256_set1_epi32(0x3f));
    const __m256i second = _mm256_and_si256(_mm256_srli_epi32(group, 4), _mm256_set1_epi32(0x3f00));
    const __m256i third = _mm256_and_si256(_mm256_slli_epi32(group, 10), _mm256_set1_epi32(0x3f0000));
    const __m256i fourth = _mm256_and_si256(_mm256_slli_epi32(group, 24), _mm256_set1_epi32(0x3f000000));
    const __m256i values = _mm256_or_si256(_mm256_or_si256(first, second), _mm256_or_si256(third, fourth));
    const __m256i upper_case = _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(26), values), _mm256_set1_epi8(13));
    const __m256i classes = _mm256_or_si256(_mm256_subs_epu8(values, _mm256_set1_epi8(51)), upper_case);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_add_epi8(values, _mm256_shuffle_epi8(characters, classes)));
  }
  return at;
}

std::size_t decode(const char* from, std::size_t characters, char* to) {
  const __m256i allowed = load(upper_halves_of_lower), bits = load(bit_of_upper), offsets = load(value_less_character),
                order = load(bytes_of_groups);
  const __m256i half = _mm256_set1_epi8(0x0f), slash = _mm256_set1_epi8('/'), correction = _mm256_set1_epi8(slash_correction);
  std::size_t at = 0;
  // Each half of a vector writes four bytes more than it has: those must have a place too.
  for (; at + vector_characters + 8 <= characters; at += vector_characters, to += vector_bytes) {
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
    const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(text, 4), half), lower = _mm256_and_si256(text, half);
    const __m256i known = _mm256_and_si256(_mm256_shuffle_epi8(allowed, lower), _mm256_shuffle_epi8(bits, upper));
    if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(known, _mm256_setzero_si256())) != 0) break;
    const __m256i corrected = _mm256_and_si256(_mm256_cmpeq_epi8(text, slash), correction);
    const __m256i values = _mm256_add_epi8(_mm256_add_epi8(text, _mm256_shuffle_epi8(offsets, upper)), corrected);
    const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi16(0x0140));   // 64 times the first and the second
    const __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));  // 4096 times the first pair and the second
    const __m256i bytes = _mm256_shuffle_epi8(groups, order);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + half_bytes), _mm256_extracti128_si256(bytes, 1));
  }
  return at;
}

}  // namespace repartee::realtime::base64::avx2
