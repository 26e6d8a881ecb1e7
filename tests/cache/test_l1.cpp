#include <gtest/gtest.h>

#include <thread>

#include "cache/l1.hpp"
#include "tests/cache/fake_second_tier.hpp"

namespace repartee::cache {
namespace {

using test::bytes;
using namespace std::chrono_literals;

const TimePoint t0{1h};

struct L1Test : ::testing::Test {
  Metrics metrics;
  double counted(const std::string& result) {
    return metrics.counter("repartee_cache_requests_total", "look-ups by tier and result", {{"tier", "l1"}, {"result", result}}).value();
  }
};

TEST_F(L1Test, FindsWhatWasPutUntilItsTimeIsOver) {
  L1 l1({}, metrics);
  ASSERT_TRUE(l1.put("tts:public:a", bytes("hello"), t0, 10s));
  EXPECT_EQ(*l1.get("tts:public:a", t0 + 9s)->value, "hello");
  EXPECT_FALSE(l1.get("tts:public:a", t0 + 10s));
  EXPECT_EQ(l1.entries(), 0u) << "what is too old goes when it is met";
  EXPECT_EQ(l1.bytes(), 0u);
  EXPECT_FALSE(l1.get("tts:public:b", t0));
  EXPECT_EQ(counted("hit"), 1);
  EXPECT_EQ(counted("miss"), 2);
}

TEST_F(L1Test, DropsWhatWasUsedLongestAgoWhenItsBytesAreFull) {
  const std::size_t each = L1::entry_overhead_bytes + 1 + 1000;
  L1 l1({.bytes_max = each * 3, .shards = 1}, metrics);
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(l1.put(key, bytes(std::string(1000, 'x')), t0, 1h));
  EXPECT_TRUE(l1.get("a", t0));
  ASSERT_TRUE(l1.put("d", bytes(std::string(1000, 'x')), t0, 1h));
  EXPECT_FALSE(l1.get("b", t0));
  for (const char* key : {"a", "c", "d"}) EXPECT_TRUE(l1.get(key, t0)) << key;
  EXPECT_EQ(l1.bytes(), each * 3);
  EXPECT_EQ(metrics.counter("repartee_cache_l1_evictions_total", "entries that made room for others").value(), 1);
}

TEST_F(L1Test, RefusesWhatIsLargerThanAShardAndKeepsTheRest) {
  L1 l1({.bytes_max = 4096, .shards = 2}, metrics);
  ASSERT_TRUE(l1.put("a", bytes("small"), t0, 1h));
  EXPECT_FALSE(l1.put("b", bytes(std::string(3000, 'x')), t0, 1h));
  EXPECT_FALSE(l1.put("c", bytes("x"), t0, 0s));
  EXPECT_TRUE(l1.get("a", t0));
}

TEST_F(L1Test, ReplacesWithoutCountingTwice) {
  L1 l1({}, metrics);
  ASSERT_TRUE(l1.put("a", bytes("one"), t0, 1h));
  ASSERT_TRUE(l1.put("a", bytes("three"), t0, 1h));
  EXPECT_EQ(l1.entries(), 1u);
  EXPECT_EQ(l1.bytes(), L1::entry_overhead_bytes + 1 + 5);
  EXPECT_EQ(*l1.get("a", t0)->value, "three");
}

TEST_F(L1Test, KnowsWhatDoesNotExist) {
  L1 l1({}, metrics);
  ASSERT_TRUE(l1.put("a", nullptr, t0, 10s));
  const auto hit = l1.get("a", t0);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->value, nullptr);
  EXPECT_EQ(counted("negative"), 1);
  EXPECT_EQ(counted("hit"), 0);
}

TEST_F(L1Test, RemovesByPrefix) {
  L1 l1({}, metrics);
  for (const char* key : {"tts:public:v1:a", "tts:public:v1:b", "tts:public:v2:a"}) ASSERT_TRUE(l1.put(key, bytes("x"), t0, 1h));
  EXPECT_EQ(l1.erase_prefix("tts:public:v1:"), 2u);
  EXPECT_TRUE(l1.get("tts:public:v2:a", t0));
  EXPECT_TRUE(l1.erase("tts:public:v2:a"));
  EXPECT_FALSE(l1.erase("tts:public:v2:a"));
  EXPECT_EQ(l1.bytes(), 0u);
}

TEST_F(L1Test, AsksOnceToBeRenewedWhenOldAndWanted) {
  L1 l1({}, metrics);
  ASSERT_TRUE(l1.put("a", bytes("x"), t0, 100s));
  EXPECT_FALSE(l1.get("a", t0 + 85s, 3)->wants_refresh) << "asked once only";
  EXPECT_FALSE(l1.get("a", t0 + 85s, 3)->wants_refresh);
  EXPECT_TRUE(l1.get("a", t0 + 85s, 3)->wants_refresh);
  EXPECT_FALSE(l1.get("a", t0 + 85s, 3)->wants_refresh) << "somebody renews it already";
  ASSERT_TRUE(l1.put("a", bytes("x"), t0 + 85s, 100s));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(l1.get("a", t0 + 90s, 3)->wants_refresh) << "young again";
}

TEST_F(L1Test, TellsHitsOnce) {
  L1 l1({}, metrics);
  ASSERT_TRUE(l1.put("a", bytes("x"), t0, 1h));
  l1.get("a", t0);
  l1.get("a", t0);
  auto used = l1.take_hits(10);
  ASSERT_EQ(used.size(), 1u);
  EXPECT_EQ(used[0].hits, 2);
  EXPECT_TRUE(l1.take_hits(10).empty());
}

TEST_F(L1Test, StaysWithinItsBytesUnderManyThreads) {
  L1 l1({.bytes_max = 64 * 1024, .shards = 4}, metrics);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const auto key = "k" + std::to_string((i * 7 + t) % 300);
        if (i % 3 == 0) l1.put(key, bytes(std::string(static_cast<std::size_t>(i % 700), 'x')), t0, 1h);
        else if (i % 101 == 0) l1.erase_prefix("k1");
        else l1.get(key, t0, 3);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(l1.bytes(), 64u * 1024);
  EXPECT_EQ(metrics.gauge("repartee_cache_l1_bytes", "bytes of the entries in memory").value(), static_cast<double>(l1.bytes()));
  EXPECT_EQ(metrics.gauge("repartee_cache_l1_entries", "entries in memory").value(), static_cast<double>(l1.entries()));
}

TEST(Keys, SayTheirOwnerAndHoldNothingForeign) {
  const auto policies = default_policies();
  const auto& tts = policy_of(policies, Kind::tts_audio);
  const auto key = make_key(tts, "", "flite/s l'\"t:{x}", digest_of("hello"));
  EXPECT_EQ(key, "tts:public:flite/s_l__t__x_:" + digest_of("hello"));
  EXPECT_TRUE(is_key(key));
  EXPECT_EQ(owner_in(key), "");
  EXPECT_EQ(owner_in(make_key(tts, "0192f0c1-0000-7000-8000-000000000001", "v", "d")), "0192f0c1-0000-7000-8000-000000000001");
  EXPECT_FALSE(is_key("no colons"));
  EXPECT_FALSE(is_key("a:b:'c"));
  EXPECT_FALSE(is_key("a:b:" + std::string(key_bytes_max, 'x')));
}

}  // namespace
}  // namespace repartee::cache
