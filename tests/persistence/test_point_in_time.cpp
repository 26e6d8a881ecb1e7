#include "persistence/point_in_time.hpp"

#include <fstream>
#include <thread>

#include "persistence/connection.hpp"
#include "persistence/echo_repository.hpp"
#include "persistence/record_batch.hpp"
#include "persistence/schedule.hpp"
#include "persistence/wal_archive.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

namespace fs = std::filesystem;

std::string ask(const DatabaseTarget& owner, const char* sql) {
  try {
    Connection connection(owner, {});
    connection.begin();
    const auto rows = connection.exec({"ask", sql});
    connection.commit();
    return rows.empty() ? "no rows" : rows[0].text("v");
  } catch (const DatabaseError& e) { return e.what(); }
}

class PointInTimeTest : public ::testing::Test {
 protected:
  EmbeddedPostgres::Options options() const {
    auto options = quick_options(dir_.path() / "data");
    options.wal_archive_dir = dir_.path() / "archive";
    return options;
  }
  static constexpr const char* count = "SELECT count(*) AS v FROM users WHERE external_id LIKE 'pit:%'";
  void add_users(const DatabaseTarget& app, int n) {
    Metrics metrics;
    Database pool(app, {}, metrics);
    for (int i = 0; i < n; ++i) {
      const auto id = new_uuid();
      ASSERT_TRUE(UserRepository(pool).ensure(id, "pit:" + id));
    }
  }
  bool has_base_backup() const { return !base_backups_in(dir_.path() / "archive").empty(); }

  TempDir dir_;
  Metrics metrics_;
};

TEST_F(PointInTimeTest, BringsDeletedRowsBackAsOfAMoment) {
  WallTime moment;
  PointInTimeOptions restore;
  restore.cluster = options();
  restore.into = dir_.path() / "restored";
  {
    EmbeddedPostgres postgres(options(), metrics_);
    auto targets = postgres.start();
    ASSERT_TRUE(targets) << targets.error().message;
    ASSERT_TRUE(Migrator(targets->owner).up());
    ASSERT_TRUE(wait_until([&] { return has_base_backup(); }, std::chrono::seconds(60)));
    add_users(targets->app, 7);  // after the base backup: only the log knows them
    std::this_thread::sleep_for(Millis(5));
    moment = std::chrono::system_clock::now();
    std::this_thread::sleep_for(Millis(5));
    EXPECT_EQ(
        ask(targets->owner, "WITH gone AS (DELETE FROM users WHERE external_id LIKE 'pit:%' RETURNING 1) SELECT count(*) AS v FROM gone"),
        "7");
    EXPECT_EQ(ask(targets->owner, count), "0");
    fs::create_directories(dir_.path() / "data" / "blobs");
    std::ofstream(dir_.path() / "data" / "blobs" / "b") << "blob";
    restore.at = moment;
    const auto restored = restore_to_time(restore, metrics_);  // while the server runs
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_TRUE(restored->complete);
    EXPECT_LE(restored->last_commit, moment);
    EXPECT_EQ(restored->blobs, 1u);
  }
  const auto again = restore_to_time(restore, metrics_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict) << "never into a cluster that is there";
  auto served = quick_options(restore.into);
  EmbeddedPostgres restored(served, metrics_);
  auto targets = restored.start();
  ASSERT_TRUE(targets) << targets.error().message;
  EXPECT_EQ(ask(targets->owner, count), "7");
  EXPECT_EQ(*Migrator(targets->owner).up(), 0);
  add_users(targets->app, 1);
  EXPECT_EQ(ask(targets->owner, count), "8") << "it is a whole database, not a copy to read";
}

TEST_F(PointInTimeTest, RestoresFromTheArchiveAloneWhenTheOldDirectoryIsLost) {
  PointInTimeOptions restore;
  restore.cluster = options();
  restore.into = dir_.path() / "restored";
  {
    EmbeddedPostgres postgres(options(), metrics_);
    auto targets = postgres.start();
    ASSERT_TRUE(targets) << targets.error().message;
    ASSERT_TRUE(Migrator(targets->owner).up());
    ASSERT_TRUE(wait_until([&] { return has_base_backup(); }, std::chrono::seconds(60)));
    add_users(targets->app, 3);
  }  // a clean stop archives the last segment
  restore.at = std::chrono::system_clock::now();
  fs::remove_all(dir_.path() / "data");
  const auto restored = restore_to_time(restore, metrics_);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_FALSE(restored->complete) << "nothing was committed after that time";
  EmbeddedPostgres postgres(quick_options(restore.into), metrics_);
  auto targets = postgres.start();
  ASSERT_TRUE(targets) << targets.error().message;
  EXPECT_EQ(ask(targets->owner, count), "3");
}

