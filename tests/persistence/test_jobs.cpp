#include "persistence/jobs.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <thread>

#include "persistence/job_worker.hpp"
#include "persistence/subprocess.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement read_started{"t_job_started", "SELECT started_at AS v FROM jobs WHERE id = $1"};
constexpr Statement read_locked_until{"t_job_locked", "SELECT locked_until AS v FROM jobs WHERE id = $1"};

JobWorker::Options quick() {
  JobWorker::Options options;
  options.lease = Millis(1500);
  options.poll = Millis(20);
  options.backoff_min = Millis(5);
  options.backoff_max = Millis(50);
  return options;
}

class JobsTest : public StoreTest {
 protected:
  JobsTest() : queue_(owner_), kind_("test." + new_uuid()) {}
  std::string ask(const std::string& queue = "default", int attempts_max = 5) {
    NewJob job;
    job.kind = kind_;
    job.queue = queue;
    job.attempts_max = attempts_max;
    job.payload_json = R"({"n": 7})";
    auto id = queue_.enqueue(job);
    EXPECT_TRUE(id) << id.error().message;
    return id ? *id : std::string();
  }
  JobRecord look(const std::string& id) {
    auto job = queue_.find(id, "");
    EXPECT_TRUE(job) << job.error().message;
    return job ? *job : JobRecord();
  }
  bool comes_to(const std::string& id, const std::string& status) {
    return wait_until([&] { return look(id).status == status; });
  }
  Metrics own_metrics_;
  JobQueue queue_;
  std::string kind_;
};

TEST_F(JobsTest, DoesAJobAndKeepsItsResultForADay) {
  const auto id = ask();
  JobWorker worker(owner_, quick(), own_metrics_);
  worker.add(kind_, [](JobContext& context) -> Result<std::string> {
    EXPECT_EQ(context.job().payload_json, R"({"n": 7})");
    EXPECT_EQ(context.job().attempts, 1);
    return std::string(R"({"answer": 42})");
  });
  worker.start();
  ASSERT_TRUE(comes_to(id, "completed"));
  const auto job = look(id);
  EXPECT_EQ(job.result_json, R"({"answer": 42})");
  EXPECT_EQ(job.progress, 1);
  ASSERT_TRUE(job.expires_at && job.finished_at);
  EXPECT_EQ(*job.expires_at - *job.finished_at, std::chrono::hours(24));
}

TEST_F(JobsTest, IsWokenByANotificationLongBeforeItWouldLook) {
  auto options = quick();
  options.poll = std::chrono::minutes(10);
  options.lease = std::chrono::minutes(60);
  options.listen_at = cluster_.targets().owner;
  JobWorker worker(owner_, options, own_metrics_);
  worker.add(kind_, [](JobContext&) -> Result<std::string> { return std::string("{}"); });
  worker.start();
  ASSERT_TRUE(comes_to(ask(), "completed"));
  EXPECT_TRUE(comes_to(ask(), "completed")) << "and again, when nothing but the notification can have told it";
}

TEST_F(JobsTest, RetriesWhatFailsUntilItIsADeadLetterThatCanBeRevived) {
  const auto id = ask("default", 3);
  std::atomic<int> attempts{0};
  std::atomic<bool> fails{true};
  JobWorker worker(owner_, quick(), own_metrics_);
  worker.add(kind_, [&](JobContext&) -> Result<std::string> {
    ++attempts;
    if (fails) throw std::runtime_error("no luck");
    return std::string("{}");
  });
  worker.start();
  ASSERT_TRUE(comes_to(id, "dead"));
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(look(id).error, "the handler threw: no luck");
  EXPECT_EQ(queue_.cancel(id, "").error().code, Errc::conflict);
  fails = false;
  ASSERT_TRUE(queue_.revive(id));
  EXPECT_TRUE(comes_to(id, "completed"));
}

TEST_F(JobsTest, DoesNotRepeatWhatCannotSucceed) {
  const auto id = ask();
  std::atomic<int> attempts{0};
  JobWorker worker(owner_, quick(), own_metrics_);
  worker.add(kind_, [&](JobContext&) -> Result<std::string> {
    ++attempts;
    return Error{Errc::not_found, "its document is gone"};
  });
  worker.start();
  ASSERT_TRUE(comes_to(id, "dead"));
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(look(id).error, "its document is gone");
}

