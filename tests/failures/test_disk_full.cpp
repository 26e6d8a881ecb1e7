// A full disk, under the journal and under the database. Wants to mount a small file system, which root may: as in CI.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "tests/failures/ledger.hpp"
#include "tests/failures/own_cluster.hpp"
#include "tests/failures/stage.hpp"

namespace repartee::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t some_turns = 300;

// A disk of so many MiB at `place`, gone with the object.
class SmallDisk {
 public:
  SmallDisk(fs::path place, int mib) : place_(std::move(place)) {
    fs::create_directories(place_);
    mounted_ = mount("tmpfs", place_.c_str(), "tmpfs", 0, ("size=" + std::to_string(mib) + "m,mode=755").c_str()) == 0;
    if (!mounted_) why_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (mounted_) umount2(place_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  std::string why() const { return "a file system cannot be mounted here (" + why_ + "): run as root to try a full disk"; }
  void fill() const {
    std::ofstream filler(place_ / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {}
  }
  void make_room() const { fs::remove(place_ / "filler"); }

 private:
  const fs::path place_;
  bool mounted_ = false;
  std::string why_;
};

TEST(DiskFull, UnderTheJournalTurnsAreSafeByTheDatabaseUntilThereIsRoom) {
  Stage stage;
  const SmallDisk disk(stage.data_dir() / "journal", 16);
  if (!disk.mounted()) GTEST_SKIP() << disk.why();
  ServerProcess server(stage.arguments(), stage.data_dir());
  Callers callers(server.ws_url());
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  EXPECT_EQ(server.metric("repartee_journal_writable"), 1);
  disk.fill();
  EXPECT_TRUE(server.wait_for_log("the journal cannot be written: turns are safe only once the database has them")) << server.log();
  EXPECT_NE(server.log().find("o space left"), std::string::npos) << "the log says why\n" << server.log();
  EXPECT_TRUE(server.wait_until([&] { return server.metric("repartee_journal_writable") == 0; }));
  EXPECT_GT(server.metric("repartee_journal_errors_total"), 0);
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << "calls go on\n" << server.log();
  EXPECT_EQ(one_call(server.ws_url()), "");
  disk.make_room();
  EXPECT_TRUE(server.wait_for_log("the journal is written again")) << server.log();
  EXPECT_TRUE(server.wait_until([&] { return server.metric("repartee_journal_writable") == 1; }));
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  EXPECT_EQ(callers.open(), 100u);
  close_the_books("journal's disk full", callers, server, embedded_owner(stage.data_dir()));
}

TEST(DiskFull, UnderTheDatabaseTurnsWaitInTheJournalUntilThereIsRoom) {
  Stage stage;
  const SmallDisk disk(stage.data_dir() / "postgres", 200);
  if (!disk.mounted()) GTEST_SKIP() << disk.why();
  ServerProcess server(stage.arguments(), stage.data_dir());
  Callers callers(server.ws_url());
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << server.log();
  disk.fill();
  EXPECT_TRUE(server.wait_for_log("the database does not take records: they wait", std::chrono::seconds(60))) << server.log();
  const auto told = callers.turns();
  ASSERT_TRUE(callers.wait_for_more(some_turns)) << "calls go on after " << told << " turns\n" << server.log();
  EXPECT_GT(server.metric("repartee_recorder_retries_total"), 0);
  EXPECT_GT(server.metric("repartee_recorder_queue_items"), 0);
  EXPECT_EQ(one_call(server.ws_url()), "");
  disk.make_room();
  EXPECT_TRUE(server.wait_for_log("the database takes records again", std::chrono::seconds(60))) << server.log();
  EXPECT_TRUE(server.wait_until([&] { return server.get("/ready").status == 200; }));
  ASSERT_TRUE(callers.wait_for_more(some_turns));
  EXPECT_EQ(callers.open(), 100u);
  close_the_books("database's disk full", callers, server, embedded_owner(stage.data_dir()));
}

}  // namespace
}  // namespace repartee::test
