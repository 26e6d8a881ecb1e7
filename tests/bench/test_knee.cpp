// The search for the number of calls a server carries, and what counts as carrying them.
#include <gtest/gtest.h>

#include "bench/load/knee.hpp"

namespace repartee::bench {
namespace {

// Searches on a server that holds `carries` calls and no more.
struct Searched {
  std::size_t knee = 0, steps = 0;
  bool is_narrowed = false;
};
Searched search(const KneeOptions& options, std::size_t carries) {
  KneeSearch search(options);
  Searched result;
  constexpr std::size_t steps_max = 100;
  while (const auto calls = search.next()) {
    EXPECT_LE(*calls, options.to);
    search.saw(*calls, *calls <= carries);
    if (++result.steps == steps_max) break;
  }
  result.knee = search.knee();
  result.is_narrowed = search.is_narrowed();
  return result;
}

TEST(Knee, is_narrowed_down_as_far_as_asked_for) {
  for (const std::size_t carries : {50u, 55u, 99u, 100u, 147u, 233u, 449u}) {
    const Searched found = search({.from = 50, .step = 50, .to = 500, .within = 10, .tries = 1}, carries);
    EXPECT_TRUE(found.is_narrowed) << carries;
    EXPECT_LE(found.knee, carries);
    EXPECT_GT(found.knee + 10, carries);
    EXPECT_LT(found.steps, 20u);
  }
}

TEST(Knee, is_below_the_first_step_where_that_breaks) {
  const Searched found = search({.from = 100, .step = 50, .to = 500, .within = 5, .tries = 1}, 30);
  EXPECT_LE(found.knee, 30u);
  EXPECT_GE(found.knee, 25u);
}

TEST(Knee, is_not_there_on_a_server_that_carries_nothing_or_everything) {
  const KneeOptions options{.from = 10, .step = 10, .to = 40, .within = 2, .tries = 2};
  EXPECT_EQ(search(options, 0).knee, 0u);
  const Searched everything = search(options, 1000);
  EXPECT_EQ(everything.knee, 40u);
  EXPECT_FALSE(everything.is_narrowed);
  EXPECT_EQ(everything.steps, 4u);
}

TEST(Knee, a_step_that_broke_is_looked_at_again) {
  KneeSearch search({.from = 50, .step = 50, .to = 500, .within = 10, .tries = 2});
  search.saw(50, false);
  EXPECT_EQ(search.next(), 50u);
  search.saw(50, true);
  EXPECT_EQ(search.next(), 100u);
  search.saw(100, false);
  search.saw(100, false);
  EXPECT_LT(search.next(), 100u);
}

TEST(Knee, each_criterion_breaks_a_step) {
  const KneeStep good{.calls = 10, .calls_open = 10, .replies_on_time = 5, .added_p99_ms = 20, .core_busy_percent = 80};
  EXPECT_EQ(broken_by(good, {}), "");
  KneeStep step = good;
  step.calls_open = 9;
  EXPECT_EQ(broken_by(step, {}), "1 calls lost");
  step = good;
  step.replies_late = 1;
  EXPECT_EQ(broken_by(step, {}), "1 replies late or missing");
  step = good;
  step.replies_missing = 2;
  EXPECT_EQ(broken_by(step, {}), "2 replies late or missing");
  step = good;
  step.added_p99_ms = 20.1;
  EXPECT_EQ(broken_by(step, {}), "p99 above 20 ms");
  step = good;
  step.core_busy_percent = 80.5;
  EXPECT_EQ(broken_by(step, {}), "core above 80%");
  step = good;
  step.replies_on_time = 0;
  EXPECT_EQ(broken_by(step, {}), "no reply came");
}

}  // namespace
}  // namespace repartee::bench
