#include <gtest/gtest.h>

#include <future>

#include "cache/events.hpp"
#include "cache/l2.hpp"
#include "tests/cache/fake_second_tier.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::cache {
namespace {

using persistence::test::StoreTest;
using persistence::test::wait_until;
using test::bytes;
using namespace std::chrono_literals;

constexpr persistence::Statement count_rows{"l2_test_count", "SELECT count(*) AS v FROM llm_response_cache WHERE key LIKE $1 || '%'"};
constexpr persistence::Statement hit_count{"l2_test_hits", "SELECT hit_count AS v FROM llm_response_cache WHERE key = $1"};
constexpr persistence::Statement expire{"l2_test_expire",
                                        "UPDATE llm_response_cache SET expires_at = now() - interval '1 s' WHERE key = $1"};
constexpr persistence::Statement age{"l2_test_age", "UPDATE llm_response_cache SET last_used_at = now() - interval '1 day' WHERE key = $1"};

class L2Test : public StoreTest {
 protected:
  L2Test() : database_(cluster_.targets().app, cache_database_options({}), metrics_) { scope_ = "t" + new_uuid(); }
  L2& l2() {
    if (!l2_) l2_ = std::make_unique<L2>(database_, policies_, options_, metrics_);
    return *l2_;
  }
  std::string key(const std::string& name, const std::string& owner = "") {
    return make_key(policy_of(policies_, Kind::llm_response), owner, scope_, name);
  }
  void put(const std::string& k, const std::string& value, Duration ttl = 1h) {
    l2().put(Kind::llm_response, k, bytes(value), ttl);
    ASSERT_TRUE(l2().wait_until_written(20s));
  }
  Result<std::optional<StoredValue>> get(const std::string& k) {
    std::promise<Result<std::optional<StoredValue>>> answer;
    l2().get(Kind::llm_response, k, [&](auto result) { answer.set_value(std::move(result)); });
    return answer.get_future().get();
  }
  std::string text(const std::string& k) {
    auto found = get(k);
    return !found ? "(error) " + found.error().message : *found ? (*found)->bytes : "(none)";
  }

  Policies policies_ = default_policies();
  L2::Options options_{.sweep_interval = Duration::zero()};
  persistence::Database database_;
  std::string scope_;
  std::unique_ptr<L2> l2_;
};

TEST_F(L2Test, KeepsBytesAsTheyAreUntilTheirTimeIsOver) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  put(key("a"), all, 100s);
  const auto found = get(key("a"));
  ASSERT_TRUE(found && *found) << text(key("a"));
  EXPECT_EQ((*found)->bytes, all);
  EXPECT_GT((*found)->left, 50s);
  EXPECT_LE((*found)->left, 100s);
  put(key("a"), "another");
  EXPECT_EQ(text(key("a")), "another");
  EXPECT_EQ(text(key("b")), "(none)");
  scalar(expire, persistence::Params(key("a")));
  EXPECT_EQ(text(key("a")), "(none)");
}

TEST_F(L2Test, ShowsAUsersValuesUnderTheirNameOnlyAndLosesThemWithTheUser) {
  put(key("secret", user_), "mine");
  put(key("open"), "everybody's");
  EXPECT_EQ(text(key("secret", user_)), "mine");
  const auto other = make_user();
  const persistence::Statement peek{"l2_test_peek", "SELECT value FROM llm_response_cache WHERE key = $1"};
  const auto seen = app_.run([&](persistence::Transaction& t) { return t.exec(peek, persistence::Params(key("secret", user_))).size(); },
                             {.user_id = other});
  EXPECT_EQ(*seen, 0u);
  const auto stolen = app_.run(
      [&](persistence::Transaction& t) {
        t.exec({"l2_test_steal", "INSERT INTO llm_response_cache (key, user_id, value, expires_at) VALUES ($1, $2, 'x', now())"},
               persistence::Params(key("other", user_), user_));
      },
      {.user_id = other});
  ASSERT_FALSE(stolen);
  EXPECT_EQ(stolen.error().code, Errc::permission_denied);
  scalar({"l2_test_erase_user", "DELETE FROM users WHERE id = $1"}, persistence::Params(user_));
  EXPECT_EQ(text(key("secret", user_)), "(none)");
  EXPECT_EQ(text(key("open")), "everybody's");
}

TEST_F(L2Test, AnswersManyAtOnceEachOnce) {
  for (int i = 0; i < 20; ++i) put(key(std::to_string(i)), "v" + std::to_string(i));
  std::atomic<int> right{0}, missing{0}, answers{0};
  for (int i = 0; i < 200; ++i)
    l2().get(Kind::llm_response, key(std::to_string(i % 40), i % 3 == 2 ? user_ : ""), [&, i](auto result) {
      if (result && *result && (*result)->bytes == "v" + std::to_string(i % 40)) ++right;
      if (result && !*result) ++missing;
      ++answers;
    });
  ASSERT_TRUE(wait_until([&] { return answers == 200; }));
  EXPECT_EQ(right + missing, 200);
  EXPECT_GT(right, 50);
}