TEST_F(JobsTest, WaitsLongerAfterEachFailure) {
  auto options = quick();
  options.backoff_min = std::chrono::minutes(1);
  options.backoff_max = std::chrono::minutes(10);
  const auto id = ask();
  JobWorker worker(owner_, options, own_metrics_);
  worker.add(kind_, [&](JobContext&) -> Result<std::string> { return Error{Errc::unavailable, "away"}; });
  worker.start();
  double before = 0;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ASSERT_TRUE(wait_until([&] { return look(id).attempts == attempt && look(id).status == "queued"; }));
    const auto job = look(id);
    const double pause = std::chrono::duration<double>(*job.run_at - std::chrono::system_clock::now()).count();
    EXPECT_GT(pause, before);
    EXPECT_LT(pause, 60 * (1 << (attempt - 1)) * 1.26);
    before = pause;
    ASSERT_TRUE(owner_.run([&](Transaction& t) { t.exec({"t_hurry", "UPDATE jobs SET run_at = now() WHERE id = $1"}, Params(id)); }));
  }
}

TEST_F(JobsTest, KeepsToTheConcurrencyOfEachQueue) {
  auto options = quick();
  options.concurrency = {{"default", 2}, {"audio", 1}};
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(ask(i % 2 ? "audio" : "default"));
  std::map<std::string, std::atomic<int>> at_once, most;
  for (const char* queue : {"default", "audio"}) at_once[queue] = most[queue] = 0;
  JobWorker worker(owner_, options, own_metrics_);
  worker.add(kind_, [&](JobContext& context) -> Result<std::string> {
    auto& now = at_once.at(context.job().queue);
    auto& record = most.at(context.job().queue);
    const int running = ++now;
    if (running > record) record = running;
    std::this_thread::sleep_for(Millis(30));
    --now;
    return std::string("{}");
  });
  worker.start();
  for (const auto& id : ids) EXPECT_TRUE(comes_to(id, "completed"));
  EXPECT_LE(most.at("default"), 2);
  EXPECT_EQ(most.at("audio"), 1);
}

TEST_F(JobsTest, GivesEachJobToOneOfManyWorkers) {
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) ids.push_back(ask());
  std::atomic<int> runs{0};
  std::vector<std::unique_ptr<JobWorker>> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::make_unique<JobWorker>(owner_, quick(), own_metrics_));
    workers.back()->add(kind_, [&](JobContext&) -> Result<std::string> {
      ++runs;
      return std::string("{}");
    });
    workers.back()->start();
  }
  for (const auto& id : ids) EXPECT_TRUE(comes_to(id, "completed"));
  EXPECT_EQ(runs, 60);
}

TEST_F(JobsTest, KeepsTheLeaseOfALongJobAndShowsItsProgress) {
  auto options = quick();
  options.lease = Millis(300);
  const auto id = ask();
  std::atomic<int> begun{0};
  std::atomic<bool> may_end{false};
  const auto handler = [&](JobContext& context) -> Result<std::string> {
    ++begun;
    context.set_progress(0.5);
    while (!may_end && !context.should_stop()) std::this_thread::sleep_for(Millis(5));
    return std::string("{}");
  };
  JobWorker worker(owner_, options, own_metrics_), other(owner_, options, own_metrics_);
  worker.add(kind_, handler);
  other.add(kind_, handler);
  worker.start();
  other.start();
  ASSERT_TRUE(wait_until([&] { return look(id).progress == 0.5; }));
  const auto first = look(id).locked_until;
  ASSERT_TRUE(wait_until([&] { return look(id).locked_until > *first + Millis(600); })) << "renewed several times";
  may_end = true;
  ASSERT_TRUE(comes_to(id, "completed"));
  EXPECT_EQ(begun, 1);
}

