// The recorder with its journal: what was said to be safe is in the database in the end, whatever happens in between.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "persistence/session_repository.hpp"
#include "persistence/store.hpp"
#include "persistence/subprocess.hpp"
#include "persistence/turn_recorder.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/persistence/failing_files.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Duration patience = std::chrono::seconds(60);
constexpr Statement count_turns{"t_j_count", "SELECT count(*) AS v FROM conversation_turns WHERE session_id = $1"};
constexpr Statement indices{"t_j_indices", R"(
  SELECT coalesce(string_agg(turn_index::text, ' '), '') AS v FROM conversation_turns WHERE session_id = $1
  AND heard_response = 'answer ' || turn_index)"};
constexpr Statement count_messages{"t_j_messages", "SELECT count(*) AS v FROM messages WHERE session_id = $1"};
constexpr const char* nowhere = "host=/tmp/repartee-nobody-listens-here dbname=x";

class JournalRecoveryTest : public StoreTest {
 protected:
  JournalRecoveryTest() : session_(session_of(user_, echo_)), away_db_({nowhere, ""}, {}, own_metrics_) {
    options_.shutdown_budget = Millis(0);
    options_.retry_pause_max = Millis(50);
    options_.journal_retry_pause = Millis(20);
    journal_.directory = dir_.path() / "journal";
  }
  std::unique_ptr<TurnJournal> journal() {
    auto opened = disk_ ? TurnJournal::open(journal_, own_metrics_, std::make_unique<MemoryFiles>(disk_)) : TurnJournal::open(journal_, own_metrics_);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  std::unique_ptr<TurnRecorder> recorder(Database& database) {
    return std::make_unique<TurnRecorder>(database, options_, own_metrics_, journal());
  }
  std::unique_ptr<TurnRecorder> with_database() { return recorder(recorder_db_); }
  std::unique_ptr<TurnRecorder> without_database() { return recorder(away_db_); }

  void record(TurnRecorder& recorder, int first, int last) {
    for (int i = first; i <= last; ++i) ASSERT_TRUE(recorder.record_turn(turn_of(session_, i), [this] { ++safe_; }));
  }
  std::string turns() { return scalar(count_turns, Params(session_.id)); }
  std::string messages() { return scalar(count_messages, Params(session_.id)); }
  double counted(const char* name) { return own_metrics_.counter(name, "").value(); }
  double dropped() { return counted("repartee_recorder_dropped_total"); }
  bool writable() { return own_metrics_.gauge("repartee_journal_writable", "").value() == 1; }
  void disk(const std::function<void(MemoryDisk&)>& change) { disk_->set(change); }

  TempDir dir_;
  Metrics own_metrics_;
  TurnRecorder::Options options_;
  TurnJournal::Options journal_;
  std::shared_ptr<MemoryDisk> disk_;  // set: the journal lies there
  SessionRecord session_;
  Database away_db_;
  std::atomic<int> safe_{0};
};

TEST_F(JournalRecoveryTest, SaysThatATurnIsSafeAfterTheSyncAndNotBefore) {
  disk_ = std::make_shared<MemoryDisk>();
  disk_->sync_held = true;
  auto recorder = without_database();
  record(*recorder, 0, 4);
  {
    std::unique_lock lock(disk_->mutex);
    ASSERT_TRUE(disk_->changed.wait_for(lock, patience, [&] { return disk_->syncs == 1; }));
  }
  EXPECT_EQ(safe_, 0);
  disk([](MemoryDisk& d) { d.sync_held = false; });
  EXPECT_TRUE(wait_until([&] { return safe_ == 5; })) << "without any database";
  EXPECT_LE(disk_->syncs, 5);
}

TEST_F(JournalRecoveryTest, SyncsManyTurnsAtOnce) {
  disk_ = std::make_shared<MemoryDisk>();
  options_.sync_delay_max = std::chrono::hours(1);
  options_.group_items_max = 100;
  auto recorder = without_database();
  record(*recorder, 0, 299);
  EXPECT_TRUE(wait_until([&] { return safe_ >= 100; }));
  EXPECT_LE(disk_->syncs, 3);
}

TEST_F(JournalRecoveryTest, BringsWhatAnEarlierRunLeftToTheDatabase) {
  {
    auto recorder = without_database();
    recorder->record_session(session_);
    record(*recorder, 0, 99);
    recorder->record_audit(audit_of(user_, "journal-" + session_.id));
  }
  EXPECT_EQ(safe_, 100) << "shutting down syncs, whatever the budget";
  EXPECT_EQ(turns(), "0");
  EXPECT_EQ(dropped(), 0);
  const auto kept = dir_.path() / "kept";
  std::filesystem::copy(journal_.directory, kept, std::filesystem::copy_options::recursive);
  std::atomic<int> finished{0};
  options_.after_replay = [&] { return ++finished < 3 ? Status(Error{Errc::unavailable, "not yet"}) : Status(); };
  ASSERT_TRUE(with_database()->wait_until_idle(patience));
  EXPECT_EQ(finished, 3) << "again until it succeeds";
  EXPECT_EQ(turns(), "100");
  EXPECT_EQ(messages(), "200");
  EXPECT_EQ(counted("repartee_journal_replayed_total"), 102);
  journal_.directory = kept;  // as if the checkpoint had never been written
  ASSERT_TRUE(with_database()->wait_until_idle(patience));
  EXPECT_EQ(turns(), "100");
  EXPECT_EQ(messages(), "200");
  EXPECT_EQ(scalar({"t_j_audit", "SELECT count(*) AS v FROM audit_logs WHERE action = $1"}, Params("journal-" + session_.id)), "1");
  journal_.directory = dir_.path() / "journal";
  options_.after_replay = {};
  EXPECT_TRUE(journal()->found().empty()) << "nothing is left to do";
}

TEST_F(JournalRecoveryTest, KeepsInTheJournalWhatMemoryCannotHoldAndKeepsTheOrder) {
  constexpr int many = 3000;
  std::atomic<bool> back{false};
  options_.queue_items_max = 64;
  options_.before_first_write = [&] { return back ? Status() : Status(Error{Errc::unavailable, "away"}); };
  options_.shutdown_budget = std::chrono::seconds(20);
  journal_.segment_bytes_max = 64 * 1024;
  const auto keep_trying = [](const std::function<bool()>& submit) {
    while (!submit()) std::this_thread::yield();  // the queue is short
  };
  auto recorder = with_database();
  for (int i = 0; i < many; ++i) {
    session_.total_turns = i + 1;  // its last_active_at stays: only the order decides
    keep_trying([&] { return recorder->record_session(session_); });
    auto turn = turn_of(session_, i);
    turn.revision = 1 + i % 2;
    keep_trying([&] { return recorder->record_turn(turn, [this] { ++safe_; }); });
  }
  EXPECT_TRUE(wait_until([&] { return safe_ == many; })) << "all of them safe, though hardly any fits into memory";
  EXPECT_EQ(turns(), "0");
  back = true;
  ASSERT_TRUE(recorder->wait_until_idle(patience));
  EXPECT_EQ(turns(), std::to_string(many));
  EXPECT_GT(counted("repartee_journal_read_back_total"), many);
  EXPECT_EQ(SessionRepository(app_).find(session_.id, user_)->total_turns, many);
  record(*recorder, many, many + 9);
  ASSERT_TRUE(recorder->wait_until_idle(patience));
  EXPECT_EQ(turns(), std::to_string(many + 10)) << "and on through memory again";
  recorder.reset();
  EXPECT_TRUE(journal()->found().empty());
}

TEST_F(JournalRecoveryTest, SaysNoWhenTheJournalHasReachedItsGreatestSize) {
  journal_.segment_bytes_max = 10'000;
  journal_.total_bytes_max = 50'000;
  auto recorder = without_database();
  int taken = 0;
  while (taken < 100'000 && recorder->record_turn(turn_of(session_, taken), {})) {
    ++taken;
    std::this_thread::yield();
  }
  EXPECT_LT(taken, 100'000);
  EXPECT_EQ(dropped(), 1);
  recorder.reset();
  options_.shutdown_budget = std::chrono::seconds(20);
  recorder = with_database();
  ASSERT_TRUE(recorder->wait_until_idle(patience));
  EXPECT_EQ(turns(), std::to_string(taken)) << "what it had taken is not lost";
  EXPECT_TRUE(recorder->record_turn(turn_of(session_, taken), {})) << "and there is room again";
}

TEST_F(JournalRecoveryTest, GoesByTheDatabaseWhileTheDiskIsFullAndHealsByItself) {
  disk_ = std::make_shared<MemoryDisk>();
  auto recorder = with_database();
  record(*recorder, 0, 9);
  ASSERT_TRUE(wait_until([&] { return safe_ == 10; }));
  disk([](MemoryDisk& d) { d.room_bytes = 150; });
  record(*recorder, 10, 19);
  EXPECT_TRUE(wait_until([&] { return safe_ == 20; })) << "acknowledged once committed";
  EXPECT_EQ(turns(), "20");
  EXPECT_FALSE(recorder->journaling());
  EXPECT_FALSE(writable());
  EXPECT_GE(own_metrics_.counter("repartee_journal_errors_total", "", {{"operation", "write"}}).value(), 1);
  disk([](MemoryDisk& d) { d.room_bytes = SIZE_MAX; });
  int next = 20;
  EXPECT_TRUE(wait_until([&] {
    record(*recorder, next, next);
    ++next;
    return recorder->journaling();
  }));
  EXPECT_TRUE(writable());
  ASSERT_TRUE(recorder->wait_until_idle(patience));
  EXPECT_EQ(turns(), std::to_string(next));
  EXPECT_EQ(safe_, next);
  EXPECT_EQ(dropped(), 0);
}

TEST_F(JournalRecoveryTest, AcknowledgesNothingWhileDiskAndDatabaseAreBothAway) {
  disk_ = std::make_shared<MemoryDisk>();
  disk_->room_bytes = 0;
  std::atomic<bool> back{false};
  options_.before_first_write = [&] { return back ? Status() : Status(Error{Errc::unavailable, "away"}); };
  options_.queue_items_max = 32;
  auto recorder = with_database();
  int taken = 0;
  EXPECT_TRUE(wait_until([&] {
    while (recorder->record_turn(turn_of(session_, taken), [this] { ++safe_; })) ++taken;
    return dropped() > 20;
  }));
  EXPECT_EQ(safe_, 0);
  disk([](MemoryDisk& d) { d.room_bytes = SIZE_MAX; });  // the disk first: what still waits for room in memory goes to the journal
  EXPECT_TRUE(wait_until([&] { return recorder->journaling() && safe_ > 0; }));
  back = true;
  ASSERT_TRUE(recorder->wait_until_idle(patience));
  EXPECT_EQ(safe_, taken);
  EXPECT_EQ(turns(), std::to_string(taken));
}

TEST_F(JournalRecoveryTest, CountsOnTheDatabaseAloneWhenASyncFails) {
  disk_ = std::make_shared<MemoryDisk>();
  std::atomic<bool> back{false};
  options_.before_first_write = [&] { return back ? Status() : Status(Error{Errc::unavailable, "away"}); };
  auto recorder = with_database();
  disk([](MemoryDisk& d) { d.sync_fails = true; });
  record(*recorder, 0, 9);
  ASSERT_TRUE(wait_until([&] { return !recorder->journaling(); }));
  EXPECT_EQ(safe_, 0);
  back = true;
  ASSERT_TRUE(recorder->wait_until_idle(patience));
  EXPECT_EQ(safe_, 10);
  EXPECT_EQ(turns(), "10");
}

TEST_F(JournalRecoveryTest, GoesOnPastADamagedRecordAndSaysThatItIsLost) {
  {
    auto recorder = without_database();
    record(*recorder, 0, 9);
  }
  {
    const auto name = journal_.directory / "00000001.log";
    std::fstream file(name, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(std::filesystem::file_size(name), '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.seekp(static_cast<std::streamoff>(bytes.find("question 4")));
    file.put('Q');
  }
  ASSERT_TRUE(with_database()->wait_until_idle(patience));
  EXPECT_EQ(turns(), "9");
  EXPECT_EQ(counted("repartee_journal_corrupt_total"), 1);
  EXPECT_TRUE(std::filesystem::exists(journal_.directory / "00000001.corrupt"));
}

TEST_F(JournalRecoveryTest, ClosesTheSessionsThatAReplayOpensAgain) {
  Store::Options options;
  options.database_url = cluster_.targets().owner.conninfo;
  options.node = session_.node = "node-" + new_uuid();
  options.default_clone.name = "Repartee";
  options.journal = journal_;
  {
    auto recorder = without_database();
    session_.state = "speaking";
    recorder->record_session(session_);
    record(*recorder, 0, 2);
  }
  auto store = Store::open(options, own_metrics_);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->recorder().wait_until_idle(patience));
  const auto row = SessionRepository(app_).find(session_.id, user_);
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ(row->end_reason, "server_crash");
  EXPECT_TRUE(row->ended_at.has_value());
  EXPECT_EQ(turns(), "3");
  EXPECT_EQ(Store::open(options, own_metrics_).error().code, Errc::conflict) << "a journal is one server's alone";
}

// ---- kill -9 ----

// Not a test of its own: the process that LosesAndDoublesNothing... kills. What it is to do comes by stdin.
TEST(JournalChild, DISABLED_RecordsTurnsUntilItIsKilled) {
  std::string directory, conninfo, set_role;
  SessionRecord session;
  int index = 0;
  std::getline(std::cin, directory);
  std::getline(std::cin, conninfo);
  std::getline(std::cin, set_role);
  std::cin >> session.id >> session.user_id >> session.echo_id >> index;
  ASSERT_TRUE(std::cin) << "only for another test";
  session.started_at = session.last_active_at = std::chrono::system_clock::now();
  Metrics metrics;
  Database database({conninfo, set_role}, {}, metrics);
  auto journal = TurnJournal::open({.directory = directory, .segment_bytes_max = 100'000}, metrics);
  ASSERT_TRUE(journal) << journal.error().message;
  TurnRecorder recorder(database, {.queue_items_max = 100, .batch_items_max = 50}, metrics, std::move(*journal));
  recorder.record_session(session);
  for (;; ++index) {
    TurnRecord turn;
    turn.session_id = session.id;
    turn.user_id = session.user_id;
    turn.echo_id = session.echo_id;
    turn.turn_index = index;
    turn.user_transcript = "question";
    turn.heard_response = "answer " + std::to_string(index);
    turn.status = "completed";
    turn.started_at = session.started_at;
    const std::string line = "\nsafe " + std::to_string(index) + "\n";
    while (!recorder.record_turn(turn, [line] { EXPECT_GT(write(STDOUT_FILENO, line.data(), line.size()), 0); }))
      std::this_thread::sleep_for(Millis(1));
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

std::set<int> numbers_of(const std::string& text, const std::string& before) {
  std::set<int> numbers;
  std::istringstream words(text);
  for (std::string word; words >> word;)
    if (before.empty()) numbers.insert(std::stoi(word));
    else if (word == before && words >> word) numbers.insert(std::stoi(word));
  return numbers;
}

// Runs the child until it has acknowledged that many turns, kills it, and tells which it acknowledged.
std::set<int> run_and_kill(const std::string& input, int turns) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const auto child = spawn({.arguments = {std::filesystem::read_symlink("/proc/self/exe").string(),
                                          "--gtest_filter=JournalChild.DISABLED_RecordsTurnsUntilItIsKilled", "--gtest_also_run_disabled_tests"},
                            .output_fd = ends[1],
                            .input = input},
                           Identity{});
  close(ends[1]);
  EXPECT_TRUE(child) << child.error().message;
  std::string output;
  char piece[4096];
  bool killed = !child;
  for (ssize_t n; (n = read(ends[0], piece, sizeof piece)) > 0;) {
    output.append(piece, static_cast<std::size_t>(n));
    if (!killed && std::count(output.begin(), output.end(), '\n') >= 2 * turns) killed = kill(*child, SIGKILL) == 0;
  }
  close(ends[0]);
  if (child) { EXPECT_TRUE(wait_exit(*child, patience)) << "it ended"; }
  EXPECT_TRUE(killed) << output.substr(0, 2000);
  output.resize(output.rfind('\n') + 1);
  return numbers_of(output, "safe");
}

TEST_F(JournalRecoveryTest, LosesAndDoublesNothingThatWasAcknowledgedWhenTheServerIsKilled) {
  std::mt19937 random(3);
  std::set<int> acknowledged;
  int first = 0;
  const auto& here = cluster_.targets().recorder;
  for (int round = 0; round < 4; ++round) {
    const bool database_there = round % 2 == 1;
    const auto target = database_there ? here : DatabaseTarget{nowhere, ""};
    const auto input = journal_.directory.string() + "\n" + target.conninfo + "\n" + target.set_role + "\n" + session_.id + " " + user_ + " " +
                       echo_ + " " + std::to_string(first) + "\n";
    const auto more = run_and_kill(input, 100 + static_cast<int>(random() % 400));
    acknowledged.insert(more.begin(), more.end());
    ASSERT_FALSE(acknowledged.empty());
    first = *acknowledged.rbegin() + 10'000;  // beyond what it may have submitted without an answer
  }
  options_.shutdown_budget = std::chrono::seconds(20);
  ASSERT_TRUE(with_database()->wait_until_idle(patience));
  const auto there = numbers_of(scalar(indices, Params(session_.id)), "");
  for (const int index : acknowledged) EXPECT_TRUE(there.contains(index)) << "lost: turn " << index;
  EXPECT_EQ(turns(), std::to_string(there.size())) << "whole rows only";
  EXPECT_EQ(messages(), std::to_string(2 * there.size()));
  EXPECT_GE(acknowledged.size(), 400u);
}

}  // namespace
}  // namespace repartee::persistence::test
