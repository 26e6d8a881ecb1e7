// Test signals and how alike two of them are.
#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <span>

#include "core/audio.hpp"

namespace repartee::test {

inline Samples sine(double hertz, int rate_hz, std::size_t count, double amplitude = 8000) {
  Samples samples(count);
  for (std::size_t i = 0; i < count; ++i)
    samples[i] =
        static_cast<std::int16_t>(std::lround(amplitude * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / rate_hz)));
  return samples;
}

inline Samples white_noise(std::size_t count, double amplitude, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0, amplitude);
  Samples samples(count);
  for (auto& s : samples) s = static_cast<std::int16_t>(std::lround(std::fmax(-32768, std::fmin(32767, normal(random)))));
  return samples;
}

inline double power(std::span<const std::int16_t> samples) {
  double sum = 0;
  for (const auto s : samples) sum += static_cast<double>(s) * s;
  return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

// Signal to noise in dB over the length both have, where noise is whatever differs.
inline double snr_db(std::span<const std::int16_t> wanted, std::span<const std::int16_t> got) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < std::min(wanted.size(), got.size()); ++i) {
    const double difference = static_cast<double>(got[i]) - wanted[i];
    signal += static_cast<double>(wanted[i]) * wanted[i];
    noise += difference * difference;
  }
  return 10 * std::log10(signal / std::fmax(noise, 1e-9));
}

inline std::vector<std::uint8_t> little_endian(std::span<const std::int16_t> samples) {
  std::vector<std::uint8_t> bytes;
  for (const auto s : samples) {
    bytes.push_back(static_cast<std::uint8_t>(s & 0xFF));
    bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint16_t>(s) >> 8));
  }
  return bytes;
}

}  // namespace repartee::test