TEST_F(JobsTest, CallsOffAQueuedJobAndTellsARunningOne) {
  const auto queued = ask();
  ASSERT_TRUE(queue_.cancel(queued, ""));
  EXPECT_EQ(look(queued).status, "cancelled");
  std::atomic<bool> begun{false};
  JobWorker worker(owner_, quick(), own_metrics_);
  worker.add(kind_, [&](JobContext& context) -> Result<std::string> {
    begun = true;
    while (!context.should_stop()) std::this_thread::sleep_for(Millis(5));
    return Error{Errc::cancelled, "told to stop"};
  });
  worker.start();
  const auto running = ask();
  ASSERT_TRUE(wait_until([&] { return begun.load(); }));
  ASSERT_TRUE(queue_.cancel(running, ""));
  EXPECT_TRUE(comes_to(running, "cancelled"));
  EXPECT_EQ(look(queued).attempts, 0) << "never run";
}

TEST_F(JobsTest, PutsBackWhatItDidNotFinishWhenItEnds) {
  const auto id = ask();
  std::atomic<bool> begun{false};
  {
    JobWorker worker(owner_, quick(), own_metrics_);
    worker.add(kind_, [&](JobContext& context) -> Result<std::string> {
      begun = true;
      while (!context.should_stop()) std::this_thread::sleep_for(Millis(5));
      return Error{Errc::cancelled, "told to stop"};
    });
    worker.start();
    ASSERT_TRUE(wait_until([&] { return begun.load(); }));
  }
  EXPECT_EQ(look(id).status, "queued");
  EXPECT_EQ(look(id).attempts, 0);
}

TEST_F(JobsTest, AsksForADailyJobOnceHoweverManyNodesThereAre) {
  std::atomic<int> runs{0};
  std::vector<std::unique_ptr<JobWorker>> workers;
  for (int i = 0; i < 3; ++i) {
    auto options = quick();
    options.daily_check = Millis(10);
    workers.push_back(std::make_unique<JobWorker>(owner_, options, own_metrics_));
    workers.back()->add_daily(kind_, [&](JobContext&) -> Result<std::string> {
      ++runs;
      return std::string("{}");
    });
    workers.back()->start();
  }
  ASSERT_TRUE(wait_until([&] { return runs > 0; }));
  const auto other = ask();  // when this is done, everybody has looked many times
  ASSERT_TRUE(comes_to(other, "completed"));
  workers.clear();
  const auto asked = scalar({"t_daily", "SELECT count(*) AS v FROM jobs WHERE kind = $1 AND unique_key IS NOT NULL"}, Params(kind_));
  EXPECT_TRUE(asked == "1" || asked == "2") << asked << " (two if midnight has just passed)";
}

TEST_F(JobsTest, AnswersAUniqueKeyWithTheJobThatIsThere) {
  NewJob job;
  job.kind = kind_;
  job.unique_key = new_uuid();
  const auto first = queue_.enqueue(job), second = queue_.enqueue(job);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  job.user_id = user_;
  EXPECT_NE(*queue_.enqueue(job), *first) << "a user's key does not stand in the way of the server's";
}

TEST_F(JobsTest, ShowsAUserTheirOwnJobsOnly) {
  const auto bob = make_user();
  JobQueue as_app(app_);
  NewJob job;
  job.kind = kind_;
  job.user_id = user_;
  const auto mine = as_app.enqueue(job);
  ASSERT_TRUE(mine) << mine.error().message;
  EXPECT_TRUE(as_app.find(*mine, user_));
  EXPECT_EQ(as_app.find(*mine, bob).error().code, Errc::not_found);
  EXPECT_EQ(as_app.cancel(*mine, bob).error().code, Errc::not_found);
  EXPECT_EQ(queue_.find(*mine, bob).error().code, Errc::not_found) << "over the owner's pool too";
  EXPECT_EQ(as_app.list("", bob)->size(), 0u);
  EXPECT_EQ(as_app.list("queued", user_)->size(), 1u);
  const auto refused = [&](const char* sql, const Params& params) {
    const auto name = "t_probe" + new_uuid();
    const auto status = app_.run([&](Transaction& t) { t.exec({name.c_str(), sql}, params); }, {.user_id = user_});
    return !status && status.error().code == Errc::permission_denied;
  };
  EXPECT_TRUE(refused("INSERT INTO jobs (id, kind) VALUES ($1, 'privacy.erase')", Params(new_uuid()))) << "not the server's";
  EXPECT_TRUE(refused("INSERT INTO jobs (id, kind, user_id) VALUES ($1, 'x', $2)", Params(new_uuid(), bob)));
  EXPECT_TRUE(refused("UPDATE jobs SET user_id = $2 WHERE id = $1", Params(*mine, bob)));
  EXPECT_TRUE(refused("UPDATE jobs SET status = 'completed' WHERE id = $1", Params(*mine)));
  EXPECT_TRUE(refused("DELETE FROM jobs WHERE id = $1", Params(*mine)));
  ASSERT_TRUE(as_app.cancel(*mine, user_));
  EXPECT_EQ(as_app.find(*mine, user_)->status, "cancelled");
}

