#include <atomic>
#include <thread>

#include "persistence/session_repository.hpp"
#include "persistence/turn_recorder.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Duration patience = std::chrono::seconds(20);
constexpr Statement count_turns{"t_count_turns", "SELECT count(*) AS v FROM conversation_turns WHERE session_id = $1"};
constexpr Statement count_messages{"t_count_messages", "SELECT count(*) AS v FROM messages WHERE session_id = $1"};
constexpr Statement read_messages{
    "t_read_messages", "SELECT string_agg(role || ':' || content, '|' ORDER BY created_at, id) AS v FROM messages WHERE session_id = $1"};
constexpr Statement count_audit{"t_count_audit", "SELECT count(*) AS v FROM audit_logs WHERE action = $1"};

class RecorderTest : public StoreTest {
 protected:
  RecorderTest() : session_(session_of(user_, echo_)) {}
  TurnRecord stored(int index = 0) {
    auto turns = SessionRepository(app_).turns_of_session(session_.id, user_);
    EXPECT_TRUE(turns) << turns.error().message;
    for (const auto& turn : *turns)
      if (turn.turn_index == index) return turn;
    ADD_FAILURE() << "turn " << index << " is not there";
    return {};
  }
  double dropped() { return own_metrics_.counter("repartee_recorder_dropped_total", "").value(); }

  Metrics own_metrics_;
  SessionRecord session_;
};

TEST_F(RecorderTest, WritesATurnWithAllItsColumns) {
  auto turn = turn_of(session_, 0);
  turn.heard_ms = 640;
  turn.status = "interrupted";
  turn.cancel_reason = "turn_detected";
  turn.endpointing_ms = 500;
  turn.total_latency_ms = 730;
  turn.tts_cost = {7};
  turn.llm_output_tokens = 42;
  turn.evidence_json = R"({"vad": [0.1, 0.9]})";
  turn.tool_calls_json = R"([{"name": "weather"}])";
  {
    TurnRecorder recorder(recorder_db_, {}, own_metrics_);
    EXPECT_TRUE(recorder.record_session(session_));
    std::atomic<bool> safe{false};
    EXPECT_TRUE(recorder.record_turn(turn, [&] { safe = true; }));
    EXPECT_TRUE(wait_until([&] { return safe.load(); }));
  }
  const auto row = stored();
  EXPECT_EQ(row.user_transcript, "question 0");
  EXPECT_EQ(row.heard_response, "answer 0");
  EXPECT_EQ(row.llm_response, "answer 0, all of it");
  EXPECT_EQ(row.heard_ms, 640);
  EXPECT_EQ(row.status, "interrupted");
  EXPECT_EQ(row.cancel_reason, "turn_detected");
  EXPECT_EQ(row.endpointing_ms, 500);
  EXPECT_EQ(row.asr_latency_ms, 80);
  EXPECT_EQ(row.rag_latency_ms, std::nullopt);
  EXPECT_EQ(row.total_latency_ms, 730);
  EXPECT_EQ(row.total_cost(), turn.total_cost());
  EXPECT_EQ(row.llm_output_tokens, 42);
  EXPECT_EQ(row.evidence_json, R"({"vad": [0.1, 0.9]})");
  EXPECT_EQ(row.tool_calls_json, R"([{"name": "weather"}])");
  EXPECT_EQ(std::chrono::floor<std::chrono::microseconds>(turn.started_at), row.started_at);
  EXPECT_EQ(scalar({"t_cost", "SELECT total_cost AS v FROM conversation_turns WHERE session_id = $1"}, Params(session_.id)), "1.00012507");
  EXPECT_EQ(scalar(read_messages, Params(session_.id)), "user:question 0|assistant:answer 0");
}

TEST_F(RecorderTest, LetsOnlyAHigherRevisionReplaceATurn) {
  TurnRecorder recorder(recorder_db_, {}, own_metrics_);
  auto turn = turn_of(session_, 3);
  turn.revision = 2;
  recorder.record_turn(turn, {});
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  auto stale = turn;
  stale.revision = 1;
  stale.heard_response = "stale";
  recorder.record_turn(stale, {});
  auto same = turn;
  same.heard_response = "the same revision again";
  recorder.record_turn(same, {});
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  EXPECT_EQ(stored(3).heard_response, "answer 3");
  auto better = turn;
  better.revision = 3;
  better.heard_response = "what was really heard";
  recorder.record_turn(better, {});
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  EXPECT_EQ(stored(3).heard_response, "what was really heard");
  EXPECT_EQ(scalar(count_turns, Params(session_.id)), "1");
  EXPECT_EQ(scalar(read_messages, Params(session_.id)), "user:question 3|assistant:what was really heard");
}

