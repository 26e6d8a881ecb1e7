#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "persistence/store.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

namespace fs = std::filesystem;

class PoolTest : public StoreTest {
 protected:
  static Database::Options named(const char* name) {
    Database::Options options;
    options.name = name;
    return options;
  }
  double gauge(const char* what, const char* pool) {
    return own_.gauge(std::string("repartee_db_pool_") + what, "", {{"pool", pool}}).value();
  }
  double counter(const char* what, const char* pool) {
    return own_.counter(std::string("repartee_db_pool_") + what, "", {{"pool", pool}}).value();
  }

  Metrics own_;
};

TEST_F(PoolTest, ClosesConnectionsNobodyUsedForLong) {
  auto options = named("idle");
  options.idle_max = Millis(50);
  Database pool(cluster_.targets().app, options, own_);
  ASSERT_TRUE(pool.ping());
  EXPECT_TRUE(wait_until([&] { return gauge("idle", "idle") == 0; })) << "without anybody asking";
  EXPECT_TRUE(pool.ping());
  EXPECT_EQ(counter("opened_total", "idle"), 2);
}

TEST_F(PoolTest, FindsOutByItselfThatIdleConnectionsDied) {
  auto options = named("checked");
  options.check_interval = Millis(20);
  Database pool(cluster_.targets().app, options, own_);
  ASSERT_TRUE(pool.ping());
  EXPECT_EQ(gauge("up", "checked"), 1);
  cluster_.kill_postmaster();
  EXPECT_TRUE(wait_until([&] { return gauge("idle", "checked") == 0 || counter("opened_total", "checked") > 1; }));
  EXPECT_TRUE(wait_until([&] { return gauge("up", "checked") == 1 && counter("opened_total", "checked") > 1; }))
      << "and that the server is back";
  EXPECT_TRUE(wait_until([&] { return app_.ping().ok(); }));
}

TEST_F(PoolTest, CountsWhoWaitsAndHowLongConnectionsWork) {
  auto options = named("busy");
  options.connections_max = 1;
  Database pool(cluster_.targets().app, options, own_);
  std::atomic<bool> inside{false}, leave{false};
  std::thread first([&] {
    static_cast<void>(pool.run([&](Transaction&) {
      inside = true;
      while (!leave) std::this_thread::sleep_for(Millis(1));
    }));
  });
  ASSERT_TRUE(wait_until([&] { return inside.load(); }));
  std::thread second([&] { EXPECT_TRUE(pool.ping()); });
  EXPECT_TRUE(wait_until([&] { return gauge("waiting", "busy") == 1; }));
  leave = true;
  first.join();
  second.join();
  EXPECT_EQ(gauge("waiting", "busy"), 0);
  EXPECT_GT(counter("busy_seconds_total", "busy"), 0);
}

TEST_F(PoolTest, ServesThoseWhoWaitInTheOrderTheyCame) {
  auto options = named("fair");
  options.connections_max = 1;
  Database pool(cluster_.targets().app, options, own_);
  std::atomic<bool> leave{false};
  std::atomic<int> inside{0};
  std::thread holder([&] {
    static_cast<void>(pool.run([&](Transaction&) {
      inside = 1;
      while (!leave) std::this_thread::sleep_for(Millis(1));
    }));
    EXPECT_TRUE(pool.ping()) << "and again, behind all that waited";
    inside = -1;
  });
  ASSERT_TRUE(wait_until([&] { return inside == 1; }));
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 5; ++i) {
    waiters.emplace_back([&, i] {
      static_cast<void>(pool.run([&](Transaction&) {
        std::lock_guard lock(mutex);
        order.push_back(i);
        EXPECT_NE(inside, -1) << "who had it before was let in before one who waited";
      }));
    });
    ASSERT_TRUE(wait_until([&] { return gauge("waiting", "fair") == i + 1; }));
  }
  leave = true;
  for (auto& waiter : waiters) waiter.join();
  holder.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(gauge("in_use", "fair"), 0);
}

