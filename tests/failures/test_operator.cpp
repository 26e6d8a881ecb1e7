// What an operator does by hand, with the program itself, in a directory with the default configuration's relative paths: backup and
// restore, the way back to a moment, handing out and erasing a person's data.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "cache/blob_store.hpp"
#include "core/ids.hpp"
#include "persistence/database.hpp"
#include "persistence/roles.hpp"
#include "tests/failures/ledger.hpp"
#include "tests/failures/stage.hpp"

namespace repartee::test {
namespace {

namespace fs = std::filesystem;
using persistence::Params;
using persistence::Statement;

struct Ran {
  int code = -1;
  std::string output;
};

class Operator : public testing::Test {
 protected:
  // The program, started in the stage's directory.
  Ran repartee(const std::string& arguments) const {
    const std::string command = "cd " + stage_.path().string() + " && " REPARTEE_BINARY " " + arguments + " 2>&1";
    Ran ran;
    std::FILE* pipe = popen(command.c_str(), "r");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) ran.output += static_cast<char>(c);
    const int status = pclose(pipe);
    ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
  }
  void start(const fs::path& data_dir, std::vector<std::string> more = {}) {
    server_.reset();
    server_ = std::make_unique<ServerProcess>(stage_.arguments(std::move(more)), data_dir);
  }
  ToldTurns some_calls() {
    Callers callers(server_->ws_url(), {.count = 10, .speaking = 2, .pause = Millis(50)});
    EXPECT_TRUE(callers.wait_for_more(40)) << server_->log();
    callers.hang_up();
    EXPECT_TRUE(callers.troubles().empty()) << callers.troubles().front();
    EXPECT_TRUE(server_->wait_until([&] { return server_->metric("repartee_recorder_queue_items") == 0; }));
    return callers.told();
  }
  // A recording, its row and its blob, as an upload leaves them.
  cache::BlobInfo some_blob(const fs::path& data_dir) {
    auto info = *blobs_of(data_dir)->stage("voice", std::string(100'000, 'v') + new_uuid());
    EXPECT_TRUE(blobs_of(data_dir)->publish(info.key));
    Metrics metrics;
    persistence::Database owner(embedded_owner(data_dir), {}, metrics);
    const Statement insert{"some_blob",
                           "INSERT INTO voice_samples (id, user_id, name, blob_key, format, duration_s, sample_rate_hz, channels, checksum,"
                           " status) VALUES ($1, $2, 'mine', $3, 'wav', 2.5, 24000, 1, $4, 'ready')"};
    const auto done = owner.run([&](persistence::Transaction& t) {
      t.exec(insert, Params(new_uuid(), std::string(persistence::local_user_id), info.key, info.checksum));
    });
    EXPECT_TRUE(done) << done.error().message;
    return info;
  }
  std::unique_ptr<cache::DirectoryBlobStore> blobs_of(const fs::path& data_dir) {
    return std::move(cache::DirectoryBlobStore::open({.root = data_dir / "blobs"}, metrics_)).value();
  }
  std::string count(const fs::path& data_dir, const char* table) {
    return scalar(embedded_owner(data_dir), (std::string("SELECT count(*) AS v FROM ") + table).c_str());
  }

  Metrics metrics_;
  Stage stage_;
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(Operator, BacksUpARunningServerAndRestoresElsewhere) {
  start(stage_.data_dir());
  const auto told = some_calls();
  const auto blob = some_blob(stage_.data_dir());
  const auto made = repartee("backup nightly.tar");
  ASSERT_EQ(made.code, 0) << made.output;
  EXPECT_NE(made.output.find("1 blobs"), std::string::npos) << made.output;
  EXPECT_EQ(repartee("restore --check nightly.tar").code, 0);
  EXPECT_EQ(repartee("backup nightly.tar").code, 1) << "a backup is never overwritten";
  const auto refused = repartee("restore nightly.tar");
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.output.find("stop it"), std::string::npos) << refused.output;
  server_->stop();

  const auto restored = repartee("restore nightly.tar --data-dir fresh");
  ASSERT_EQ(restored.code, 0) << restored.output;
  EXPECT_EQ(repartee("restore nightly.tar --data-dir fresh").code, 1) << "what is there is not replaced unasked";
  EXPECT_EQ(repartee("restore nightly.tar --data-dir fresh --force").code, 0);
  start(stage_.path() / "fresh");
  expect_all_there("restored from a backup", told, *server_, embedded_owner(stage_.path() / "fresh"));
  EXPECT_TRUE(blobs_of(stage_.path() / "fresh")->read(blob.key)) << "the checksum is verified";
  EXPECT_EQ(one_call(server_->ws_url()), "");
}

TEST_F(Operator, KeepsASeriesAndASingleTable) {
  start(stage_.data_dir());
  some_calls();
  for (int i = 0; i < 3; ++i) {
    const auto made = repartee("backup series.tar --keep 2");
    EXPECT_EQ(made.code, 0) << made.output;
    std::this_thread::sleep_for(Millis(1100));  // its name has the second
  }
  const auto files = std::distance(fs::directory_iterator(stage_.path()), fs::directory_iterator()) - 2;  // data, repartee.toml
  EXPECT_EQ(files, 2);
  EXPECT_EQ(repartee("backup turns.tar --table conversation_turns").code, 0);
  const auto turns = count(stage_.data_dir(), "conversation_turns");
  EXPECT_NE(turns, "0");
  ASSERT_NE(
      scalar(embedded_owner(stage_.data_dir()), "WITH gone AS (DELETE FROM conversation_turns RETURNING 1) SELECT count(*) AS v FROM gone"),
      "0");
  server_->stop();
  const auto restored = repartee("restore turns.tar --force");
  EXPECT_EQ(restored.code, 0) << restored.output;
  start(stage_.data_dir());
  EXPECT_EQ(count(stage_.data_dir(), "conversation_turns"), turns);
}

TEST_F(Operator, GoesBackToTheMomentBeforeAMistakeWhileTheServerRuns) {
  stage_.configure("[database]\nwal_archive_dir = \"" + (stage_.path() / "archive").string() + "\"\n");
  start(stage_.data_dir());
  ASSERT_TRUE(server_->wait_for_log("base backup taken")) << server_->log();
  const auto told = some_calls();
  const auto blob = some_blob(stage_.data_dir());
  const auto owner = embedded_owner(stage_.data_dir());
  const auto before = scalar(owner, "SELECT clock_timestamp()::text AS v");
  scalar(owner, "WITH gone AS (DELETE FROM conversation_turns RETURNING 1) SELECT count(*) AS v FROM gone");
  const auto back = repartee("restore --to-time \"" + before + "\" --into back --config repartee.toml");
  ASSERT_EQ(back.code, 0) << back.output;
  EXPECT_EQ(server_->get("/ready").status, 200) << "the old one runs on";
  const auto looked_into = repartee("migrate status --data-dir back --config repartee.toml");  // whose archive is the old one's
  EXPECT_EQ(looked_into.code, 0) << looked_into.output;
  start(stage_.path() / "back", {"--wal-archive-dir", (stage_.path() / "archive2").string()});
  expect_all_there("restored to a moment", told, *server_, embedded_owner(stage_.path() / "back"));
  EXPECT_TRUE(blobs_of(stage_.path() / "back")->read(blob.key));
  EXPECT_EQ(one_call(server_->ws_url()), "");
}

TEST_F(Operator, HandsOutAndErasesAPersonsDataWithAndWithoutAServer) {
  const std::string person = persistence::local_user_id;
  start(stage_.data_dir());
  some_calls();
  const auto blob = some_blob(stage_.data_dir());
  const auto exported = repartee("privacy export " + person + " person.zip");
  ASSERT_EQ(exported.code, 0) << exported.output;
  std::ifstream zip(stage_.path() / "person.zip", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(zip)), {});
  for (const char* entry : {"conversation_turns.jsonl", "voice_samples.jsonl", "manifest.json"})
    EXPECT_NE(bytes.find(entry), std::string::npos) << entry;
  EXPECT_NE(bytes.find(blob.key), std::string::npos);
  EXPECT_EQ(repartee("privacy export nobody@example.org x.zip").code, 1);

  EXPECT_EQ(repartee("privacy erase " + person).code, 2) << "not without --yes";
  EXPECT_NE(count(stage_.data_dir(), "conversation_turns"), "0");
  const auto erased = repartee("privacy erase " + person + " --yes");
  EXPECT_EQ(erased.code, 0) << erased.output;
  EXPECT_NE(erased.output.find("by the running server"), std::string::npos) << erased.output;
  EXPECT_EQ(count(stage_.data_dir(), "conversation_turns"), "0");
  EXPECT_FALSE(blobs_of(stage_.data_dir())->read(blob.key));
  EXPECT_EQ(count(stage_.data_dir(), "audit_logs WHERE action = 'user.erase'"), "1");

  start(stage_.data_dir());  // makes the person anew, who is always there
  some_calls();
  server_->stop();
  const auto without = repartee("privacy erase " + person + " --yes");
  EXPECT_EQ(without.code, 0) << without.output;
  EXPECT_NE(without.output.find("conversation_sessions 10"), std::string::npos) << without.output;
}

}  // namespace
}  // namespace repartee::test
