#include "tests/failures/stage.hpp"

#include <stdlib.h>

#include <fstream>
#include <iostream>

#include "persistence/embedded_postgres.hpp"
#include "tests/failures/ledger.hpp"

namespace repartee::test {
namespace {

namespace fs = std::filesystem;

// The audio is scripted; sockets, sessions, recorder, journal, database and caches are the real ones. Calls are begun all at once, so more
// of them may be; a long answer of the database is not a fault of a loaded test machine.
constexpr const char* configuration = R"(
[asr]
provider = "scripted"
partial_interval_ms = 0
[llm]
provider = "scripted"
[tts]
provider = "scripted"
[limits]
general_per_minute = 10000
sessions_per_minute = 10000
)";

}  // namespace

Stage::Stage() {
  std::string pattern = "/tmp/repartee-failures-XXXXXX";
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
  path_ = pattern;
  fs::permissions(path_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  data_dir_ = path_ / "data";
  fs::create_directory(data_dir_);
  configure(configuration);
  configure("[recorder]\nqueue_items_max = " + std::to_string(recorder_items_max) + "\nbatch_items_max = 100\n");
}

Stage::~Stage() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void Stage::configure(const std::string& toml) { std::ofstream(path_ / "repartee.toml", std::ios::app) << toml; }

std::vector<std::string> Stage::arguments(std::vector<std::string> more) const {
  std::vector<std::string> words{"--config", (path_ / "repartee.toml").string()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

persistence::DatabaseTarget embedded_owner(const fs::path& data_dir) {
  persistence::EmbeddedPostgres::Options options;
  options.home.data_dir = data_dir;
  auto targets = persistence::EmbeddedPostgres::targets_of_running(options);
  if (!targets) throw std::runtime_error(targets.error().message);
  return targets->owner;
}

void close_the_books(const char* what, Callers& callers, const ServerProcess& server, const persistence::DatabaseTarget& owner) {
  callers.hang_up();
  const auto troubles = callers.troubles();
  EXPECT_TRUE(troubles.empty()) << troubles.size() << " troubles, the first: " << (troubles.empty() ? "" : troubles.front());
  expect_all_there(what, callers.told(), server, owner);
}

void expect_all_there(const char* what, const ToldTurns& told, const ServerProcess& server, const persistence::DatabaseTarget& owner) {
  EXPECT_TRUE(server.wait_until([&] { return server.metric("repartee_recorder_queue_items") == 0; }, std::chrono::seconds(60)))
      << server.metric("repartee_recorder_queue_items") << " records still wait\n"
      << server.log();
  const auto ledger = compare(told, owner);
  std::cout << "[ figures  ] " << what << ": " << ledger.told << " turns told, " << ledger.found << " found equal, " << ledger.rows
            << " rows; dropped " << server.metric("repartee_recorder_dropped_total") << ", retries "
            << server.metric("repartee_recorder_retries_total") << "\n";
  EXPECT_GT(ledger.told, 0u);
  EXPECT_EQ(ledger.found, ledger.told) << ledger.first_difference;
  EXPECT_EQ(ledger.doubled, "");
  EXPECT_EQ(server.metric("repartee_recorder_dropped_total"), 0) << server.log();
}

}  // namespace repartee::test