TEST_F(RecorderTest, TakesTheBestOfSeveralRevisionsInOneBatch) {
  std::atomic<bool> open{false};
  TurnRecorder::Options options;
  options.before_first_write = [&] { return open ? Status() : Status(Error{Errc::unavailable, "not yet"}); };
  options.retry_pause_max = Millis(50);
  TurnRecorder recorder(recorder_db_, options, own_metrics_);
  for (const int revision : {1, 3, 2}) {
    auto turn = turn_of(session_, 0);
    turn.revision = revision;
    turn.heard_response = "revision " + std::to_string(revision);
    recorder.record_turn(turn, {});
  }
  open = true;
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  EXPECT_EQ(stored().heard_response, "revision 3");
}

TEST_F(RecorderTest, MakesTheSessionOfATurnThatComesFirstAndFillsItInLater) {
  TurnRecorder recorder(recorder_db_, {}, own_metrics_);
  recorder.record_turn(turn_of(session_, 0), {});
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  session_.state = "speaking";
  session_.total_turns = 1;
  recorder.record_session(session_);
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  const auto row = SessionRepository(app_).find(session_.id, user_);
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ(row->state, "speaking");
  EXPECT_EQ(row->asr_provider, "moonshine");
}

TEST_F(RecorderTest, DropsAPoisonRowAndWritesItsNeighbours) {
  std::atomic<int> safe{0};
  {
    TurnRecorder recorder(recorder_db_, {}, own_metrics_);
    recorder.record_session(session_);
    for (int i = 0; i < 40; ++i) {
      auto turn = turn_of(session_, i);
      if (i == 17) turn.status = "no such status";
      if (i == 23) turn.user_id = new_uuid();  // nobody
      recorder.record_turn(turn, [&] { ++safe; });
    }
    recorder.record_audit(audit_of("not a uuid", "x"));
    ASSERT_TRUE(recorder.wait_until_idle(patience));
  }
  EXPECT_EQ(scalar(count_turns, Params(session_.id)), "38");
  EXPECT_EQ(safe, 38);
  EXPECT_EQ(dropped(), 3);
}

TEST_F(RecorderTest, WritesALargeBatchSideBySideAndDropsOnlyWhatIsRefused) {
  constexpr int sessions = 8, turns_each = 150;
  std::atomic<bool> open{false};
  std::atomic<int> safe{0};
  TurnRecorder::Options options;
  options.before_first_write = [&] { return open ? Status() : Status(Error{Errc::unavailable, "not yet"}); };
  options.retry_pause_max = Millis(50);
  options.batch_items_max = 10'000;
  TurnRecorder recorder(recorder_db_, options, own_metrics_);
  std::vector<SessionRecord> rows;
  for (int s = 0; s < sessions; ++s) recorder.record_session(rows.emplace_back(session_of(user_, echo_)));
  for (int i = 0; i < turns_each; ++i)
    for (int s = 0; s < sessions; ++s) {
      auto turn = turn_of(rows[static_cast<std::size_t>(s)], i);
      if (i == 70 && s % 4 == 0) turn.status = "no such status";
      ASSERT_TRUE(recorder.record_turn(turn, [&] { ++safe; }));
    }
  open = true;
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  for (int s = 0; s < sessions; ++s)
    EXPECT_EQ(scalar(count_turns, Params(rows[static_cast<std::size_t>(s)].id)), std::to_string(s % 4 == 0 ? turns_each - 1 : turns_each));
  EXPECT_EQ(safe, sessions * turns_each - 2);
  EXPECT_EQ(dropped(), 2);
}

