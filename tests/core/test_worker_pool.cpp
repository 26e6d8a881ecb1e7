// Whose turn it is in the pool. One worker is held up, jobs are queued, and the order in which they then run is looked at.
#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "core/worker_pool.hpp"

namespace repartee {
namespace {

class Held {
 public:
  explicit Held(WorkerPool::Options options = {.workers = 1}) : pool_(std::move(options)) {
    std::promise<void> started;
    EXPECT_TRUE(pool_
                    .submit({.run =
                                 [this, &started] {
                                   started.set_value();
                                   released_.get_future().wait();
                                 },
                             .dropped = nullptr})
                    .ok());
    started.get_future().wait();
  }
  Status submit(std::string name, Priority priority, JobOwner owner = {}) {
    return pool_.submit({.priority = priority,
                         .run = [this, name] { note(name); },
                         .dropped = [this, name](Errc why) { note("-" + name + (why == Errc::resource_exhausted ? "!" : "")); },
                         .owner = std::move(owner)});
  }
  // The order in which `count` jobs ended.
  std::string run(std::size_t count) {
    released_.set_value();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return order_.size() >= count; });
    std::string joined;
    for (const auto& name : order_) joined += (joined.empty() ? "" : " ") + name;
    return joined;
  }
  WorkerPool& pool() { return pool_; }

 private:
  void note(std::string name) {
    std::lock_guard lock(mutex_);
    order_.push_back(std::move(name));
    changed_.notify_all();
  }
  std::promise<void> released_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> order_;
  WorkerPool pool_;
};

TEST(WorkerPoolFairness, ACallerWhoAsksForMuchWaitsForItselfNotTheOthersForIt) {
  Held held;
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(held.submit("a" + std::to_string(i), Priority::next_audio, {.caller = 1}).ok());
  ASSERT_TRUE(held.submit("b1", Priority::next_audio, {.caller = 2}).ok());
  ASSERT_TRUE(held.submit("c1", Priority::next_audio, {.caller = 3}).ok());
  ASSERT_TRUE(held.submit("c2", Priority::next_audio, {.caller = 3}).ok());
  EXPECT_EQ(held.run(7), "a1 b1 c1 a2 c2 a3 a4");
}

TEST(WorkerPoolFairness, UrgencyCountsBeforeTurns) {
  Held held;
  ASSERT_TRUE(held.submit("b1", Priority::later_audio, {.caller = 2}).ok());
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(held.submit("a" + std::to_string(i), Priority::first_audio, {.caller = 1}).ok());
  EXPECT_EQ(held.run(4), "a1 a2 a3 b1");
}

TEST(WorkerPoolFairness, JobsOfNobodyKeepTheirOrder) {
  Held held;
  for (const char* name : {"1", "2", "3", "4"}) ASSERT_TRUE(held.submit(name, Priority::background).ok());
  EXPECT_EQ(held.run(4), "1 2 3 4");
}

TEST(WorkerPoolFairness, AGuessThatTurnedOutRightIsServedAsWhatIsWaitedFor) {
  Held held;
  const auto urgency = std::make_shared<Urgency>();
  ASSERT_TRUE(held.submit("other", Priority::next_audio, {.caller = 1}).ok());
  ASSERT_TRUE(held.submit("guess", Priority::speculation, {.caller = 2, .urgency = urgency}).ok());
  urgency->raise(Priority::final_transcript);
  urgency->raise(Priority::background);  // never lowers
  EXPECT_EQ(held.run(2), "guess other");
}

TEST(WorkerPoolFairness, AFullQueueGivesUpACaptionForATranscriptAndNothingForACaption) {
  Held held({.workers = 1, .queue_jobs_max = 3});
  ASSERT_TRUE(held.submit("clause", Priority::next_audio).ok());
  ASSERT_TRUE(held.submit("caption1", Priority::partial_transcript).ok());
  ASSERT_TRUE(held.submit("caption2", Priority::partial_transcript).ok());
  EXPECT_EQ(held.submit("caption3", Priority::partial_transcript).error().code, Errc::resource_exhausted);
  ASSERT_TRUE(held.submit("final", Priority::final_transcript).ok());
  EXPECT_EQ(held.run(4), "-caption2! final clause caption1");
}

TEST(WorkerPoolFairness, ATranscriptDoesNotWaitForALongClause) {
  Held held({.workers = 1, .serves_turns = true});
  ASSERT_TRUE(held.submit("clause", Priority::first_audio).ok());
  std::promise<void> recognised;
  ASSERT_TRUE(
      held.pool().submit({.priority = Priority::final_transcript, .run = [&] { recognised.set_value(); }, .dropped = nullptr}).ok());
  EXPECT_EQ(recognised.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready) << "while the only worker is busy";
  const auto urgency = std::make_shared<Urgency>();
  std::promise<void> raised;
  ASSERT_TRUE(
      held.pool()
          .submit(
              {.priority = Priority::speculation, .run = [&] { raised.set_value(); }, .dropped = nullptr, .owner = {.urgency = urgency}})
          .ok());
  urgency->raise(Priority::final_transcript);
  EXPECT_EQ(raised.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready) << "a guess that was raised later, too";
  EXPECT_EQ(held.run(1), "clause");
}

TEST(WorkerPoolFairness, OneWorkerIsLeftToWhatTurnsWaitFor) {
  WorkerPool pool({.workers = 2, .serves_turns = true});
  std::promise<void> release;
  const auto released = release.get_future().share();
  std::promise<void> first_runs, turn_runs;
  std::atomic<int> unhurried{0};
  ASSERT_TRUE(pool.submit({.priority = Priority::later_audio,
                           .run =
                               [&, released] {
                                 ++unhurried;
                                 first_runs.set_value();
                                 released.wait();
                               },
                           .dropped = nullptr})
                  .ok());
  first_runs.get_future().wait();
  std::promise<void> second_runs;
  ASSERT_TRUE(pool.submit({.priority = Priority::background,
                           .run =
                               [&, released] {
                                 ++unhurried;
                                 second_runs.set_value();
                                 released.wait();
                               },
                           .dropped = nullptr})
                  .ok());
  ASSERT_TRUE(pool.submit({.priority = Priority::next_audio, .run = [&] { turn_runs.set_value(); }, .dropped = nullptr}).ok());
  EXPECT_EQ(turn_runs.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(unhurried, 1) << "the other worker was kept free";
  release.set_value();
  EXPECT_EQ(second_runs.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready) << "its turn comes";
}

TEST(WorkerPoolUsage, TellsTheLongestWaitOfWhatTurnsWaitFor) {
  Held held;
  ASSERT_TRUE(held.submit("background", Priority::background).ok());
  EXPECT_EQ(held.pool().take_usage(SteadyClock::now() + std::chrono::hours(1)).worst_wait, Duration::zero()) << "nobody waits for it";
  ASSERT_TRUE(held.submit("clause", Priority::first_audio).ok());
  EXPECT_GE(held.pool().take_usage(SteadyClock::now() + std::chrono::hours(1)).worst_wait, std::chrono::minutes(59))
      << "it has not begun yet";
  held.run(2);
  held.pool().take_usage(SteadyClock::now());
  EXPECT_EQ(held.pool().take_usage(SteadyClock::now()).worst_wait, Duration::zero()) << "told once";
}

}  // namespace
}  // namespace repartee
