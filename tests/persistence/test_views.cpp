#include "persistence/record_batch.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

// Ten turns of one hour whose first-token latencies are 100, 200 ... 1000 ms, so that every percentile is known; a provider's name that
// nobody else uses tells them from other tests' turns.
class ViewsTest : public StoreTest {
 protected:
  ViewsTest() : provider_("llm-" + new_uuid()), session_(session_of(user_, echo_)) {
    session_.llm_provider = provider_;
    std::vector<RecordItem> items{session_};
    for (int i = 0; i < 10; ++i) {
      TurnRecord turn = turn_of(session_, i);
      turn.started_at = hour + std::chrono::minutes(i);
      turn.llm_latency_ms = (i + 1) * 100;
      turn.llm_input_tokens = 10;
      turn.tts_characters = 7;
      if (i >= 7) turn.status = "interrupted", turn.heard_ms = (i - 6) * 100;
      if (i < 4) turn.cache_hits_json = i < 2 ? R"({"llm":true,"tts":3})" : R"({"llm":true,"tts":0})";
      items.emplace_back(RecordedTurn{turn, {}});
    }
    const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
  }

  // As an analyst, who comes with SET ROLE from the owner. In a transaction of its own.
  Result<std::string> analysed(const std::string& sql, const Params& params = Params()) {
    return owner_.run([&](Transaction& t) {
      t.exec({"be_analyst", "SELECT set_config('role', 'repartee_analyst', true)"});
      const auto name = "view" + new_uuid();
      const auto rows = t.exec({name.c_str(), sql.c_str()}, params);
      return rows.empty() ? std::string("no rows") : rows[0].text("v");
    });
  }
  std::string value(const std::string& sql, const Params& params = Params()) {
    const auto answer = analysed(sql, params);
    return answer ? *answer : answer.error().message;
  }

  static constexpr WallTime hour{std::chrono::seconds(1'779'260'400)};  // 2026-05-20T07:00:00Z
  std::string provider_;
  SessionRecord session_;
};

TEST_F(ViewsTest, InterpolatesThePercentilesOfAnHour) {
  const auto of = [&](const char* column) {
    return value("SELECT " + std::string(column) + "::text AS v FROM latency_by_hour WHERE stage = 'llm' AND provider = $1 AND hour = $2",
                 Params(provider_, hour));
  };
  EXPECT_EQ(of("turns"), "10");
  EXPECT_EQ(of("p50_ms"), "550.0");
  EXPECT_EQ(of("p90_ms"), "910.0");
  EXPECT_EQ(of("p95_ms"), "955.0");
  EXPECT_EQ(of("p99_ms"), "991.0");
}

TEST_F(ViewsTest, LeavesOutStagesThatDidNotRun) {
  EXPECT_EQ(value("SELECT count(*)::text AS v FROM latency_by_hour AS l WHERE l.stage = 'tts' AND l.provider = $1", Params(provider_)),
            "0");
  EXPECT_EQ(value("SELECT count(*)::text AS v FROM turns_flat WHERE llm_provider = $1 AND tts_latency_ms IS NULL", Params(provider_)),
            "10");
}

TEST_F(ViewsTest, AddsUpWhatAUserCostADay) {
  const auto of = [&](const char* column) {
    return value("SELECT " + std::string(column) + "::text AS v FROM cost_by_user_day WHERE user_id = $1", Params(user_));
  };
  EXPECT_EQ(of("day"), "2026-05-20");
  EXPECT_EQ(of("sessions"), "1");
  EXPECT_EQ(of("turns"), "10");
  EXPECT_EQ(of("llm_cost"), "10.00000000");
  EXPECT_EQ(of("total_cost"), "10.00125000");
  EXPECT_EQ(of("llm_input_tokens"), "100");
  EXPECT_EQ(of("tts_characters"), "70");
}

// These two have no user or provider: the hour and the day are the test's alone.
TEST_F(ViewsTest, CountsInterruptionsAndHitsByTime) {
  ASSERT_TRUE(owner_.run([](Transaction& t) {
    t.exec({"views_clear", "DELETE FROM conversation_turns WHERE started_at < '2020-01-03'"});
  }));
  ASSERT_TRUE(owner_.run([&](Transaction& t) {
    t.exec({"views_move",
            "UPDATE conversation_turns SET started_at = started_at - ($2::timestamptz - '2020-01-02T03:00:00Z') WHERE user_id = $1"},
           Params(user_, hour));
  }));
  const auto hours = [&](const char* column) {
    return value("SELECT " + std::string(column) + "::text AS v FROM interruptions_by_hour WHERE hour = '2020-01-02T03:00:00Z'");
  };
  EXPECT_EQ(hours("turns"), "10");
  EXPECT_EQ(hours("interrupted"), "3");
  EXPECT_EQ(hours("share"), "0.3000");
  EXPECT_EQ(hours("heard_ms_average"), "200.0");
  const auto hits = [&](const char* cache) {
    return value("SELECT hits || ' of ' || turns AS v FROM cache_hits_by_day WHERE day = '2020-01-02' AND cache = $1", Params(cache));
  };
  EXPECT_EQ(hits("llm"), "4 of 10");
  EXPECT_EQ(hits("tts"), "2 of 10") << "a zero is no hit";
}

TEST_F(ViewsTest, ShowAnalystsNothingThatWasSaid) {
  for (const char* sql : {"SELECT user_transcript AS v FROM conversation_turns", "SELECT heard_response AS v FROM conversation_turns",
                          "SELECT content AS v FROM messages", "SELECT email AS v FROM users", "SELECT * FROM conversation_turns"})
    EXPECT_EQ(analysed(sql).error().code, Errc::permission_denied) << sql;
  EXPECT_EQ(analysed("DELETE FROM conversation_turns").error().code, Errc::permission_denied);
}

TEST_F(ViewsTest, AreNotForTheServersOwnRoles) {
  for (Database* database : {&app_, &recorder_db_})
    EXPECT_EQ(database->run([](Transaction& t) { t.exec({"peek", "SELECT FROM turns_flat"}); }).error().code, Errc::permission_denied);
}

}  // namespace
}  // namespace repartee::persistence::test
