#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "core/heap_trimmer.hpp"

namespace repartee {
namespace {

constexpr std::size_t mb = 1024 * 1024;

TEST(TrimPolicy, TrimsWhenTheProcessHasGrown) {
  TrimPolicy policy;
  EXPECT_TRUE(policy.is_due({100 * mb, 0}));
  policy.trimmed({90 * mb, 0});
  EXPECT_FALSE(policy.is_due({92 * mb, 0}));
  EXPECT_TRUE(policy.is_due({95 * mb, 0}));
}

TEST(TrimPolicy, TrimsWhenMuchWasFreedWithoutGrowth) {
  TrimPolicy policy;
  policy.trimmed({90 * mb, 10 * mb});
  EXPECT_FALSE(policy.is_due({90 * mb, 12 * mb}));
  EXPECT_TRUE(policy.is_due({90 * mb, 15 * mb}));
}

TEST(TrimPolicy, CountsWhatWasTakenAndFreedAgain) {
  TrimPolicy policy;
  policy.trimmed({90 * mb, 40 * mb});
  EXPECT_FALSE(policy.is_due({90 * mb, 20 * mb}));   // in use
  EXPECT_TRUE(policy.is_due({90 * mb, 30 * mb}));    // and no more
}

TEST(HeapTrimmer, GivesBackWhatLiesBelowWhatIsStillInUse) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizers have a heap of their own";
#endif
  constexpr std::size_t blocks = 64 * 1024, block_bytes = 1000;
  std::vector<std::unique_ptr<char[]>> held;
  for (std::size_t i = 0; i < blocks; ++i) {
    held.push_back(std::make_unique_for_overwrite<char[]>(block_bytes));
    std::memset(held.back().get(), 1, block_bytes);
  }
  const auto last = std::move(held.back());
  const std::size_t full = heap_use().resident_bytes;
  held.clear();
  const HeapTrimmer trimmer(Millis(5));
  const TimePoint until = SteadyClock::now() + std::chrono::seconds(20);
  while (heap_use().resident_bytes + 40 * mb > full && SteadyClock::now() < until) std::this_thread::sleep_for(Millis(5));
  EXPECT_LE(heap_use().resident_bytes + 40 * mb, full);
  EXPECT_EQ(last[0], 1);
}

}  // namespace
}  // namespace repartee