TEST_F(PointInTimeTest, KeepsEachClustersArchiveApart) {
  {
    EmbeddedPostgres first(options(), metrics_);
    ASSERT_TRUE(first.start());
  }
  auto second = options();
  second.home.data_dir = dir_.path() / "second";
  EmbeddedPostgres other(second, metrics_);
  const auto refused = other.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  auto odd = options();
  odd.wal_archive_dir = dir_.path() / "it's";
  EmbeddedPostgres quoted(odd, metrics_);
  EXPECT_EQ(quoted.start().error().code, Errc::invalid_argument);
}

TEST_F(PointInTimeTest, SaysHowFarBackTheArchiveReaches) {
  PointInTimeOptions restore;
  restore.cluster = options();
  restore.into = dir_.path() / "restored";
  restore.at = std::chrono::system_clock::now() - std::chrono::hours(1);
  EXPECT_EQ(restore_to_time(restore, metrics_).error().code, Errc::not_found);
  const auto name = base_backup_name(std::chrono::system_clock::now());
  fs::create_directories(base_dir(restore.cluster.wal_archive_dir) / name);
  const auto refused = restore_to_time(restore, metrics_);
  EXPECT_NE(refused.error().message.find("reaches back"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(fs::exists(restore.into));
}

TEST(WalArchive, NamesBaseBackupsByTheirTime) {
  const auto time = WallTime(std::chrono::milliseconds(1'795'154'400'123));
  EXPECT_EQ(base_backup_name(time), "20261120T060000.123Z");
  EXPECT_EQ(time_of_base_backup("20261120T060000.123Z"), time);
  for (const char* name : {"unfinished", "20261120T060000Z", ""}) EXPECT_FALSE(time_of_base_backup(name)) << name;
}

TEST(Times, AreReadWithTheirZoneOnly) {
  const auto six = WallTime(std::chrono::seconds(1'795'154'400));
  for (const char* text :
       {"2026-11-20 06:00:00+00", "2026-11-20T06:00:00Z", "2026-11-20 07:00+01:00", "2026-11-20 01:30:00 -0430", "2026-11-20 06:00 UTC"})
    EXPECT_EQ(*parse_time_with_zone(text), six) << text;
  for (const char* text : {"2026-11-20 06:00:00", "yesterday", "", "2026-11-20"}) EXPECT_FALSE(parse_time_with_zone(text)) << text;
}

TEST(Schedule, ComesWhenACrontabWould) {
  const auto next = [](const char* schedule, const char* now) {
    return to_timestamp(*Schedule::parse(schedule)->next_after(*from_timestamp(now))).substr(0, 16);
  };
  EXPECT_EQ(next("30 3 * * *", "2026-11-20T03:29:59Z"), "2026-11-20T03:30");
  EXPECT_EQ(next("30 3 * * *", "2026-11-20T03:30:00Z"), "2026-11-21T03:30");
  EXPECT_EQ(next("*/15 * * * *", "2026-11-20T10:46:00Z"), "2026-11-20T11:00");
  EXPECT_EQ(next("0 0 1 * *", "2026-12-02T00:00:00Z"), "2027-01-01T00:00");
  EXPECT_EQ(next("0 4 * * 7", "2026-11-20T00:00:00Z"), "2026-11-22T04:00") << "the 20th is a Friday";
  EXPECT_EQ(next("0 4 1 * 1", "2026-11-20T00:00:00Z"), "2026-11-23T04:00") << "either day";
  EXPECT_EQ(next("0 4 29 2 *", "2026-11-20T00:00:00Z"), "2028-02-29T04:00");
  EXPECT_EQ(next("5,10-12 1 * * *", "2026-11-20T01:05:30Z"), "2026-11-20T01:10");
  EXPECT_EQ(next("every 6 hours", "2026-11-20T01:00:00Z"), "2026-11-20T07:00");
}

TEST(Schedule, SaysWhatItDoesNotUnderstand) {
  for (const char* text :
       {"", "daily", "60 * * * *", "* * * *", "*/0 * * * *", "5-1 * * * *", "every -1 hours", "every 0 hours", "1, * * * *", "* * 0 * *"})
    EXPECT_FALSE(Schedule::parse(text)) << text;
  EXPECT_FALSE(Schedule::parse("0 0 30 2 *")->next_after(*from_timestamp("2026-11-20T00:00:00Z"))) << "never";
}

}  // namespace
}  // namespace repartee::persistence::test