TEST_F(PoolTest, LogsStatementsWithoutTheirValues) {
  auto options = named("logged");
  options.log_sql = true;
  Database pool(cluster_.targets().app, options, own_);
  ::testing::internal::CaptureStderr();
  const auto ran = pool.run([](Transaction& t) { t.exec({"said", "SELECT $1::text\n   AS what"}, Params("a secret of Ada's")); });
  const auto logged = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(ran);
  EXPECT_NE(logged.find("SELECT $1::text AS what"), std::string::npos) << logged;
  EXPECT_EQ(logged.find("secret"), std::string::npos);
}

TEST_F(PoolTest, TellsOfSlowStatementsWithoutTheirValues) {
  auto options = named("slow");
  options.slow_query = Millis(20);
  Database pool(cluster_.targets().app, options, own_);
  ::testing::internal::CaptureStderr();
  const auto ran = pool.run([](Transaction& t) {
    t.exec({"quick", "SELECT 1"});
    t.exec({"slow", "SELECT pg_sleep(0.05), $1::text"}, Params("a secret of Ada's"));
  });
  const auto logged = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(ran);
  EXPECT_NE(logged.find("slow query"), std::string::npos) << logged;
  EXPECT_NE(logged.find("SELECT pg_sleep(0.05), $1::text"), std::string::npos) << logged;
  EXPECT_EQ(logged.find("secret"), std::string::npos);
  EXPECT_EQ(logged.find("quick"), std::string::npos);
}

// A host that takes connections and never says a word.
TEST_F(PoolTest, GivesUpOnAServerThatDoesNotAnswerAndThenBacksOff) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto options = named("mute");
  options.backoff_min = options.backoff_max = std::chrono::minutes(1);
  Database pool(*parse_target("host=127.0.0.1 dbname=x user=x port=" + std::to_string(ntohs(address.sin_port)), Millis(2000)), options,
                own_);
  EXPECT_EQ(pool.ping().error().code, Errc::unavailable);
  EXPECT_EQ(counter("connect_failures_total", "mute"), 1);
  EXPECT_EQ(gauge("up", "mute"), 0);
  EXPECT_EQ(pool.ping().error().code, Errc::unavailable);
  EXPECT_EQ(counter("connect_failures_total", "mute"), 1) << "not tried again before the pause is over";
  ::close(listener);
}

// An operator's own database that is away when the server starts, for a hundred turns of ten calls, and comes back.
TEST_F(PoolTest, ACallGoesOnWhileADatabaseElsewhereIsAwayAndIsRecordedWhenItIsBack) {
  TempDir dir;
  const auto socket_dir = dir.path() / "sock";
  Store::Options options;
  options.database_url = with_keys(cluster_.targets().owner, {{"host", socket_dir.string()}}).conninfo;
  options.default_clone.name = "Repartee";
  options.default_clone.tts_provider = "flite";
  options.node = "node-" + new_uuid();
  auto store = Store::open(options, own_);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->ready().error().code, Errc::unavailable);
  std::vector<SessionRecord> calls;
  for (int call = 0; call < 10; ++call) {
    calls.push_back(session_of("", default_clone_id));
    ASSERT_TRUE((*store)->recorder().record_session(calls.back()));
    for (int turn = 0; turn < 10; ++turn) ASSERT_TRUE((*store)->recorder().record_turn(turn_of(calls.back(), turn), {}));
  }
  EXPECT_EQ((*store)->ready().error().code, Errc::unavailable) << "/ready says so, and calls go on";
  fs::create_directory_symlink(cluster_.postgres().path() / "run", socket_dir);  // the database comes back
  ASSERT_TRUE((*store)->recorder().wait_until_idle(std::chrono::seconds(20)));
  EXPECT_TRUE((*store)->ready());
  for (const auto& call : calls)
    EXPECT_EQ(scalar({"recorded", "SELECT count(*) AS v FROM conversation_turns WHERE session_id = $1"}, Params(call.id)), "10");
}

}  // namespace
}  // namespace repartee::persistence::test
