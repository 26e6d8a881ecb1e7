// kill -9 in the middle of a hundred calls: of the server, of PostgreSQL, of both.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <iterator>

#include "tests/failures/ledger.hpp"
#include "tests/failures/own_cluster.hpp"
#include "tests/failures/stage.hpp"

namespace repartee::test {
namespace {

constexpr std::size_t some_turns = 300;  // three of each caller, before the failure and after it

std::string left_open(const persistence::DatabaseTarget& owner) {
  return scalar(owner, "SELECT count(*) AS v FROM conversation_sessions WHERE ended_at IS NULL");
}
std::string closed_for(const persistence::DatabaseTarget& owner) {
  return scalar(owner, "SELECT string_agg(DISTINCT end_reason, ',') AS v FROM conversation_sessions");
}

// All that lives of an embedded cluster, at once.
void kill_cluster(const std::filesystem::path& data_dir) {
  const auto postmaster = embedded_postmaster(data_dir);
  ASSERT_GT(postmaster, 1);
  for (const auto pid : with_children(postmaster)) kill(pid, SIGKILL);
}

TEST(KillingTheServer, InTheMiddleOfAHundredCallsLosesNothingTheyWereTold) {
  Stage stage;
  ToldTurns told;
  {
    ServerProcess server(stage.arguments(), stage.data_dir());
    Callers callers(server.ws_url());
    ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
    server.kill_hard();
    callers.hang_up();
    told = callers.told();
  }
  ServerProcess again(stage.arguments(), stage.data_dir());
  const auto owner = embedded_owner(stage.data_dir());
  expect_all_there("server killed", told, again, owner);
  EXPECT_EQ(left_open(owner), "0");
  EXPECT_EQ(closed_for(owner), "server_crash");
  EXPECT_TRUE(again.wait_for_log("closed the sessions an earlier run left open")) << again.log();
  EXPECT_EQ(one_call(again.ws_url()), "");
}

TEST(KillingPostgres, InTheMiddleOfAHundredCallsDisturbsNoneAndWritingResumes) {
  Stage stage;
  ServerProcess server(stage.arguments(), stage.data_dir());
  Callers callers(server.ws_url());
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  const auto postmaster = embedded_postmaster(stage.data_dir());
  kill(postmaster, SIGKILL);
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << "turns go on, with and without a database\n" << server.log();
  EXPECT_TRUE(server.wait_for_log("the database died; starting it again")) << server.log();
  EXPECT_TRUE(server.wait_for_log("the database is back")) << server.log();
  EXPECT_TRUE(server.wait_for_log("the database takes records again")) << server.log();
  EXPECT_NE(embedded_postmaster(stage.data_dir()), postmaster);
  EXPECT_TRUE(server.wait_until([&] { return server.get("/ready").status == 200; }));
  EXPECT_EQ(server.metric("repartee_postgres_restarts_total"), 1);
  EXPECT_GT(server.metric("repartee_recorder_retries_total"), 0);
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  EXPECT_EQ(callers.open(), 100u);
  close_the_books("PostgreSQL killed", callers, server, embedded_owner(stage.data_dir()));
}

TEST(KillingBoth, AtOnceWithADamagedEndOfASealedJournalLosesNothingTheyWereTold) {
  Stage stage;
  const auto keys = stage.path() / "keys";
  std::ofstream(keys) << "k1:" << std::string(64, 'a') << "\n";
  std::filesystem::permissions(keys, std::filesystem::perms::owner_read);
  stage.configure("[storage]\nkey_file = \"" + keys.string() + "\"\n");
  ToldTurns told;
  {
    ServerProcess server(stage.arguments(), stage.data_dir());
    Callers callers(server.ws_url());
    ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
    // PostgreSQL hangs first, so that what is told from here on is in the journal only.
    const auto cluster = with_children(embedded_postmaster(stage.data_dir()));
    for (const auto pid : cluster) kill(pid, SIGSTOP);
    ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
    kill_cluster(stage.data_dir());
    server.kill_hard();
    callers.hang_up();
    told = callers.told();
  }
  // As a crash in the middle of a write leaves it: half a record at the end of the newest segment.
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::directory_iterator(stage.data_dir() / "journal"))
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  ASSERT_FALSE(newest.empty()) << "there is no journal";
  std::ifstream in(newest, std::ios::binary);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(in)), {}).find("of caller"), std::string::npos) << "what was said lies open";
  std::ofstream(newest, std::ios::app) << "RPJ half of a record";
  ServerProcess again(stage.arguments(), stage.data_dir());
  EXPECT_TRUE(again.wait_for_log("what an earlier run left in the journal is in the database")) << again.log();
  EXPECT_GE(again.metric("repartee_journal_replayed_total"), static_cast<double>(some_turns));
  const auto owner = embedded_owner(stage.data_dir());
  expect_all_there("both killed", told, again, owner);
  EXPECT_EQ(left_open(owner), "0");
  EXPECT_GE(again.metric("repartee_journal_torn_tails_total") + again.metric("repartee_journal_corrupt_total"), 1)
      << again.get("/metrics").body;
}

}  // namespace
}  // namespace repartee::test
