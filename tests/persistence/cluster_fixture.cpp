#include "tests/persistence/cluster_fixture.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <thread>

#include "persistence/echo_repository.hpp"

#ifdef __SANITIZE_ADDRESS__
// libpqxx 6.4.5 loses the result of a query that finds its connection dead (make_result asks for the encoding, which throws, before it owns
// the result): 2 KB a broken connection. A result that this code kept would be reported by what holds it.
extern "C" const char* __lsan_default_suppressions() { return "leak:PQmakeEmptyPGresult\n"; }
#endif

namespace repartee::persistence::test {
namespace {

Database::Options pool_named(const char* name) {
  Database::Options options;
  options.name = name;
  return options;
}

// The cluster must be gone before main returns: its supervisor uses the log.
class StopSharedCluster : public ::testing::Environment {
 public:
  void TearDown() override {
    if (SharedCluster::made()) SharedCluster::get().stop();
  }
};
const auto* const environment = ::testing::AddGlobalTestEnvironment(new StopSharedCluster);

}  // namespace

TempDir::TempDir() {
  char name[] = "/tmp/repartee-test-XXXXXX";
  if (!mkdtemp(name)) throw std::runtime_error("no temporary directory");
  chmod(name, 0755);  // a cluster's system user must get through
  path_ = name;
}
TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

EmbeddedPostgres::Options quick_options(const std::filesystem::path& data_dir) {
  EmbeddedPostgres::Options options;
  options.home.data_dir = data_dir;
  options.home.fallback_root = data_dir.parent_path() / "elsewhere";
  options.shared_buffers_mb = 16;
  return options;
}

bool SharedCluster::made_ = false;

SharedCluster& SharedCluster::get() {
  static SharedCluster cluster;
  made_ = true;
  return cluster;
}

SharedCluster::SharedCluster() : postgres_(std::make_unique<EmbeddedPostgres>(quick_options(dir_.path() / "data"), metrics_)) {
  auto started = postgres_->start();
  if (!started) throw std::runtime_error(started.error().message);
  targets_ = *started;
  if (auto migrated = Migrator(targets_.owner).up(); !migrated) throw std::runtime_error(migrated.error().message);
}

void SharedCluster::kill_postmaster() {
  ASSERT_TRUE(wait_until([&] { return postgres_->postmaster_pid() > 0; }));  // kill(0) would be the test itself
  const pid_t old = postgres_->postmaster_pid();
  kill(old, SIGKILL);
  wait_until([&] { return postgres_->postmaster_pid() != old; });
}

void SharedCluster::stop() { postgres_->stop(); }

StoreTest::StoreTest()
    : cluster_(SharedCluster::get()),
      metrics_(cluster_.metrics()),
      owner_(cluster_.targets().owner, pool_named("owner"), metrics_),
      app_(cluster_.targets().app, pool_named("app"), metrics_),
      recorder_db_(cluster_.targets().recorder, pool_named("recorder"), metrics_),
      user_(make_user()),
      echo_(make_clone(user_, false)) {}

std::string StoreTest::make_user() {
  const auto id = new_uuid();
  const auto made = UserRepository(app_).ensure(id, "test:" + id);
  EXPECT_TRUE(made) << made.error().message;
  return id;
}

std::string StoreTest::make_clone(const std::string& user_id, bool is_public, const std::string& name) {
  CloneRecord clone;
  clone.id = new_uuid();
  clone.user_id = user_id;
  clone.name = name;
  clone.persona_prompt = "You are " + name;
  clone.tts_provider = "flite";
  clone.voice_id = "slt";
  clone.is_public = is_public;
  const auto made = EchoRepository(app_).create(clone);
  EXPECT_TRUE(made) << made.error().message;
  return clone.id;
}

SessionRecord StoreTest::session_of(const std::string& user_id, const std::string& echo_id) const {
  SessionRecord session;
  session.id = new_uuid();
  session.user_id = user_id;
  session.echo_id = echo_id;
  session.asr_provider = "moonshine";
  session.node = "test";
  session.started_at = session.last_active_at = std::chrono::system_clock::now();
  return session;
}

TurnRecord StoreTest::turn_of(const SessionRecord& session, int index) const {
  TurnRecord turn;
  turn.session_id = session.id;
  turn.user_id = session.user_id;
  turn.echo_id = session.echo_id;
  turn.turn_index = index;
  turn.user_transcript = "question " + std::to_string(index);
  turn.llm_response = "answer " + std::to_string(index) + ", all of it";
  turn.heard_response = "answer " + std::to_string(index);
  turn.status = "completed";
  turn.asr_latency_ms = 80;
  turn.asr_cost = {12'500};
  turn.llm_cost = {100'000'000};
  turn.started_at = session.started_at + std::chrono::seconds(index);
  turn.ended_at = turn.started_at + std::chrono::milliseconds(700);
  return turn;
}

AuditRecord StoreTest::audit_of(const std::string& user_id, const std::string& action) {
  AuditRecord line;
  line.user_id = user_id;
  line.action = action;
  line.timestamp = std::chrono::system_clock::now();
  return line;
}

std::string StoreTest::scalar(const Statement& statement, const Params& params) {
  auto rows = owner_.run([&](Transaction& t) { return t.exec(statement, params); });
  EXPECT_TRUE(rows) << rows.error().message;
  return rows.ok() && !rows->empty() ? (*rows)[0].text("v") : std::string();
}

std::shared_ptr<const SealingKeys> keys_of(const std::string& key_file_text) {
  auto keys = SealingKeys::parse(key_file_text);
  if (!keys) throw std::runtime_error(keys.error().message);
  return std::make_shared<const SealingKeys>(std::move(*keys));
}

bool wait_until(const std::function<bool()>& condition, Duration patience) {
  for (const auto until = SteadyClock::now() + patience; SteadyClock::now() < until; std::this_thread::sleep_for(Millis(5)))
    if (condition()) return true;
  return condition();
}

}  // namespace repartee::persistence::test
