#include "pipeline/packed_samples.hpp"

#include <gtest/gtest.h>

#include <random>

namespace repartee::pipeline {
namespace {

constexpr auto block = static_cast<std::int64_t>(PackedSamples::block_samples);

TEST(PackedSamples, LosesNothingAtTheEdgeOfWhatFitsIntoAByte) {
  for (const std::int16_t extreme : {0, 127, 128, -128, -129, 32767, -32768}) {
    PackedSamples packed;
    Samples samples(PackedSamples::block_samples, 5);
    samples[17] = extreme;
    packed.append(samples);
    Samples out;
    packed.copy(0, block, out);
    EXPECT_EQ(out, samples) << extreme;
  }
}

TEST(PackedSamples, HoldsHalfOfSilence) {
  PackedSamples loud, silent;
  loud.append(Samples(16'000, 1'000));
  silent.append(Samples(16'000, 100));
  EXPECT_GE(loud.capacity_bytes(), 32'000u);
  EXPECT_LE(silent.capacity_bytes(), 18'000u);
  silent.clear();
  EXPECT_EQ(silent.capacity_bytes(), 0u);
  EXPECT_EQ(silent.begin(), 16'000);
}

TEST(PackedSamples, AgreesWithAVectorWhateverIsDone) {
  std::mt19937 random(3);
  PackedSamples packed;
  Samples all;  // from position 0
  std::int64_t dropped_before = 0;
  for (int step = 0; step < 20'000; ++step) {
    const unsigned what = random() % 100;
    if (what < 70) {
      const int loudness = random() % 2 == 0 ? 100 : 3'000;
      Samples more(random() % 700);
      for (auto& sample : more)
        sample = static_cast<std::int16_t>(static_cast<int>(random() % static_cast<unsigned>(loudness)) - loudness / 2);
      packed.append(more);
      all.insert(all.end(), more.begin(), more.end());
    } else if (what < 80) {
      const auto count = random() % static_cast<unsigned>(std::min<std::int64_t>(packed.end() - packed.begin(), 1'500) + 1);
      packed.drop_last(count);
      all.resize(all.size() - count);
    } else if (what < 99) {
      dropped_before = packed.begin() + static_cast<std::int64_t>(random() % static_cast<unsigned>(packed.end() - packed.begin() + 1));
      packed.drop_before(dropped_before);
      ASSERT_LE(packed.begin(), dropped_before);
      ASSERT_GT(packed.begin(), dropped_before - block);
    } else {
      packed.clear();
    }
    ASSERT_EQ(packed.end(), static_cast<std::int64_t>(all.size()));
    const auto from = packed.begin() + static_cast<std::int64_t>(random() % static_cast<unsigned>(packed.end() - packed.begin() + 1));
    const auto to = from + static_cast<std::int64_t>(random() % static_cast<unsigned>(packed.end() - from + 1));
    Samples out;
    packed.copy(from, to, out);
    ASSERT_EQ(out, Samples(all.begin() + from, all.begin() + to)) << step;
  }
}

TEST(PackedSamples, AStreamThatIsForgottenAsItGoesKeepsItsMemory) {
  PackedSamples packed;
  for (int i = 0; i < 50; ++i) packed.append(Samples(PackedSamples::block_samples, 1'000));
  for (int i = 0; i < 1'000; ++i) {
    packed.drop_before(packed.end() - 10 * block);
    packed.append(Samples(PackedSamples::block_samples, 1'000));
    if (i > 100) { ASSERT_LE(packed.capacity_bytes(), 14'000u); }
  }
}

}  // namespace
}  // namespace repartee::pipeline
