// The database away, mute, or refusing to write, while a hundred calls go on.
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "tests/failures/ledger.hpp"
#include "tests/failures/own_cluster.hpp"
#include "tests/failures/stage.hpp"

namespace repartee::test {
namespace {

constexpr std::size_t some_turns = 300;

// 503, and why.
std::string why_not_ready(const ServerProcess& server) {
  const auto answer = server.get("/ready");
  return answer.status == 503 ? answer.body : "";
}
bool says_database(const ServerProcess& server) { return why_not_ready(server).find("database") != std::string::npos; }

// Why this is as good as an hour: no part of the way from a turn to its row knows the time. While the database is away, records up to a
// bound stay in memory and the rest stays in the journal, to be read back in pieces; an hour is a number of records beyond the bound. The
// defaults hold 10,000, and an hour of a hundred calls, each with six turns a minute, makes 72,000 (a turn and its session's row each): 7
// times the bound. Here it is 300, and the test waits for 7 times as much, and for longer than every time limit there is on the way
// (statements 30 s, connecting 10 s, acquiring 10 s). PostgreSQL does not die but hangs, with its sockets open: nothing fails at once.
TEST(DatabaseAway, LongerThanMemoryHoldsIsCarriedByTheJournal) {
  constexpr std::size_t records = Stage::recorder_items_max * 7;
  constexpr Duration statements_give_up = std::chrono::seconds(35);
  Stage stage;
  ServerProcess server(stage.arguments(), stage.data_dir());
  Callers callers(server.ws_url());
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  const auto cluster = with_children(embedded_postmaster(stage.data_dir()));
  ASSERT_GT(cluster.size(), 1u);
  for (const auto pid : cluster) kill(pid, SIGSTOP);
  const auto stopped_at = SteadyClock::now();
  EXPECT_TRUE(server.wait_until([&] { return says_database(server); })) << why_not_ready(server);
  ASSERT_TRUE(server.wait_until([&] { return server.metric("repartee_recorder_queue_items") >= records; }, std::chrono::seconds(60)))
      << server.metric("repartee_recorder_queue_items") << "\n"
      << server.log();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(one_call(server.ws_url()), "") << "a new call while the database is away";
  std::this_thread::sleep_until(stopped_at + statements_give_up);
  EXPECT_TRUE(says_database(server));
  EXPECT_EQ(server.get("/health").status, 200);
  EXPECT_GE(server.metric("repartee_journal_bytes"), static_cast<double>(records));
  EXPECT_EQ(callers.open(), 100u);
  const auto told_meanwhile = callers.turns();
  EXPECT_GE(told_meanwhile, records / 2);
  for (const auto pid : cluster) kill(pid, SIGCONT);
  EXPECT_TRUE(server.wait_until([&] { return server.get("/ready").status == 200; })) << why_not_ready(server);
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  EXPECT_EQ(callers.open(), 100u);
  close_the_books("database away long", callers, server, embedded_owner(stage.data_dir()));
  EXPECT_GT(server.metric("repartee_journal_read_back_total"), 0) << "memory held it all: the test shows nothing";
}

TEST(DatabaseAway, AServerThatIsStoppedMeanwhileEndsAndTheNextOneHasEverything) {
  Stage stage;
  ToldTurns told;
  std::vector<pid_t> cluster;
  {
    ServerProcess server(stage.arguments(), stage.data_dir());
    Callers callers(server.ws_url());
    cluster = with_children(embedded_postmaster(stage.data_dir()));
    ASSERT_GT(cluster.size(), 1u);
    for (const auto pid : cluster) kill(pid, SIGSTOP);
    ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
    callers.hang_up();
    told = callers.told();
    EXPECT_EQ(server.stop(), 1) << "not the clean stop of a server whose database is well\n" << server.log();
    EXPECT_NE(server.log().find("turns stay in the journal for the next start"), std::string::npos) << server.log();
  }
  for (const auto pid : cluster) kill(pid, SIGCONT);  // it was told to end when its server did
  ServerProcess again(stage.arguments(), stage.data_dir());
  expect_all_there("stopped while the database hung", told, again, embedded_owner(stage.data_dir()));
}

TEST(DatabaseElsewhere, UnreachableAtTheStartThenThereThenStoppedThenThereAgain) {
  Stage stage;
  OwnCluster cluster(stage.path() / "own", {});
  ServerProcess server(stage.arguments({"--database-url", cluster.socket_url()}), stage.data_dir());
  EXPECT_TRUE(server.wait_for_log("the database is away: starting without it")) << server.log();
  EXPECT_TRUE(says_database(server)) << why_not_ready(server);
  Callers callers(server.ws_url());
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  cluster.start();  // empty: the server makes its tables when it first meets it
  EXPECT_TRUE(server.wait_until([&] { return server.get("/ready").status == 200; })) << server.log();
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  cluster.stop();
  EXPECT_TRUE(server.wait_until([&] { return says_database(server); }));
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  EXPECT_TRUE(server.wait_for_log("the database does not take records: they wait")) << server.log();
  cluster.start();
  EXPECT_TRUE(server.wait_until([&] { return server.get("/ready").status == 200; }));
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  EXPECT_EQ(callers.open(), 100u);
  close_the_books("database unreachable at start", callers, server, *persistence::parse_target(cluster.socket_url()));
}

TEST(DatabaseElsewhere, ThatRefusesWritesDisturbsNoCallAndGetsEverythingLater) {
  Stage stage;
  OwnCluster cluster(stage.path() / "own", {});
  cluster.start();
  ServerProcess server(stage.arguments({"--database-url", cluster.socket_url()}), stage.data_dir());
  Callers callers(server.ws_url());
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on");
  cluster.sql("SELECT pg_reload_conf()");
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  EXPECT_TRUE(server.wait_for_log("the database does not take records: they wait")) << server.log();
  EXPECT_NE(server.log().find("read-only"), std::string::npos) << "the log says why\n" << server.log();
  EXPECT_GT(server.metric("repartee_recorder_retries_total"), 0);
  EXPECT_GT(server.metric("repartee_recorder_queue_items"), 0);
  EXPECT_EQ(one_call(server.ws_url()), "");
  cluster.sql("ALTER SYSTEM RESET default_transaction_read_only");
  cluster.sql("SELECT pg_reload_conf()");
  EXPECT_TRUE(server.wait_for_log("the database takes records again")) << server.log();
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  EXPECT_EQ(callers.open(), 100u);
  close_the_books("database read-only", callers, server, *persistence::parse_target(cluster.socket_url()));
}

}  // namespace
}  // namespace repartee::test