TEST_F(L2Test, CountsHitsAndGivesWhatWasUsedMostFirst) {
  for (const char* name : {"rare", "often", "never"}) put(key(name), name);
  put(key("private", user_), "not for warming");
  l2().add_hits(Kind::llm_response, key("often"), 1'000'000);
  l2().add_hits(Kind::llm_response, key("often"), 2);
  l2().add_hits(Kind::llm_response, key("rare"), 900'000);
  l2().add_hits(Kind::llm_response, key("private", user_), 2'000'000);
  ASSERT_TRUE(l2().wait_until_written(20s));
  EXPECT_EQ(scalar(hit_count, persistence::Params(key("often"))), "1000002");
  std::mutex mutex;
  std::vector<std::string> used;
  l2().most_used(Kind::llm_response, 2, 1 << 20, [&](std::string, StoredValue value) {
    std::lock_guard lock(mutex);
    used.push_back(value.bytes);
  });
  ASSERT_TRUE(l2().wait_until_written(20s));
  EXPECT_EQ(used, (std::vector<std::string>{"often", "rare"}));
}

TEST_F(L2Test, SweepsWhatExpiredAndWhatWasUsedLongestAgoBeyondItsLimits) {
  put(key("expired"), "x");
  scalar(expire, persistence::Params(key("expired")));
  ASSERT_TRUE(l2().sweep());
  EXPECT_EQ(scalar(count_rows, persistence::Params("llm:public:" + scope_)), "0");
  for (const char* name : {"old", "b", "c"}) put(key(name), std::string(1000, 'x'));
  scalar(age, persistence::Params(key("old")));
  options_.rows_max = 2;
  l2_.reset();
  ASSERT_TRUE(l2().sweep());
  EXPECT_EQ(text(key("old")), "(none)");
  EXPECT_NE(text(key("b")), "(none)");
  options_ = {.bytes_max = 1500, .sweep_interval = Duration::zero()};
  l2_.reset();
  ASSERT_TRUE(l2().sweep());
  EXPECT_EQ(scalar(count_rows, persistence::Params("llm:public:" + scope_)), "1");
}

TEST_F(L2Test, RemovesByPrefixWhoeverTheyBelongTo) {
  put(key("a"), "x");
  put(key("a", user_), "x");
  l2().remove_prefix("llm:" + user_ + ":");
  ASSERT_TRUE(l2().wait_until_written(20s));
  EXPECT_EQ(text(key("a")), "x");
  EXPECT_EQ(text(key("a", user_)), "(none)");
}

TEST_F(L2Test, PacksAndUnpacksOnItsOwnThreads) {
  auto& policy = policies_[static_cast<std::size_t>(Kind::llm_response)];
  policy.pack = [](std::string_view text) { return std::optional("<" + std::string(text) + ">"); };
  policy.unpack = [](std::string_view text) {
    return text.starts_with("<") ? std::optional(std::string(text.substr(1, text.size() - 2))) : std::nullopt;
  };
  put(key("a"), "hello");
  EXPECT_EQ(text(key("a")), "hello");
  scalar({"l2_test_break", "UPDATE llm_response_cache SET value = 'broken' WHERE key = $1"}, persistence::Params(key("a")));
  EXPECT_EQ(text(key("a")), "(none)") << "what does not unpack is not there";
}

TEST_F(L2Test, RefusesWhatIsNoKeyWithoutAskingTheDatabase) {
  EXPECT_EQ(text("'; DROP TABLE users; --"), "(none)");
  l2().put(Kind::llm_response, "a:b:{c,d}", bytes("x"), 1h);
  EXPECT_TRUE(l2().wait_until_written(1s));
}

TEST_F(L2Test, AnswersWithAnErrorWhileTheDatabaseIsAway) {
  persistence::Database nowhere(*persistence::parse_target("host=/nowhere dbname=none connect_timeout=1"), cache_database_options({}),
                                metrics_);
  L2 lost(nowhere, policies_, options_, metrics_);
  std::promise<Errc> code;
  lost.put(Kind::llm_response, key("a"), bytes("x"), 1h);
  lost.get(Kind::llm_response, key("a"), [&](auto result) { code.set_value(result ? Errc::ok : result.error().code); });
  EXPECT_EQ(code.get_future().get(), Errc::unavailable);
  EXPECT_TRUE(lost.wait_until_written(20s));
}

TEST_F(L2Test, AnswersEverybodyWhenItCloses) {
  std::atomic<int> answers{0};
  for (int i = 0; i < 500; ++i) l2().get(Kind::llm_response, key("x"), [&](auto) { ++answers; });
  l2_.reset();
  EXPECT_EQ(answers, 500);
}

// Two nodes on one database.
class CacheEventsTest : public L2Test {
 protected:
  struct Node {
    Node(const std::string& name, persistence::Database& database, const persistence::DatabaseTarget& target, Metrics& metrics)
        : l2(database, default_policies(), {.node = name, .sweep_interval = Duration::zero()}, metrics),
          cache({.flush_interval = Duration::zero()}, &l2, metrics),
          events(
              target, cache,
              [this](std::string_view prefix) {
                std::lock_guard lock(mutex);
                heard.emplace_back(prefix);
              },
              {.node = name, .listener = {.backoff_min = Millis(20)}}, metrics) {}
    bool has(const std::string& k, TimePoint now) { return cache.peek(Kind::llm_response, k, now).has_value(); }
    bool heard_of(const std::string& prefix) {
      std::lock_guard lock(mutex);
      return std::find(heard.begin(), heard.end(), prefix) != heard.end();
    }
    std::mutex mutex;
    std::vector<std::string> heard;
    L2 l2;
    TieredCache cache;
    CacheEvents events;
  };
  repartee::test::ManualLoop loop_;
};

TEST_F(CacheEventsTest, ForgetsEverywhereWhatOneNodeInvalidates) {
  Node one("one", database_, cluster_.targets().app, metrics_), two("two", database_, cluster_.targets().app, metrics_);
  ASSERT_TRUE(wait_until([&] { return one.events.listening() && two.events.listening(); }));
  const auto now = loop_.now();
  for (auto* node : {&one, &two}) {
    node->cache.put(Kind::llm_response, key("a"), bytes("x"), now);
    node->cache.put(Kind::llm_response, key("b"), bytes("x"), now);
  }
  one.cache.invalidate(key("a"));
  EXPECT_FALSE(one.has(key("a"), now));
  EXPECT_TRUE(wait_until([&] { return !two.has(key("a"), now); }));
  EXPECT_TRUE(one.has(key("b"), now));
  EXPECT_TRUE(two.has(key("b"), now));
  EXPECT_FALSE(one.heard_of(key("a"))) << "its own event is not for itself";
}

TEST_F(CacheEventsTest, ForgetsEverywhereWhatAnOperatorClearsByHand) {
  Node one("one", database_, cluster_.targets().app, metrics_), two("two", database_, cluster_.targets().app, metrics_);
  ASSERT_TRUE(wait_until([&] { return one.events.listening() && two.events.listening(); }));
  const auto now = loop_.now();
  for (const auto& k : {key("a"), key("a2", user_), key("b")}) {
    one.cache.put(Kind::llm_response, k, bytes("x"), now);
    two.cache.put(Kind::llm_response, k, bytes("x"), now);
  }
  ASSERT_TRUE(one.l2.wait_until_written(20s) && two.l2.wait_until_written(20s));
  EXPECT_EQ(*remove_everywhere(database_, key("a")), 1);
  EXPECT_TRUE(wait_until([&] { return !one.has(key("a"), now) && !two.has(key("a"), now); })) << "both nodes, whoever asked";
  EXPECT_EQ(text(key("a")), "(none)");
  EXPECT_TRUE(one.has(key("b"), now));
  EXPECT_GE(*remove_everywhere(database_, ""), 2);
  EXPECT_TRUE(wait_until([&] { return !one.has(key("b"), now) && !two.has(key("a2", user_), now); }));
}

TEST(CachePolicies, KeepEachKindForItsTime) {
  const auto policies = default_policies();
  const auto ttl = [&](Kind kind) { return policy_of(policies, kind).ttl; };
  EXPECT_EQ(ttl(Kind::embedding), 1h);
  EXPECT_EQ(ttl(Kind::vector_search), 30min);
  EXPECT_EQ(ttl(Kind::llm_response), 1h);
  EXPECT_EQ(ttl(Kind::tts_audio), 24h * 7);
  EXPECT_EQ(ttl(Kind::audio_track), 1h);
  EXPECT_EQ(ttl(Kind::analysis), 1h);
  EXPECT_EQ(ttl(Kind::audio_features), 24h);
  EXPECT_EQ(ttl(Kind::similarity), 30min);
  EXPECT_EQ(ttl(Kind::packets), 24h * 7);
}

TEST_F(CacheEventsTest, HearsThatACloneWasChanged) {
  Node node("one", database_, cluster_.targets().app, metrics_);
  ASSERT_TRUE(wait_until([&] { return node.events.listening(); }));
  scalar({"l2_test_change_clone", "UPDATE echos SET greeting = 'Hi' WHERE id = $1"}, persistence::Params(echo_));
  EXPECT_TRUE(wait_until([&] { return node.heard_of("clone:" + echo_); }));
}

TEST_F(CacheEventsTest, ListensAgainAfterTheDatabaseWasAwayAndForgetsWhatItMayHaveMissed) {
  Node node("one", database_, cluster_.targets().app, metrics_);
  ASSERT_TRUE(wait_until([&] { return node.events.listening(); }));
  const auto now = loop_.now();
  node.cache.put(Kind::llm_response, key("a"), bytes("x"), now);
  ASSERT_TRUE(node.l2.wait_until_written(20s));
  cluster_.kill_postmaster();
  EXPECT_TRUE(wait_until([&] { return node.heard_of(""); }));
  EXPECT_FALSE(node.has(key("a"), now));
  EXPECT_TRUE(wait_until([&] { return node.events.listening(); }));
  EXPECT_TRUE(wait_until([&] { return text(key("b")) == "(none)"; })) << "and the second tier works again";
}

}  // namespace
}  // namespace repartee::cache