TEST_F(JobsTest, RefusesWhatIsNoJob) {
  NewJob job;
  job.kind = kind_;
  job.queue = "no such queue";
  EXPECT_FALSE(queue_.enqueue(job));
  job.queue = "default";
  job.payload_json = "not json";
  EXPECT_EQ(queue_.enqueue(job).error().code, Errc::invalid_argument);
  job.payload_json = '"' + std::string(JobQueue::payload_bytes_max, 'x') + '"';
  EXPECT_EQ(queue_.enqueue(job).error().code, Errc::invalid_argument);
  EXPECT_EQ(queue_.find("'; DROP TABLE jobs; --", "").error().code, Errc::not_found);
}

TEST_F(JobsTest, FinishesWhatItHoldsAfterPostgresWasKilled) {
  const auto id = ask();
  std::atomic<bool> begun{false}, may_end{false};
  auto options = quick();
  options.lease = std::chrono::seconds(30);
  JobWorker worker(owner_, options, own_metrics_);
  worker.add(kind_, [&](JobContext&) -> Result<std::string> {
    begun = true;
    while (!may_end) std::this_thread::sleep_for(Millis(5));
    return std::string("{}");
  });
  worker.start();
  ASSERT_TRUE(wait_until([&] { return begun.load(); }));
  cluster_.kill_postmaster();
  may_end = true;
  ASSERT_TRUE(wait_until([&] {
    auto job = queue_.find(id, "");
    return job && job->status == "completed";
  }));
  EXPECT_EQ(look(id).attempts, 1);
}

// ---- kill -9 of a worker ----

// The other process: takes one job and never ends it. Standard input says where the database is and which kind it is.
TEST(JobWorkerChild, DISABLED_HoldsAJob) {
  std::string conninfo, kind;
  std::getline(std::cin, conninfo);
  std::getline(std::cin, kind);
  Metrics metrics;
  Database owner({.conninfo = conninfo, .set_role = ""}, {}, metrics);
  auto options = quick();
  options.node = "child";
  JobWorker worker(owner, options, metrics);
  worker.add(kind, [](JobContext& context) -> Result<std::string> {
    context.set_progress(0.25);
    for (;;) pause();
  });
  worker.start();
  for (;;) pause();
}

TEST_F(JobsTest, TakesUpWhatAKilledWorkerHeldOnceItsLeaseIsOver) {
  const auto id = ask();
  Identity self;
  self.uid = getuid();
  self.gid = getgid();
  SpawnRequest request;
  request.arguments = {"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=JobWorkerChild.DISABLED_HoldsAJob"};
  request.input = cluster_.targets().owner.conninfo + "\n" + kind_ + "\n";
  request.signal_on_parent_death = SIGKILL;
  const auto child = spawn(request, self);
  ASSERT_TRUE(child) << child.error().message;
  const bool held = wait_until([&] { return look(id).progress == 0.25; });
  kill(*child, SIGKILL);
  ASSERT_TRUE(wait_exit(*child, std::chrono::seconds(10)));
  ASSERT_TRUE(held);
  const auto leased_until = scalar(read_locked_until, Params(id));
  JobWorker worker(owner_, quick(), own_metrics_);
  worker.add(kind_, [](JobContext& context) -> Result<std::string> { return std::to_string(context.job().attempts); });
  worker.start();
  ASSERT_TRUE(comes_to(id, "completed"));
  EXPECT_EQ(look(id).result_json, "2");
  EXPECT_GT(scalar(read_started, Params(id)), leased_until) << "not begun again while the first might still have run";
}

}  // namespace
}  // namespace repartee::persistence::test
