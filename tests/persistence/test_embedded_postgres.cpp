#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "persistence/connection.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

namespace fs = std::filesystem;

constexpr Statement who{"who", "SELECT current_user AS v"};
constexpr Statement setting{"setting", "SELECT current_setting($1) AS v"};

std::string answer(const DatabaseTarget& target, const Statement& statement, const Params& params = Params()) {
  try {
    Connection connection(target, {});
    connection.begin();
    return connection.exec(statement, params)[0].text("v");
  } catch (const DatabaseError& e) { return e.what(); }
}

pid_t pid_in_file(const fs::path& home) {
  std::ifstream file(home / "cluster" / "postmaster.pid");
  pid_t pid = 0;
  file >> pid;
  return pid;
}

bool is_alive(pid_t pid) { return kill(pid, 0) == 0; }

// One cluster serves the tests of this suite one after another: making one is the slow part.
class EmbeddedPostgresTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { dir_ = new TempDir(); }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static EmbeddedPostgres::Options options() { return quick_options(dir_->path() / "data"); }
  static fs::path home() { return dir_->path() / "data" / "postgres"; }

  Metrics metrics_;
  static TempDir* dir_;
};
TempDir* EmbeddedPostgresTest::dir_ = nullptr;

TEST_F(EmbeddedPostgresTest, MakesAClusterThatNobodyElseCanReach) {
  EmbeddedPostgres postgres(options(), metrics_);
  auto targets = postgres.start();
  ASSERT_TRUE(targets) << targets.error().message;
  EXPECT_EQ(answer(targets->owner, who), "repartee_owner");
  EXPECT_EQ(answer(targets->app, who), "repartee_app");
  EXPECT_EQ(answer(targets->recorder, who), "repartee_recorder");
  EXPECT_NE(answer(with_keys(targets->owner, {{"user", "postgres"}}), who).find("authentication failed"), std::string::npos)
      << "no way in as a superuser";
  EXPECT_EQ(answer(targets->app, setting, Params("listen_addresses")), "");
  EXPECT_EQ(answer(targets->app, setting, Params("data_checksums")), "on");
  EXPECT_EQ(answer(targets->app, setting, Params("synchronous_commit")), "on");
  struct stat socket_dir {};
  ASSERT_EQ(stat((home() / "run").c_str(), &socket_dir), 0);
  EXPECT_EQ(socket_dir.st_mode & 0777, 0700u);
  const pid_t pid = postgres.postmaster_pid();
  postgres.stop();
  EXPECT_FALSE(is_alive(pid));
}

TEST_F(EmbeddedPostgresTest, RefusesASecondServerOnOneDirectory) {
  EmbeddedPostgres first(options(), metrics_), second(options(), metrics_);
  ASSERT_TRUE(first.start());
  const auto refused = second.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find("another repartee server (process " + std::to_string(getpid()) + ") is using the database"),
            std::string::npos)
      << refused.error().message;
  first.stop();
  EXPECT_TRUE(second.start()) << "free again";
}

TEST_F(EmbeddedPostgresTest, StartsPostgresAgainWhenItIsKilled) {
  EmbeddedPostgres postgres(options(), metrics_);
  auto targets = postgres.start();
  ASSERT_TRUE(targets) << targets.error().message;
  const pid_t old = postgres.postmaster_pid();
  kill(old, SIGKILL);
  ASSERT_TRUE(wait_until([&] { return postgres.postmaster_pid() != 0 && postgres.postmaster_pid() != old; }));
  EXPECT_EQ(answer(targets->app, who), "repartee_app");
  EXPECT_EQ(metrics_.counter("repartee_postgres_restarts_total", "").value(), 1);
}

