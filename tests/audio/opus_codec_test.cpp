#include "pipeline/opus_codec.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/resampler.hpp"
#include "tests/support/signal.hpp"

namespace repartee::pipeline {
namespace {

using Packets = std::vector<std::vector<std::uint8_t>>;

Packets encoded(const Samples& samples, OpusEncoder::Options options) {
  auto encoder = OpusEncoder::create(options);
  EXPECT_TRUE(encoder.ok());
  Packets packets;
  for (std::size_t at = 0; at + encoder->frame_samples() <= samples.size(); at += encoder->frame_samples()) {
    const auto packet = encoder->encode(std::span(samples).subspan(at, encoder->frame_samples()));
    EXPECT_TRUE(packet.ok());
    packets.emplace_back(packet->begin(), packet->end());
  }
  return packets;
}

Samples decoded(const Packets& packets) {
  OpusDecoder16k decoder;
  Samples samples;
  for (const auto& packet : packets) {
    const auto piece = decoder.decode(packet);
    EXPECT_TRUE(piece.ok());
    samples.insert(samples.end(), piece->begin(), piece->end());
  }
  return samples;
}

// The best over all delays the codec could have, 0 to 20 ms.
double best_snr_db(const Samples& wanted, const Samples& got) {
  double best = -100;
  for (std::size_t delay = 0; delay < 320; ++delay)
    best = std::max(best, test::snr_db(std::span(wanted).subspan(3200, 8000), std::span(got).subspan(3200 + delay, 8000)));
  return best;
}

TEST(OpusCodec, AToneSurvivesTheRoundTripAtEveryRate) {
  for (const int rate_hz : {16000, 24000, 48000}) {
    const auto packets = encoded(test::sine(300, rate_hz, static_cast<std::size_t>(rate_hz)), {.rate_hz = rate_hz, .bitrate_bps = 32000});
    const Samples got = decoded(packets);
    ASSERT_EQ(got.size(), 16000u);
    EXPECT_GT(best_snr_db(test::sine(300, 16000, 16000), got), 15) << rate_hz;
  }
}

TEST(OpusCodec, AHigherBitrateMakesLargerPackets) {
  const Samples noise = test::white_noise(16000, 2000, 3);
  std::size_t small = 0, large = 0;
  for (const auto& p : encoded(noise, {.rate_hz = 16000, .bitrate_bps = 12000})) small += p.size();
  for (const auto& p : encoded(noise, {.rate_hz = 16000, .bitrate_bps = 48000})) large += p.size();
  EXPECT_GT(large, 2 * small);
}

// RFC 6716, section 3.1: configuration 12..31 in five bits, stereo, and how many frames. A frame of no bytes is a lost one.
TEST(OpusDecoder, AcceptsEveryLegalLengthUpTo120Ms) {
  OpusDecoder16k decoder;
  const auto packet = [](int configuration, int frames) {
    return std::vector<std::uint8_t>{static_cast<std::uint8_t>(configuration << 3 | 3), static_cast<std::uint8_t>(frames)};
  };
  constexpr int silk_60_ms = 3, silk_20_ms = 1, hybrid_10_ms = 12, celt_2_5_ms = 28;
  for (const auto& [configuration, frames, samples] :
       {std::tuple{silk_60_ms, 1, 960}, std::tuple{silk_60_ms, 2, 1920}, std::tuple{silk_20_ms, 6, 1920}, std::tuple{hybrid_10_ms, 1, 160},
        std::tuple{celt_2_5_ms, 1, 40}, std::tuple{celt_2_5_ms, 48, 1920}}) {
    const auto got = decoder.decode(packet(configuration, frames));
    ASSERT_TRUE(got.ok()) << configuration << ' ' << frames << ' ' << got.error().message;
    EXPECT_EQ(got->size(), static_cast<std::size_t>(samples));
  }
  EXPECT_FALSE(decoder.decode(packet(silk_60_ms, 3)).ok());  // 180 ms
  EXPECT_FALSE(decoder.decode(packet(celt_2_5_ms, 49)).ok());
}

TEST(OpusDecoder, SaysWhatIsWrongAndGoesOn) {
  OpusDecoder16k decoder;
  const std::vector<std::uint8_t> nothing, too_long(opus_packet_bytes_max + 1, 0), no_frames{3, 0};
  for (const auto& bad : {nothing, too_long, no_frames}) {
    const auto got = decoder.decode(bad);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, Errc::invalid_argument);
  }
  const auto good = encoded(test::sine(300, 16000, 320), {.rate_hz = 16000});
  EXPECT_TRUE(decoder.decode(good.front()).ok());
}

TEST(OpusDecoder, GarbageIsAnErrorOrSoundButNeverMoreThan120Ms) {
  std::mt19937 random(11);
  OpusDecoder16k decoder;
  std::size_t errors = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::uint8_t> packet(random() % 40 + 1);
    for (auto& byte : packet) byte = static_cast<std::uint8_t>(random());
    const auto got = decoder.decode(packet);
    if (got.ok()) {
      ASSERT_GT(got->size(), 0u);
      ASSERT_LE(got->size(), 1920u);
    } else {
      ++errors;
    }
  }
  EXPECT_GT(errors, 1000u);  // a third of the first bytes promise what random bytes do not keep
}

TEST(OpusDecoder, ConcealsALostPacketWithSomethingLikeTheLast) {
  OpusDecoder16k decoder;
  for (const auto& packet : encoded(test::sine(300, 16000, 3200), {.rate_hz = 16000})) ASSERT_TRUE(decoder.decode(packet).ok());
  const auto guessed = decoder.conceal(20);
  ASSERT_TRUE(guessed.ok());
  ASSERT_EQ(guessed->size(), 320u);
  EXPECT_GT(test::power(*guessed), test::power(test::sine(300, 16000, 320)) / 10);
  EXPECT_FALSE(decoder.conceal(0).ok());
  EXPECT_FALSE(decoder.conceal(15).ok());
  EXPECT_FALSE(decoder.conceal(130).ok());
}

TEST(OpusEncoder, RefusesOptionsAndFramesThatDoNotFit) {
  EXPECT_FALSE(OpusEncoder::create({.rate_hz = 44100}).ok());
  EXPECT_FALSE(OpusEncoder::create({.bitrate_bps = 1000}).ok());
  EXPECT_FALSE(OpusEncoder::create({.complexity = 11}).ok());
  auto encoder = OpusEncoder::create({.rate_hz = 24000});
  ASSERT_TRUE(encoder.ok());
  EXPECT_FALSE(encoder->encode(Samples(320)).ok());
  EXPECT_TRUE(encoder->encode(Samples(480)).ok());
}

}  // namespace
}  // namespace repartee::pipeline
