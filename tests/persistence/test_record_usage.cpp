#include "persistence/turn_recorder.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement read_usage{"t_usage", R"(
  SELECT coalesce(string_agg(action || '[' || subject || ']=' || quantity, ' ' ORDER BY action, subject), '') AS v
  FROM usage_metrics WHERE user_id = $1 AND month = $2::date)"};

class UsageTest : public StoreTest {
 protected:
  UsageTest() : session_(session_of(user_, echo_)) {
    session_.asr_provider = "moonshine";
    session_.llm_provider = "local";
    session_.tts_provider = "flite";
    session_.started_at = *from_timestamp("2026-05-20T10:00:00Z");
  }
  TurnRecord turn(int index, int revision = 1) const {
    auto t = turn_of(session_, index);
    t.revision = revision;
    t.asr_audio_ms = 1000;
    t.llm_input_tokens = 30;
    t.llm_output_tokens = 10;
    t.tts_characters = 50;
    t.started_at = *from_timestamp("2026-05-31T23:59:59Z");
    return t;
  }
  void write(const std::vector<RecordItem>& items) {
    const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
    ASSERT_TRUE(written) << written.error().message;
  }
  std::string usage(const char* month = "2026-05-01") { return scalar(read_usage, Params(user_, month)); }

  SessionRecord session_;
};

TEST_F(UsageTest, CountsEachTurnByTheProvidersOfItsSession) {
  write({session_, RecordedTurn{turn(0), {}}, RecordedTurn{turn(1), {}}});
  EXPECT_EQ(usage(), "turn.asr_ms[moonshine]=2000 turn.count[]=2 turn.llm_tokens[local]=80 turn.tts_characters[flite]=100");
  EXPECT_EQ(usage("2026-06-01"), "") << "a turn counts in the month it began in";
  auto other = session_of(user_, echo_);
  other.tts_provider = "kokoro";
  auto spoken = turn(0);
  spoken.session_id = other.id;
  spoken.asr_audio_ms = 0;
  write({other, RecordedTurn{spoken, {}}});
  EXPECT_EQ(usage(),
            "turn.asr_ms[moonshine]=2000 turn.count[]=3 turn.llm_tokens[]=40 turn.llm_tokens[local]=80 turn.tts_characters[flite]=100 "
            "turn.tts_characters[kokoro]=50");
}

TEST_F(UsageTest, CountsATurnOnceHoweverOftenItsBatchIsWritten) {
  const std::vector<RecordItem> batch{session_, RecordedTurn{turn(0), {}}, RecordedTurn{turn(1, 2), {}}};
  for (int attempt = 0; attempt < 3; ++attempt) write(batch);
  EXPECT_EQ(usage(), "turn.asr_ms[moonshine]=2000 turn.count[]=2 turn.llm_tokens[local]=80 turn.tts_characters[flite]=100");
}

TEST_F(UsageTest, AddsWhatARevisionNamesBeyondTheTurnAndTakesNothingBack) {
  write({session_, RecordedTurn{turn(0), {}}});
  auto better = turn(0, 2);
  better.llm_output_tokens = 25;
  better.tts_characters = 20;
  write({RecordedTurn{better, {}}});
  EXPECT_EQ(usage(), "turn.asr_ms[moonshine]=1000 turn.count[]=1 turn.llm_tokens[local]=55 turn.tts_characters[flite]=50");
  auto stale = turn(0, 1);
  stale.llm_output_tokens = 1000;
  write({RecordedTurn{stale, {}}});
  EXPECT_EQ(usage(), "turn.asr_ms[moonshine]=1000 turn.count[]=1 turn.llm_tokens[local]=55 turn.tts_characters[flite]=50");
}

TEST_F(UsageTest, CountsTheBestOfSeveralRevisionsInOneBatch) {
  auto late = turn(0, 3);
  late.llm_output_tokens = 20;
  write({session_, RecordedTurn{turn(0), {}}, RecordedTurn{late, {}}, RecordedTurn{turn(0, 2), {}}});
  EXPECT_EQ(usage(), "turn.asr_ms[moonshine]=1000 turn.count[]=1 turn.llm_tokens[local]=50 turn.tts_characters[flite]=50");
}

TEST_F(UsageTest, OfARefusedTurnIsNotCountedAndItsNeighboursIs) {
  Metrics metrics;
  TurnRecorder recorder(recorder_db_, {}, metrics);
  recorder.record_session(session_);
  for (int i = 0; i < 20; ++i) {
    auto t = turn(i);
    if (i == 7) t.status = "no such status";
    recorder.record_turn(t, {});
  }
  ASSERT_TRUE(recorder.wait_until_idle(std::chrono::seconds(20)));
  EXPECT_EQ(usage(), "turn.asr_ms[moonshine]=19000 turn.count[]=19 turn.llm_tokens[local]=760 turn.tts_characters[flite]=950");
}

TEST_F(UsageTest, IsExactWhenLanesWriteSideBySideAndPostgresIsKilled) {
  constexpr int sessions = 6, turns_each = 200;
  Metrics metrics;
  TurnRecorder recorder(recorder_db_, {}, metrics);
  std::vector<SessionRecord> rows;
  for (int s = 0; s < sessions; ++s) {
    rows.push_back(session_of(user_, echo_));
    rows.back().asr_provider = rows.back().llm_provider = rows.back().tts_provider = "one";
    recorder.record_session(rows.back());
  }
  for (int i = 0; i < turns_each; ++i)
    for (int s = 0; s < sessions; ++s) {
      auto t = turn(i);
      t.session_id = rows[static_cast<std::size_t>(s)].id;
      ASSERT_TRUE(recorder.record_turn(t, {}));
      if (s == 0 && (i == 60 || i == 140)) cluster_.kill_postmaster();
    }
  ASSERT_TRUE(recorder.wait_until_idle(std::chrono::seconds(30)));
  EXPECT_EQ(usage(), "turn.asr_ms[one]=1200000 turn.count[]=1200 turn.llm_tokens[one]=48000 turn.tts_characters[one]=60000");
}

}  // namespace
}  // namespace repartee::persistence::test
