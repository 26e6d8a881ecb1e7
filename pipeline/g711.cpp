#include "pipeline/g711.hpp"

#include <array>

namespace repartee::pipeline {
namespace {

// The recommendation counts in 14 bits (mu) and 13 bits (A); 16-bit samples are those, shifted up. A code is
// sign | 3 bits of segment | 4 bits of step, sent with all bits inverted (mu) or every second bit inverted (A).
constexpr int mu_bias = 33;  // shifts the segments to powers of two
constexpr int mu_magnitude_max = 8158;
constexpr int a_magnitude_max = 4095;
constexpr int a_inversion = 0x55;

constexpr std::int16_t mu_expand(int code) {
  const int plain = ~code & 0xFF;
  const int segment = (plain >> 4) & 7, step = plain & 15;
  const int magnitude = (((2 * step + mu_bias) << segment) - mu_bias) * 4;
  return static_cast<std::int16_t>(plain & 0x80 ? -magnitude : magnitude);
}

constexpr std::uint8_t mu_compress(int sample14) {
  const bool is_negative = sample14 < 0;
  int magnitude = is_negative ? -sample14 : sample14;
  if (magnitude > mu_magnitude_max) magnitude = mu_magnitude_max;
  magnitude += mu_bias;
  int segment = 0;
  while (magnitude >> (segment + 6)) ++segment;
  const int plain = (is_negative ? 0x80 : 0) | segment << 4 | ((magnitude >> (segment + 1)) & 15);
  return static_cast<std::uint8_t>(~plain);
}

constexpr std::int16_t a_expand(int code) {
  const int plain = code ^ a_inversion;
  const int segment = (plain >> 4) & 7, step = plain & 15;
  const int magnitude = segment == 0 ? 2 * step + 1 : (2 * step + 33) << (segment - 1);
  return static_cast<std::int16_t>((plain & 0x80 ? magnitude : -magnitude) * 8);
}

constexpr std::uint8_t a_compress(int sample13) {
  const bool is_negative = sample13 < 0;
  int magnitude = is_negative ? -sample13 - 1 : sample13;  // the negative half begins at -1
  if (magnitude > a_magnitude_max) magnitude = a_magnitude_max;
  int segment = 0;
  while (magnitude >> (segment + 5)) ++segment;
  const int step = segment < 2 ? magnitude >> 1 : magnitude >> segment;
  const int plain = (is_negative ? 0 : 0x80) | segment << 4 | (step & 15);
  return static_cast<std::uint8_t>(plain ^ a_inversion);
}

template <class Value, std::size_t size, class Make>
constexpr std::array<Value, size> table(Make make) {
  std::array<Value, size> result{};
  for (std::size_t i = 0; i < size; ++i) result[i] = make(static_cast<int>(i));
  return result;
}

constexpr auto mu_decoded = table<std::int16_t, 256>(mu_expand);
constexpr auto a_decoded = table<std::int16_t, 256>(a_expand);
constexpr auto mu_encoded = table<std::uint8_t, 16384>([](int i) { return mu_compress(i - 8192); });
constexpr auto a_encoded = table<std::uint8_t, 8192>([](int i) { return a_compress(i - 4096); });

}  // namespace

std::int16_t g711_decode(G711Law law, std::uint8_t code) { return law == G711Law::mu ? mu_decoded[code] : a_decoded[code]; }

std::uint8_t g711_encode(G711Law law, std::int16_t sample) {
  if (law == G711Law::mu) return mu_encoded[static_cast<std::size_t>((sample >> 2) + 8192)];
  return a_encoded[static_cast<std::size_t>((sample >> 3) + 4096)];
}

void g711_decode(G711Law law, std::span<const std::uint8_t> codes, Samples& out) {
  out.reserve(out.size() + codes.size());
  for (const std::uint8_t code : codes) out.push_back(g711_decode(law, code));
}

void g711_encode(G711Law law, std::span<const std::int16_t> samples, std::vector<std::uint8_t>& out) {
  out.reserve(out.size() + samples.size());
  for (const std::int16_t sample : samples) out.push_back(g711_encode(law, sample));
}

}  // namespace repartee::pipeline
