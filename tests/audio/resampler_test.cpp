#include "pipeline/resampler.hpp"

#include <gtest/gtest.h>

#include "tests/support/signal.hpp"

namespace repartee::pipeline {
namespace {

struct Rates {
  int from_hz, to_hz;
};
class ResamplerAt : public testing::TestWithParam<Rates> {};

// A tone must come out as the same tone at the same time: this fails on a delay of a single sample.
TEST_P(ResamplerAt, KeepsLengthAndPhase) {
  const auto [from_hz, to_hz] = GetParam();
  const Audio in{.samples = test::sine(440, from_hz, static_cast<std::size_t>(from_hz) / 2), .rate_hz = from_hz};
  const Audio out = resampled(in, to_hz);
  ASSERT_EQ(out.samples.size(), static_cast<std::size_t>(to_hz) / 2);
  const auto wanted = test::sine(440, to_hz, out.samples.size());
  const auto edge = static_cast<std::size_t>(to_hz) / 50;  // the tone starts and stops abruptly
  const std::span all(out.samples), ideal(wanted);
  EXPECT_GT(test::snr_db(ideal.subspan(edge, ideal.size() - 2 * edge), all.subspan(edge, all.size() - 2 * edge)), 45);
}

INSTANTIATE_TEST_SUITE_P(Rates, ResamplerAt,
                         testing::Values(Rates{48000, 16000}, Rates{24000, 16000}, Rates{8000, 16000}, Rates{44100, 16000},
                                         Rates{16000, 24000}, Rates{22050, 24000}, Rates{24000, 8000}),
                         [](const auto& at) { return std::to_string(at.param.from_hz) + "To" + std::to_string(at.param.to_hz); });

TEST(Resampler, GivesTheSameInPiecesAsAtOnce) {
  const Samples in = test::white_noise(4801, 3000, 7);
  Resampler whole({.from_hz = 48000}), pieces({.from_hz = 48000});
  Samples at_once, in_pieces;
  whole.process(in, at_once);
  whole.flush(at_once);
  for (std::size_t at = 0, length = 1; at < in.size(); at += length, length = length * 2 + 1) {
    length = std::min(length, in.size() - at);
    pieces.process(std::span(in).subspan(at, length), in_pieces);
  }
  pieces.flush(in_pieces);
  EXPECT_EQ(at_once, in_pieces);
}

TEST(Resampler, KeepsOutWhatTheNewRateCannotHold) {
  const Audio in{.samples = test::sine(11000, 48000, 48000), .rate_hz = 48000};
  EXPECT_LT(test::power(resampled(in, 16000).samples), test::power(in.samples) / 1e5);
}

TEST(Resampler, PassesEqualRatesThrough) {
  const Samples in = test::white_noise(321, 3000, 8);
  Resampler resampler({.from_hz = 16000, .to_hz = 16000});
  Samples out;
  resampler.process(in, out);
  resampler.flush(out);
  EXPECT_EQ(out, in);
}

}  // namespace
}  // namespace repartee::pipeline
