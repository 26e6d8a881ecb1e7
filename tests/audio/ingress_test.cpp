#include "pipeline/ingress.hpp"

#include <gtest/gtest.h>

#include <random>

#include "pipeline/audio_cleaner.hpp"
#include "pipeline/g711.hpp"
#include "pipeline/opus_codec.hpp"
#include "tests/support/signal.hpp"

namespace repartee::pipeline {
namespace {

Ingress ingress(InputFormat format) {
  auto made = Ingress::create(format);
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

void push(Ingress& in, std::span<const std::uint8_t> bytes, Samples& out) {
  const auto got = in.push(bytes);
  ASSERT_TRUE(got.ok());
  out.insert(out.end(), got->begin(), got->end());
}

TEST(Ingress, ReadsPcmAsLittleEndian) {
  Ingress in = ingress({.pcm_rate_hz = 16000});
  const std::vector<std::uint8_t> bytes{0x01, 0x00, 0xFF, 0xFF, 0x34, 0x12, 0x00, 0x80};
  const auto got = in.push(bytes);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(Samples(got->begin(), got->end()), (Samples{1, -1, 0x1234, -32768}));
}

TEST(Ingress, ASampleMayBeSplitOverMessages) {
  const Samples noise = test::white_noise(5000, 4000, 5);
  const auto bytes = test::little_endian(noise);
  Ingress in = ingress({.pcm_rate_hz = 16000});
  std::mt19937 random(6);
  Samples out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = std::min<std::size_t>(random() % 8, bytes.size() - at);  // also empty and single bytes
    push(in, std::span(bytes).subspan(at, length), out);
    at += length;
  }
  EXPECT_EQ(out, noise);
}

TEST(Ingress, CountsReceivedTimeAt16kHzWhateverTheRate) {
  for (const int rate_hz : {8000, 16000, 24000, 48000}) {
    Ingress in = ingress({.pcm_rate_hz = rate_hz});
    const auto second = test::little_endian(test::sine(440, rate_hz, static_cast<std::size_t>(rate_hz)));
    Samples out;
    for (int i = 0; i < 3; ++i) push(in, second, out);
    EXPECT_EQ(in.samples_received(), static_cast<std::int64_t>(out.size()));
    EXPECT_LE(in.received_ms(), 3000) << rate_hz;
    EXPECT_GE(in.received_ms(), 2990) << rate_hz;  // the resampler holds a few milliseconds back
    const auto ideal = test::sine(440, 16000, out.size());
    EXPECT_GT(test::snr_db(std::span(ideal).subspan(800), std::span(out).subspan(800)), 40) << rate_hz;
  }
}

TEST(Ingress, TheClockGoesOnFromWhereAnotherFormatLeftIt) {
  auto in = Ingress::create({.pcm_rate_hz = 16000}, 32000);
  ASSERT_TRUE(in.ok());
  ASSERT_TRUE(in->push(std::vector<std::uint8_t>(3200)).ok());
  EXPECT_EQ(in->received_ms(), 2100);
}

TEST(Ingress, DecodesTelephoneSamples) {
  for (const auto& [codec, law] : {std::pair{InputCodec::pcmu, G711Law::mu}, std::pair{InputCodec::pcma, G711Law::a}}) {
    std::vector<std::uint8_t> codes;
    g711_encode(law, test::sine(440, 8000, 8000), codes);
    Ingress in = ingress({.codec = codec});
    Samples out;
    push(in, codes, out);
    ASSERT_GT(out.size(), 15900u);
    const auto ideal = test::sine(440, 16000, out.size());
    EXPECT_GT(test::snr_db(std::span(ideal).subspan(800), std::span(out).subspan(800)), 30);
  }
}

TEST(Ingress, OneOpusPacketIsOneMessage) {
  auto encoder = OpusEncoder::create({.rate_hz = 48000});
  ASSERT_TRUE(encoder.ok());
  Ingress in = ingress({.codec = InputCodec::opus});
  for (int i = 0; i < 5; ++i) {
    const auto got = in.push(*encoder->encode(test::sine(300, 48000, 960)));
    ASSERT_TRUE(got.ok());
    EXPECT_EQ(got->size(), 320u);
  }
  EXPECT_EQ(in.received_ms(), 100);
}

TEST(Ingress, BadOpusIsAnErrorThatCountsForNothing) {
  Ingress in = ingress({.codec = InputCodec::opus});
  const auto got = in.push({});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, Errc::invalid_argument);
  EXPECT_EQ(in.samples_received(), 0);
  auto encoder = OpusEncoder::create({});
  EXPECT_TRUE(in.push(*encoder->encode(Samples(480))).ok());
}

TEST(Ingress, RefusesRatesItDoesNotKnowAndMessagesTooLong) {
  EXPECT_FALSE(Ingress::create({.pcm_rate_hz = 44100}).ok());
  EXPECT_FALSE(Ingress::create({.pcm_rate_hz = 0}).ok());
  Ingress in = ingress({.pcm_rate_hz = 16000});
  EXPECT_FALSE(in.push(std::vector<std::uint8_t>(Ingress::message_bytes_max + 1)).ok());
}

TEST(Ingress, NoiseReductionWorksInWholeFramesAndKeepsTime) {
  const Samples noise = test::white_noise(16000 * 2, 300, 9);
  Samples wanted = noise;
  AudioCleaner cleaner;
  for (std::size_t at = 0; at < wanted.size(); at += 320) cleaner.process(std::span<std::int16_t, 320>(wanted.data() + at, 320));
  Ingress in = ingress({.pcm_rate_hz = 16000, .noise_reduction = true});
  Samples out;
  const auto bytes = test::little_endian(noise);
  for (std::size_t at = 0; at < bytes.size(); at += 1000) {
    push(in, std::span(bytes).subspan(at, std::min<std::size_t>(1000, bytes.size() - at)), out);
    ASSERT_EQ(out.size() % 320, 0u);
  }
  EXPECT_EQ(out, wanted);
  EXPECT_EQ(in.received_ms(), 2000);
}

}  // namespace
}  // namespace repartee::pipeline
