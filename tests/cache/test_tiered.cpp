#include <gtest/gtest.h>

#include "cache/tiered.hpp"
#include "tests/cache/fake_second_tier.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::cache {
namespace {

using repartee::test::ManualLoop;
using test::bytes;
using test::FakeSecondTier;
using namespace std::chrono_literals;
using Mood = FakeSecondTier::Mood;

const std::string key = "search:public:x";

struct TieredTest : ::testing::Test {
  Metrics metrics;
  ManualLoop loop, other_loop;
  FakeSecondTier second;
  TieredCache::Options options{.flush_interval = Duration::zero()};
  std::unique_ptr<TieredCache> cache_;
  TieredCache& cache() {
    if (!cache_) cache_ = std::make_unique<TieredCache>(options, &second, metrics);
    return *cache_;
  }

  // The real work: answers after a while, counts, and can be seen to be cancelled.
  int loads = 0;
  Duration load_time = 100ms;
  Result<Bytes> loaded = bytes("loaded");
  TieredCache::Loader loader() {
    return [this](Loop& l, std::function<void(Result<Bytes>)> done) {
      ++loads;
      return l.after(load_time, [this, done] { done(loaded); });
    };
  }

  struct Got {
    std::optional<Result<Bytes>> result;
    Source source = Source::memory;
    StreamPtr handle;
    std::string text() const { return !result ? "(nothing yet)" : !*result ? "(error)" : **result ? ***result : "(none)"; }
  };
  std::unique_ptr<Got> get(ManualLoop& on, Kind kind = Kind::vector_search) {
    auto got = std::make_unique<Got>();
    got->handle = cache().get(on, kind, key, loader(), [got = got.get()](Result<Bytes> result, Source source) {
      got->result = std::move(result);
      got->source = source;
    });
    EXPECT_FALSE(got->result) << "never from inside the call";
    return got;
  }
};

TEST_F(TieredTest, LoadsOnceAndThenAnswersFromMemory) {
  auto first = get(loop);
  loop.advance(1s);
  EXPECT_EQ(first->text(), "loaded");
  EXPECT_EQ(first->source, Source::loader);
  EXPECT_EQ(second.values[key], "loaded");
  auto again = get(loop);
  loop.run();
  EXPECT_EQ(again->text(), "loaded");
  EXPECT_EQ(again->source, Source::memory);
  EXPECT_EQ(loads, 1);
}

TEST_F(TieredTest, TakesTheSecondTiersAnswerWhenItIsFirst) {
  second.values[key] = "stored";
  auto got = get(loop);
  loop.run();
  EXPECT_EQ(got->text(), "stored");
  EXPECT_EQ(got->source, Source::second_tier);
  loop.advance(1s);
  EXPECT_EQ(loads, 1) << "the work ran beside it, and was called off";
  EXPECT_EQ(second.values[key], "stored");
  EXPECT_EQ(*cache().peek(Kind::vector_search, key, loop.now())->value, "stored");
}

TEST_F(TieredTest, TakesTheLoadersAnswerWhenTheSecondTierIsSlow) {
  second.values[key] = "stored";
  second.mood = Mood::slow;
  auto got = get(loop);
  loop.advance(100ms);
  EXPECT_EQ(got->text(), "loaded");
  second.release();
  loop.run();
  EXPECT_EQ(got->text(), "loaded");
}

TEST_F(TieredTest, WaitsForTheSecondTierNoLongerThanItsPatience) {
  options.policies[static_cast<std::size_t>(Kind::vector_search)].second = SecondTierUse::before;
  second.mood = Mood::slow;
  auto got = get(loop);
  loop.advance(40ms);
  EXPECT_EQ(loads, 0) << "asked first";
  loop.advance(20ms);
  EXPECT_EQ(loads, 1) << "but not for ever";
  loop.advance(100ms);
  EXPECT_EQ(got->text(), "loaded");

  second.mood = Mood::down;
  cache().forget_here("");
  auto while_down = get(loop);
  loop.advance(100ms);
  EXPECT_EQ(while_down->text(), "loaded") << "no patience is needed for an error";
}

TEST_F(TieredTest, AnswersWhileTheSecondTierIsDownOrMissing) {
  second.mood = Mood::down;
  auto got = get(loop);
  loop.advance(1s);
  EXPECT_EQ(got->text(), "loaded");
  TieredCache alone({.flush_interval = Duration::zero()}, nullptr, metrics);
  std::string text;
  const auto handle = alone.get(loop, Kind::vector_search, key, loader(), [&](Result<Bytes> result, Source) { text = **result; });
  loop.advance(1s);
  EXPECT_EQ(text, "loaded");
}

TEST_F(TieredTest, LetsTheSecondTierSaveALoadThatFailed) {
  second.values[key] = "stored";
  second.mood = Mood::slow;
  loaded = Error{Errc::unavailable, "the engine is away"};
  auto got = get(loop);
  loop.advance(100ms);
  EXPECT_FALSE(got->result);
  second.release();
  loop.run();
  EXPECT_EQ(got->text(), "stored");

  cache().forget_here("");
  second.values.clear();
  auto lost = get(loop);
  loop.advance(1s);
  EXPECT_EQ(lost->text(), "(error)") << "nobody had it, and waiting ends";
  EXPECT_EQ(lost->result->error().code, Errc::unavailable);
}

TEST_F(TieredTest, LoadsOnceForAllWhoAskAtTheSameTimeOnAnyLoop) {
  second.mood = Mood::slow;
  auto one = get(loop), two = get(loop), three = get(other_loop);
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(second.gets, 1);
  loop.advance(100ms);
  EXPECT_EQ(one->text(), "loaded");
  EXPECT_EQ(two->text(), "loaded");
  EXPECT_EQ(three->text(), "(nothing yet)") << "answers come on the asker's own loop";
  other_loop.run();
  EXPECT_EQ(three->text(), "loaded");
}

TEST_F(TieredTest, GoesOnLoadingForTheOthersWhenTheFirstOneGivesUp) {
  second.mood = Mood::slow;
  auto one = get(loop), two = get(other_loop);
  one->handle.reset();
  loop.advance(100ms);
  other_loop.run();
  EXPECT_FALSE(one->result);
  EXPECT_EQ(two->text(), "loaded");
}

TEST_F(TieredTest, StopsLoadingWhenNobodyWaitsAnyMore) {
  second.mood = Mood::slow;
  auto one = get(loop), two = get(other_loop);
  one->handle.reset();
  two->handle.reset();
  loop.advance(1s);
  EXPECT_TRUE(second.values.empty());
  EXPECT_FALSE(cache().peek(Kind::vector_search, key, loop.now()));
  auto later = get(loop);
  loop.advance(1s);
  EXPECT_EQ(later->text(), "loaded");
  EXPECT_EQ(loads, 2);
}

TEST_F(TieredTest, MayBeCalledOffFromInsideItsOwnAnswer) {
  StreamPtr handle;
  int answers = 0;
  handle = cache().get(loop, Kind::vector_search, key, loader(), [&](Result<Bytes>, Source) {
    ++answers;
    handle.reset();
  });
  loop.advance(1s);
  EXPECT_EQ(answers, 1);
}

TEST_F(TieredTest, RemembersForAShortTimeThatThereIsNothing) {
  loaded = Bytes();
  auto got = get(loop);
  loop.advance(1s);
  EXPECT_EQ(got->text(), "(none)");
  auto again = get(loop);
  loop.run();
  EXPECT_EQ(again->text(), "(none)");
  EXPECT_EQ(loads, 1);
  EXPECT_TRUE(second.values.empty());
  loop.advance(31s);
  get(loop);
  EXPECT_EQ(loads, 2);
}

TEST_F(TieredTest, DoesNotRememberErrors) {
  loaded = Error{Errc::unavailable, "away"};
  auto got = get(loop);
  loop.advance(1s);
  EXPECT_EQ(got->text(), "(error)");
  loaded = bytes("better");
  auto again = get(loop);
  loop.advance(1s);
  EXPECT_EQ(again->text(), "better");
}

TEST_F(TieredTest, EndsALoadThatHangs) {
  load_time = 1h;
  second.mood = Mood::slow;
  auto got = get(loop);
  loop.advance(31s);
  ASSERT_TRUE(got->result && !*got->result);
  EXPECT_EQ(got->result->error().code, Errc::deadline_exceeded);
}

TEST_F(TieredTest, RenewsWhatIsAskedOftenBeforeItExpires) {
  auto first = get(loop);
  loop.advance(1s);
  loop.advance(25min);  // of 30
  for (int i = 0; i < 2; ++i) {
    auto hit = get(loop);
    loop.run();
    EXPECT_EQ(hit->source, Source::memory);
  }
  EXPECT_EQ(loads, 1);
  loaded = bytes("newer");
  auto third = get(loop);
  loop.advance(1s);
  EXPECT_EQ(third->text(), "loaded") << "answered at once, renewed beside it";
  EXPECT_EQ(loads, 2);
  EXPECT_EQ(*cache().peek(Kind::vector_search, key, loop.now())->value, "newer");
  loop.advance(10min);
  EXPECT_TRUE(cache().peek(Kind::vector_search, key, loop.now())) << "beyond its first lifetime";
}

TEST_F(TieredTest, HandsOutButDoesNotKeepWhatWasInvalidatedWhileItWasLoaded) {
  second.mood = Mood::slow;
  auto got = get(loop);
  cache().invalidate("search:public:");
  loop.advance(1s);
  EXPECT_EQ(got->text(), "loaded");
  EXPECT_FALSE(cache().peek(Kind::vector_search, key, loop.now()));
  EXPECT_TRUE(second.values.empty());
  EXPECT_EQ(second.removed, std::vector<std::string>{"search:public:"});
}

TEST_F(TieredTest, ForgetsEverythingOfOneUser) {
  const std::string user = "0192f0c1-0000-7000-8000-000000000001";
  cache().put(Kind::llm_response, "llm:" + user + ":a", bytes("private"), loop.now());
  cache().put(Kind::llm_response, "llm:public:a", bytes("public"), loop.now());
  cache().forget_owner(user);
  EXPECT_FALSE(cache().peek(Kind::llm_response, "llm:" + user + ":a", loop.now()));
  EXPECT_TRUE(cache().peek(Kind::llm_response, "llm:public:a", loop.now()));
  EXPECT_EQ(second.values.size(), 1u);
}

TEST_F(TieredTest, AsksTheSecondTierAloneAndNotForLong) {
  second.values[key] = "stored";
  second.mood = Mood::slow;
  int answers = 0;
  Bytes value;
  auto handle = cache().ask(loop, Kind::vector_search, key, [&](Bytes v) {
    ++answers;
    value = v;
  });
  loop.advance(1s);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(value, nullptr);
  second.release();
  loop.run();
  EXPECT_EQ(answers, 1) << "once";
  EXPECT_TRUE(cache().peek(Kind::vector_search, key, loop.now())) << "a late answer still serves the next one";
}

TEST_F(TieredTest, KeepsNoAnswerFromBeforeAnInvalidation) {
  second.values[key] = "old";
  second.mood = Mood::slow;
  auto handle = cache().ask(loop, Kind::vector_search, key, [](Bytes) {});
  cache().forget_here("search:");
  second.release();
  loop.run();
  EXPECT_FALSE(cache().peek(Kind::vector_search, key, loop.now()));
}

TEST_F(TieredTest, WarmsMemoryFromTheSecondTierAndTellsItWhatWasUsed) {
  second.values["tts:public:v:a"] = "said before";
  cache().warm(loop.now());
  EXPECT_EQ(*cache().peek(Kind::tts_audio, "tts:public:v:a", loop.now())->value, "said before");
  cache().flush_hits();
  cache().flush_hits();
  EXPECT_EQ(second.hits["tts:public:v:a"], 1);
}

TEST_F(TieredTest, LetsHandlesOutliveIt) {
  second.mood = Mood::slow;
  auto got = get(loop);
  bool answered = false;
  StreamPtr asking = cache().ask(loop, Kind::vector_search, key, [&](Bytes value) {
    answered = true;
    EXPECT_EQ(value, nullptr);
  });
  cache_.reset();
  second.release();
  loop.run();
  got->handle.reset();
  asking.reset();
  loop.advance(1min);
  EXPECT_FALSE(got->result);
  EXPECT_TRUE(answered);
}

}  // namespace
}  // namespace repartee::cache
