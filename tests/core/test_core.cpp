#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "core/asio_loops.hpp"
#include "core/bounded_queue.hpp"
#include "core/ids.hpp"
#include "core/log.hpp"
#include "core/metrics.hpp"
#include "core/records.hpp"
#include "core/worker_pool.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee {
namespace {

TEST(Ids, AreUniqueAcrossThreadsAndSortByTime) {
  std::vector<std::future<std::vector<std::string>>> makers;
  for (int t = 0; t < 4; ++t)
    makers.push_back(std::async(std::launch::async, [] {
      std::vector<std::string> made;
      for (int i = 0; i < 5000; ++i) made.push_back(new_uuid());
      return made;
    }));
  std::set<std::string> all;
  for (auto& maker : makers)
    for (auto& id : maker.get()) {
      EXPECT_TRUE(is_uuid(id)) << id;
      EXPECT_EQ(id[14], '7');
      all.insert(id);
    }
  EXPECT_EQ(all.size(), 20'000u);
  const std::string earlier = new_uuid();
  std::this_thread::sleep_for(Millis(3));
  EXPECT_LT(earlier, new_uuid());
}

TEST(Ids, RefuseWhatIsNoUuid) {
  EXPECT_FALSE(is_uuid(""));
  EXPECT_FALSE(is_uuid("0192f0c1-0000-7000-8000-00000000000"));
  EXPECT_FALSE(is_uuid("0192f0c1-0000-7000-8000-00000000000g"));
  EXPECT_FALSE(is_uuid("0192f0c1000007000-8000-000000000000a"));
  EXPECT_EQ(new_id("item").substr(0, 5), "item_");
  EXPECT_GE(random_token(32).size(), 32u);
}

TEST(Money, PrintsEightDecimals) {
  EXPECT_EQ(to_decimal({12'500}), "0.00012500");
  EXPECT_EQ(to_decimal({-1}), "-0.00000001");
  EXPECT_EQ(to_decimal({-250'000'000}), "-2.50000000");
  EXPECT_EQ(to_decimal(Money{150'000'000} + Money{50'000'000}), "2.00000000");
}

TEST(BoundedQueue, SaysNoWhenItIsFullOrClosedAndKeepsWhatItHas) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_FALSE(queue.try_push(3));
  queue.close();
  EXPECT_FALSE(queue.try_push(4));
  EXPECT_EQ(queue.pop_batch(10, Millis(0)), (std::vector<int>{1, 2}));
  EXPECT_TRUE(queue.pop_batch(10, std::chrono::seconds(10)).empty()) << "closed: no waiting";
}

// A pool whose only worker is held up until released.
struct HeldPool {
  HeldPool() : pool({.workers = 1, .queue_jobs_max = 4}) {
    std::promise<void> started;
    auto status = pool.submit({.run = [this, &started] { started.set_value(); released.get_future().wait(); }, .dropped = nullptr});
    EXPECT_TRUE(status.ok());
    started.get_future().wait();
  }
  std::promise<void> released;
  WorkerPool pool;
};

TEST(WorkerPool, TakesTheMostUrgentJobFirstAndEqualOnesInOrder) {
  HeldPool held;
  std::mutex mutex;
  std::string order;
  std::promise<void> all;
  const auto job = [&](char name, Priority priority) {
    return WorkerPool::Job{.priority = priority, .run = [&, name] {
                             std::lock_guard lock(mutex);
                             order += name;
                             if (order.size() == 4) all.set_value();
                           },
                           .dropped = nullptr};
  };
  ASSERT_TRUE(held.pool.submit(job('p', Priority::partial_transcript)).ok());
  ASSERT_TRUE(held.pool.submit(job('n', Priority::next_audio)).ok());
  ASSERT_TRUE(held.pool.submit(job('f', Priority::final_transcript)).ok());
  ASSERT_TRUE(held.pool.submit(job('m', Priority::next_audio)).ok());
  held.released.set_value();
  all.get_future().wait();
  EXPECT_EQ(order, "fnmp");
}

TEST(WorkerPool, RefusesBeyondItsQueueAndDropsWhatIsLateOrCancelled) {
  HeldPool held;
  std::atomic<int> ran{0};
  std::promise<Errc> late;
  ASSERT_TRUE(held.pool.submit({.deadline = SteadyClock::now() - Millis(1), .run = [&] { ++ran; }, .dropped = [&](Errc why) { late.set_value(why); }}).ok());
  std::promise<Errc> cancelled;
  ASSERT_TRUE(held.pool.submit({.is_cancelled = [] { return true; }, .run = [&] { ++ran; }, .dropped = [&](Errc why) { cancelled.set_value(why); }}).ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(held.pool.submit({.run = [&] { ++ran; }, .dropped = nullptr}).ok());
  const Status full = held.pool.submit({.run = [] {}, .dropped = nullptr});
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code, Errc::resource_exhausted);
  held.released.set_value();
  EXPECT_EQ(late.get_future().get(), Errc::deadline_exceeded);
  EXPECT_EQ(cancelled.get_future().get(), Errc::cancelled);
  while (ran < 2) std::this_thread::yield();
  EXPECT_EQ(ran, 2);
}

TEST(RunOnPool, DeliversOnTheLoopAndIsSilentOnceItsHandleIsGone) {
  test::ManualLoop loop;
  WorkerPool pool({.workers = 1});
  int heard = 0;
  std::promise<void> worked;
  auto handle = run_on_pool<int>(pool, loop, Priority::background, no_deadline, [&]() -> Result<int> { worked.set_value(); return 7; },
                                 [&](Result<int> result) { heard += *result; });
  worked.get_future().wait();
  while (heard == 0) loop.run();
  EXPECT_EQ(heard, 7);
  std::promise<void> again;
  auto dropped = run_on_pool<int>(pool, loop, Priority::background, no_deadline, [&]() -> Result<int> { again.set_value(); return 1; },
                                  [&](Result<int>) { heard = -1; });
  again.get_future().wait();
  dropped.reset();
  for (int i = 0; i < 100; ++i) { loop.run(); std::this_thread::sleep_for(Millis(1)); }
  EXPECT_EQ(heard, 7);
}

TEST(AsioLoops, RunPostedTasksInOrderAndForgetTimersWhoseHandleIsGone) {
  AsioLoops loops(2);
  loops.start();
  std::promise<std::vector<int>> done;
  auto order = std::make_shared<std::vector<int>>();
  Loop& loop = loops.loop(1);
  for (int i = 0; i < 100; ++i) loop.post([order, i] { order->push_back(i); });
  loop.post([&] {
    auto cancelled = loop.after(Millis(1), [order] { order->push_back(-1); });
    cancelled.reset();
    auto last = std::make_shared<StreamPtr>();
    *last = loop.after(Millis(20), [&done, order, last] {
      const auto seen = *order;
      last->reset();   // a handle may go inside its own callback
      done.set_value(seen);
    });
  });
  const auto seen = done.get_future().get();
  ASSERT_EQ(seen.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(Log, HidesSecretsAndKeepsHostileValuesOnOneLine) {
  testing::internal::CaptureStderr();
  log::configure({.level = log::Level::info, .format = log::Format::text});
  log::info("test", "hello", {{"token", "abc123"}, {"name", "two\nlines \"quoted\""}, {"n", 3}, {"absent", std::optional<std::int64_t>()}});
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_EQ(line.find("abc123"), std::string::npos) << line;
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  EXPECT_NE(line.find(R"(name="two\nlines \"quoted\"")"), std::string::npos) << line;
  EXPECT_NE(line.find("absent=null"), std::string::npos) << line;
}

TEST(Metrics, GivesTheSameInstrumentForTheSameNameAndExportsIt) {
  Metrics metrics;
  metrics.counter("repartee_test_total", "A test", {{"kind", "x"}}).add(2);
  metrics.counter("repartee_test_total", "A test", {{"kind", "x"}}).add();
  metrics.histogram("repartee_test_seconds", "A test", {0.1, 1}).observe(0.5);
  EXPECT_EQ(metrics.counter("repartee_test_total", "A test", {{"kind", "x"}}).value(), 3);
  const std::string text = metrics.text();
  EXPECT_NE(text.find("repartee_test_total{kind=\"x\"} 3"), std::string::npos) << text;
  EXPECT_NE(text.find("repartee_test_seconds_bucket{le=\"1\"} 1"), std::string::npos) << text;
}

}  // namespace
}  // namespace repartee
