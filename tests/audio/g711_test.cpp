#include "pipeline/g711.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

namespace repartee::pipeline {
namespace {

// G.711, tables 1 and 2: the value of the codes at both ends of the scale and at its centre, in 16 bits.
TEST(G711, DecodesMuLawAsTheRecommendationSays) {
  EXPECT_EQ(g711_decode(G711Law::mu, 0x80), 32124);
  EXPECT_EQ(g711_decode(G711Law::mu, 0x00), -32124);
  EXPECT_EQ(g711_decode(G711Law::mu, 0xFF), 0);
  EXPECT_EQ(g711_decode(G711Law::mu, 0x7F), 0);
  EXPECT_EQ(g711_decode(G711Law::mu, 0xFE), 8);
  EXPECT_EQ(g711_decode(G711Law::mu, 0xEF), 132);
  EXPECT_EQ(g711_decode(G711Law::mu, 0x8F), 16764);
}

TEST(G711, DecodesALawAsTheRecommendationSays) {
  EXPECT_EQ(g711_decode(G711Law::a, 0xAA), 32256);
  EXPECT_EQ(g711_decode(G711Law::a, 0x2A), -32256);
  EXPECT_EQ(g711_decode(G711Law::a, 0xD5), 8);
  EXPECT_EQ(g711_decode(G711Law::a, 0x55), -8);
  EXPECT_EQ(g711_decode(G711Law::a, 0xC5), 264);
  EXPECT_EQ(g711_decode(G711Law::a, 0xA5), 16896);
}

// G.711, table 2a: one milliwatt is a 1 kHz sine, 3.14 (A-law: 3.17) dB under full load; its eight codes are given (clause 4, tables 5 and
// 6).
TEST(G711, PlaysTheDigitalMilliwattAtItsLevel) {
  const std::vector<std::uint8_t> a_law{0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4},
      mu_law{0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E};
  for (const auto& [law, codes, below_full_db] : {std::tuple{G711Law::a, a_law, 3.14}, std::tuple{G711Law::mu, mu_law, 3.17}}) {
    Samples samples;
    g711_decode(law, codes, samples);
    double power = 0;
    for (const auto s : samples) power += static_cast<double>(s) * s / 8;
    const double peak = std::sqrt(2 * power);
    EXPECT_NEAR(20 * std::log10(32768 / peak), below_full_db, 0.15);
    std::vector<std::uint8_t> again;
    g711_encode(law, samples, again);
    EXPECT_EQ(again, codes);
  }
}

TEST(G711, EveryCodeSurvivesDecodingAndEncoding) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<std::uint8_t>(code);
    EXPECT_EQ(g711_encode(G711Law::a, g711_decode(G711Law::a, byte)), byte);
    if (byte == 0x7F) continue;  // minus zero
    EXPECT_EQ(g711_encode(G711Law::mu, g711_decode(G711Law::mu, byte)), byte);
  }
}

TEST(G711, NoSampleIsFurtherOffThanHalfItsStep) {
  for (const G711Law law : {G711Law::mu, G711Law::a}) {
    for (int sample = -32768; sample <= 32767; ++sample) {
      const int heard = g711_decode(law, g711_encode(law, static_cast<std::int16_t>(sample)));
      const int step_half = std::max(8, (std::abs(sample) + 132) / 32 + 4);  // 16 steps a segment; 132 is mu-law's bias
      ASSERT_LE(std::abs(heard - sample), std::abs(sample) > 32256 ? 644 : step_half) << sample;  // full scale is clipped
    }
  }
}

}  // namespace
}  // namespace repartee::pipeline
