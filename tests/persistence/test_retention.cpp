#include "persistence/retention.hpp"

#include "persistence/job_worker.hpp"
#include "persistence/record_batch.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement count_sessions{"t_ret_sessions", "SELECT count(*) AS v FROM conversation_sessions WHERE user_id = $1"};
constexpr Statement count_turns{"t_ret_turns", "SELECT count(*) AS v FROM conversation_turns WHERE user_id = $1"};
constexpr Statement count_echos{"t_ret_echos", "SELECT count(*) AS v FROM echos WHERE user_id = $1"};

class RetentionTest : public StoreTest {
 protected:
  void exec(const std::string& sql, const Params& params = Params()) {
    const auto name = "t_ret_" + new_uuid();
    const auto done = owner_.run([&](Transaction& t) { t.exec({name.c_str(), sql.c_str()}, params); });
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string add_conversation(int days_ago) {
    auto session = session_of(user_, echo_);
    session.started_at = session.last_active_at = std::chrono::system_clock::now() - std::chrono::hours(24 * days_ago);
    session.ended_at = session.last_active_at;
    const std::vector<RecordItem> items{session, RecordedTurn{turn_of(session, 0), {}}};
    const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
    return session.id;
  }
  static std::int64_t rows_of(const std::vector<Retention::Swept>& swept, const std::string& what) {
    for (const auto& one : swept)
      if (one.what == what) return one.rows;
    return 0;
  }
  std::int64_t sweep(const Retention::Options& options, const std::string& what, bool dry_run = false) {
    auto swept = Retention(owner_, {}, options).sweep(dry_run);
    EXPECT_TRUE(swept) << swept.error().message;
    return swept ? rows_of(*swept, what) : -1;
  }
};

TEST_F(RetentionTest, RemovesConversationsAfterAYearWithTheirTurnsAndMessages) {
  add_conversation(366);
  add_conversation(364);
  const Retention::Options options;
  EXPECT_EQ(sweep(options, "conversation_sessions last_active_at", true), 1) << "a dry run counts";
  EXPECT_EQ(scalar(count_sessions, Params(user_)), "2") << "and removes nothing";
  EXPECT_EQ(sweep(options, "conversation_sessions last_active_at"), 1);
  EXPECT_EQ(scalar(count_sessions, Params(user_)), "1");
  EXPECT_EQ(scalar(count_turns, Params(user_)), "1");
  EXPECT_EQ(scalar({"t_ret_messages", "SELECT count(*) AS v FROM messages WHERE user_id = $1"}, Params(user_)), "2");
  EXPECT_EQ(sweep(options, "conversation_sessions last_active_at"), 0);
}

TEST_F(RetentionTest, RemovesMoreThanABatch) {
  for (int i = 0; i < 7; ++i) add_conversation(400 + i);
  Retention::Options options;
  options.rows_batch = 2;
  EXPECT_EQ(sweep(options, "conversation_sessions last_active_at"), 7);
  EXPECT_EQ(scalar(count_sessions, Params(user_)), "0");
}

TEST_F(RetentionTest, RemovesWhatWasMarkedDeletedAMonthAgoInEveryTableThatMarks) {
  exec("UPDATE echos SET deleted_at = now() - interval '31 days' WHERE id = $1", Params(echo_));
  const auto fresh = make_clone(user_, false, "Fresh");
  exec("UPDATE echos SET deleted_at = now() - interval '29 days' WHERE id = $1", Params(fresh));
  exec("CREATE TABLE t_later (id uuid, deleted_at timestamptz)");
  exec("INSERT INTO t_later SELECT gen_random_uuid(), now() - n * interval '20 days' FROM generate_series(1, 3) AS n");
  EXPECT_EQ(sweep({}, "t_later deleted_at"), 2) << "a table nobody named";
  EXPECT_EQ(scalar(count_echos, Params(user_)), "1");
  exec("DROP TABLE t_later");
}

TEST_F(RetentionTest, RemovesWhatExpiredAndLetsGoOfItsBlobs) {
  exec("CREATE TABLE t_files (id uuid, blob_key text, expires_at timestamptz)");
  exec(
      "INSERT INTO t_files VALUES (gen_random_uuid(), 'old.wav', now() - interval '1 minute'), (gen_random_uuid(), 'new.wav', now() + "
      "interval '1 minute')");
  std::vector<std::string> released;
  Retention::Hooks hooks;
  hooks.release_blobs = [&](const std::vector<std::string>& keys) { released.insert(released.end(), keys.begin(), keys.end()); };
  const auto swept = Retention(owner_, hooks, {}).sweep(false);
  ASSERT_TRUE(swept) << swept.error().message;
  EXPECT_EQ(rows_of(*swept, "t_files expires_at"), 1);
  EXPECT_EQ(released, std::vector<std::string>{"old.wav"});
  EXPECT_EQ(scalar({"t_ret_files", "SELECT blob_key AS v FROM t_files"}), "new.wav");
  exec("DROP TABLE t_files");
}

TEST_F(RetentionTest, KnowsWhichBlobsRowsPointTo) {
  exec("CREATE TABLE t_files (blob_key text)");
  exec("INSERT INTO t_files VALUES ('audio-1'), ('audio-2')");
  const std::vector<std::string> asked{"audio-1", "audio-3", "it's \"quoted\""};
  const auto referenced = Retention(owner_, {}, {}).referenced_blobs(asked);
  ASSERT_TRUE(referenced) << referenced.error().message;
  EXPECT_EQ(*referenced, std::set<std::string>{"audio-1"});
  exec("DROP TABLE t_files");
}

TEST_F(RetentionTest, ErasesUsersWhoWereMarkedDeletedAMonthAgo) {
  const auto gone = make_user();
  exec("UPDATE users SET deleted_at = now() - interval '31 days' WHERE id = $1", Params(gone));
  exec("UPDATE users SET deleted_at = now() - interval '29 days' WHERE id = $1", Params(user_));
  std::vector<std::string> erased;
  Retention::Hooks hooks;
  hooks.erase_user = [&](const std::string& id) -> Status {
    erased.push_back(id);
    return {};
  };
  ASSERT_TRUE(Retention(owner_, hooks, {}).sweep(true));
  EXPECT_TRUE(erased.empty());
  ASSERT_TRUE(Retention(owner_, hooks, {}).sweep(false));
  EXPECT_EQ(std::count(erased.begin(), erased.end(), gone), 1);
  EXPECT_EQ(std::count(erased.begin(), erased.end(), user_), 0);
  exec("DELETE FROM users WHERE id = $1", Params(gone));
}

TEST_F(RetentionTest, GoesOnAfterATableThatCannotBeSweptAndThenSaysSo) {
  exec("CREATE TABLE t_a (id uuid PRIMARY KEY, deleted_at timestamptz)");
  exec("CREATE TABLE t_b (a uuid REFERENCES t_a)");
  exec("INSERT INTO t_a VALUES ('00000000-0000-7000-8000-00000000000a', now() - interval '60 days')");
  exec("INSERT INTO t_b VALUES ('00000000-0000-7000-8000-00000000000a')");
  add_conversation(400);
  const auto swept = Retention(owner_, {}, {}).sweep(false);
  ASSERT_FALSE(swept);
  EXPECT_NE(swept.error().message.find("t_a deleted_at"), std::string::npos) << swept.error().message;
  EXPECT_EQ(scalar(count_sessions, Params(user_)), "0");
  exec("DROP TABLE t_b, t_a");
}

TEST_F(RetentionTest, RunsAsAJobThatTellsWhatItDid) {
  add_conversation(400);
  Metrics own_metrics;
  Retention retention(owner_, {}, {});
  JobWorker::Options options;
  options.poll = Millis(20);
  JobQueue queue(owner_);
  NewJob asked;
  asked.kind = retention_job_kind;
  const auto id = queue.enqueue(asked);
  ASSERT_TRUE(id);
  JobWorker worker(owner_, options, own_metrics);
  worker.add(retention_job_kind, retention.sweep_handler());
  worker.start();
  ASSERT_TRUE(wait_until([&] { return queue.find(*id, "")->status == "completed"; }));
  EXPECT_NE(queue.find(*id, "")->result_json.find(R"("conversation_sessions last_active_at": 1)"), std::string::npos)
      << queue.find(*id, "")->result_json;
}

}  // namespace
}  // namespace repartee::persistence::test