TEST_F(RecorderTest, CleansTextThatPostgresCannotHold) {
  TurnRecorder recorder(recorder_db_, {}, own_metrics_);
  auto turn = turn_of(session_, 0);
  turn.user_transcript = std::string("nul\0 and \xff\xfe bytes", 17);
  turn.evidence_json = R"({"text": "a\u0000b"})";
  recorder.record_turn(turn, {});
  auto unparsable = turn_of(session_, 1);
  unparsable.timeline_json = std::string(100'000, '[');
  recorder.record_turn(unparsable, {});
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  EXPECT_EQ(stored(0).user_transcript, "nul\xef\xbf\xbd and \xef\xbf\xbd\xef\xbf\xbd bytes");
  EXPECT_NE(stored(0).evidence_json.find("a\xef\xbf\xbd"
                                         "b"),
            std::string::npos);
  EXPECT_EQ(stored(1).user_transcript, "question 1");
  EXPECT_EQ(stored(1).timeline_json, "{}");
  EXPECT_EQ(dropped(), 0);
}

TEST_F(RecorderTest, SaysNoWhenTheQueueIsFull) {
  TurnRecorder::Options options;
  options.queue_items_max = options.group_items_max = 4;
  options.batch_items_max = 1;
  options.shutdown_budget = Millis(0);
  options.before_first_write = [] { return Status(Error{Errc::unavailable, "away"}); };
  TurnRecorder recorder(recorder_db_, options, own_metrics_);
  int taken = 0;
  while (taken < 100 && recorder.record_turn(turn_of(session_, taken), {})) ++taken;
  EXPECT_GE(taken, 4);
  EXPECT_LE(taken, 4 + 4 + 4 + 1) << "four in the queue, four on the way, four in the backlog, one in the writer's hands";
  EXPECT_EQ(dropped(), 1);
}

TEST_F(RecorderTest, DrainsWhenItIsDestroyed) {
  {
    TurnRecorder recorder(recorder_db_, {}, own_metrics_);
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(recorder.record_turn(turn_of(session_, i), {}));
  }
  EXPECT_EQ(scalar(count_turns, Params(session_.id)), "1000");
}

TEST_F(RecorderTest, LosesAndDoublesNothingWhenPostgresIsKilled) {
  constexpr int turns = 600;
  std::atomic<int> safe{0};
  const auto action = "kill-test-" + new_uuid();
  {
    TurnRecorder::Options options;
    options.batch_items_max = 16;
    TurnRecorder recorder(recorder_db_, options, own_metrics_);
    recorder.record_session(session_);
    for (int i = 0; i < turns; ++i) {
      ASSERT_TRUE(recorder.record_turn(turn_of(session_, i), [&] { ++safe; }));
      ASSERT_TRUE(recorder.record_audit(audit_of(user_, action)));
      if (i == 150 || i == 400) cluster_.kill_postmaster();
    }
    ASSERT_TRUE(recorder.wait_until_idle(patience));
    EXPECT_TRUE(recorder.writing());
  }
  EXPECT_EQ(safe, turns);
  EXPECT_EQ(dropped(), 0);
  EXPECT_EQ(scalar(count_turns, Params(session_.id)), std::to_string(turns));
  EXPECT_EQ(scalar(count_messages, Params(session_.id)), std::to_string(2 * turns));
  EXPECT_EQ(scalar(count_audit, Params(action)), std::to_string(turns));
}

TEST_F(RecorderTest, WritesAuditLinesOfAnOlderMonth) {
  TurnRecorder recorder(recorder_db_, {}, own_metrics_);
  const auto action = "old-" + new_uuid();
  auto line = audit_of(user_, action);
  line.timestamp = std::chrono::system_clock::now() - std::chrono::hours(24 * 100);
  recorder.record_audit(line);
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  EXPECT_EQ(scalar(count_audit, Params(action)), "1");
}

TEST_F(RecorderTest, ClosesTheSessionsOfThisNodeThatACrashLeftOpen) {
  TurnRecorder recorder(recorder_db_, {}, own_metrics_);
  const auto node = "node-" + new_uuid();
  auto left_open = session_of(user_, echo_), ended = session_of(user_, echo_), elsewhere = session_of(user_, echo_);
  left_open.node = ended.node = node;
  left_open.state = "speaking";
  ended.ended_at = ended.started_at;
  ended.end_reason = "client_closed";
  for (const auto* session : {&left_open, &ended, &elsewhere}) recorder.record_session(*session);
  ASSERT_TRUE(recorder.wait_until_idle(patience));
  SessionRepository sessions(recorder_db_), reading(app_);
  EXPECT_EQ(*sessions.close_left_open(node, left_open.started_at - std::chrono::seconds(1)), 0);
  EXPECT_EQ(*sessions.close_left_open(node, left_open.started_at + std::chrono::seconds(1)), 1);
  EXPECT_EQ(reading.find(left_open.id, user_)->end_reason, "server_crash");
  EXPECT_TRUE(reading.find(left_open.id, user_)->ended_at.has_value());
  EXPECT_EQ(reading.find(ended.id, user_)->end_reason, "client_closed");
  EXPECT_FALSE(reading.find(elsewhere.id, user_)->ended_at.has_value());
}

}  // namespace
}  // namespace repartee::persistence::test