// The server is a child of the test that is killed: its PostgreSQL gets the death signal and is still shutting down when the next starts.
TEST_F(EmbeddedPostgresTest, StartsAfterTheServerWasKilled) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t server = fork();
  if (server == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Metrics metrics;
    EmbeddedPostgres postgres(options(), metrics);
    const char ok = postgres.start() ? 'y' : 'n';
    if (write(ends[1], &ok, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char ok = 'n';
  ASSERT_EQ(read(ends[0], &ok, 1), 1);
  close(ends[0]);
  close(ends[1]);
  ASSERT_EQ(ok, 'y');
  const pid_t left = pid_in_file(home());
  ASSERT_GT(left, 1);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  EmbeddedPostgres next(options(), metrics_);
  auto targets = next.start();
  ASSERT_TRUE(targets) << targets.error().message;
  EXPECT_EQ(answer(targets->app, who), "repartee_app");
  EXPECT_NE(next.postmaster_pid(), left);
}

TEST_F(EmbeddedPostgresTest, StartsOverAStalePidFileWhoseNumberIsAnotherProcess) {
  std::ofstream(home() / "cluster" / "postmaster.pid") << getppid() << "\n" << (home() / "cluster").string() << "\n1700000000\n5432\n";
  EmbeddedPostgres postgres(options(), metrics_);
  auto targets = postgres.start();
  EXPECT_TRUE(targets) << targets.error().message;
}

TEST_F(EmbeddedPostgresTest, PutsTheSocketElsewhereWhenThePathIsTooLong) {
  TempDir long_dir, sockets;
  auto wanted = quick_options(long_dir.path() / std::string(120, 'x'));
  wanted.home.short_root = sockets.path();
  fs::create_directories(wanted.home.data_dir);
  const auto identity = identity_for_postgres("postgres");
  ASSERT_TRUE(identity) << identity.error().message;
  auto placed = ClusterHome::open(wanted.home, *identity);
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(placed->socket_dir().parent_path(), sockets.path());
  EXPECT_TRUE(placed->ensure_socket_dir(*identity));
}

TEST_F(EmbeddedPostgresTest, RefusesASocketDirectorySomebodyElsePlanted) {
  TempDir long_dir, sockets;
  auto wanted = quick_options(long_dir.path() / std::string(120, 'x')).home;
  wanted.short_root = sockets.path();
  const auto identity = identity_for_postgres("postgres");
  auto placed = ClusterHome::open(wanted, *identity);
  ASSERT_TRUE(placed) << placed.error().message;
  fs::create_directory_symlink("/etc", placed->socket_dir());
  EXPECT_FALSE(placed->ensure_socket_dir(*identity));
}

TEST_F(EmbeddedPostgresTest, RefusesADirectoryOfAnotherVersionWithAdvice) {
  TempDir dir;
  const auto cluster = dir.path() / "data" / "postgres" / "cluster";
  fs::create_directories(cluster);
  std::ofstream(cluster / "PG_VERSION") << "13\n";
  EmbeddedPostgres postgres(quick_options(dir.path() / "data"), metrics_);
  const auto refused = postgres.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  for (const char* words : {"made by PostgreSQL 13", "pg_upgrade", "postgresql-13", "another --data-dir"})
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
}

TEST_F(EmbeddedPostgresTest, SaysWhatToDoWhenThereIsNoPostgres) {
  TempDir dir;
  auto wanted = quick_options(dir.path() / "data");
  wanted.bin_root = dir.path() / "nothing";
  EmbeddedPostgres postgres(wanted, metrics_);
  const auto refused = postgres.start();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("install the package postgresql"), std::string::npos) << refused.error().message;
}

TEST_F(EmbeddedPostgresTest, GoesElsewhereWhenItsUserCannotReachTheDataDirectory) {
  if (geteuid() != 0) GTEST_SKIP() << "only root runs the cluster as another user";
  TempDir dir;
  const auto closed = dir.path() / "root";
  fs::create_directories(closed);
  fs::permissions(closed, fs::perms::owner_all);
  auto wanted = quick_options(closed / "data").home;
  wanted.fallback_root = dir.path() / "lib";
  const auto identity = identity_for_postgres("postgres");
  ASSERT_TRUE(identity) << identity.error().message;
  fs::path first_home;
  {
    auto placed = ClusterHome::open(wanted, *identity);
    ASSERT_TRUE(placed) << placed.error().message;
    first_home = placed->path();
    EXPECT_EQ(first_home.parent_path(), wanted.fallback_root);
    fs::create_directories(placed->cluster());
    std::ofstream(placed->cluster() / "PG_VERSION") << "15\n";
  }
  fs::permissions(closed, fs::perms::others_exec, fs::perm_options::add);
  auto again = ClusterHome::open(wanted, *identity);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->path(), first_home) << "a database that exists is found again, whatever became of the permissions";
}

}  // namespace
}  // namespace repartee::persistence::test
