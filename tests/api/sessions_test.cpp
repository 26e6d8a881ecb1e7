#include <algorithm>

#include "persistence/params.hpp"
#include "persistence/record_batch.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

class Sessions : public LiveApi {
 protected:
  SessionRecord recorded(const Person& whose, int turns) {
    const auto session = session_of(whose.user_id, whose.user_id == ann.user_id ? echo_ : make_clone(whose.user_id, false));
    std::vector<persistence::RecordItem> items{session};
    for (int i = 0; i < turns; ++i) items.emplace_back(persistence::RecordedTurn{turn_of(session, i), {}});
    const auto written = recorder_db_.run([&](persistence::Transaction& t) { persistence::write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
    return session;
  }
};

TEST_F(Sessions, ShowTheirTurnsInOrderAndInPages) {
  const auto session = recorded(ann, 5);
  const Json first = get("/api/sessions/" + session.id + "/turns?limit=3", ann);
  EXPECT_EQ(first.at("count"), 3);
  EXPECT_EQ(first.at("turns")[2].at("turn_index"), 2);
  EXPECT_EQ(first.at("turns")[0].at("heard_response"), "answer 0");
  const Json second = get("/api/sessions/" + session.id + "/turns?cursor=" + percent_encoded(first.at("next_cursor")), ann);
  EXPECT_EQ(second.at("count"), 2);
  EXPECT_EQ(second.at("turns")[1].at("turn_index"), 4);
  EXPECT_TRUE(second.at("next_cursor").is_null());
  EXPECT_EQ(actions(), (std::vector<std::string>{"transcript.read 200", "transcript.read 200"}));
}

TEST_F(Sessions, AreListedNewestFirstAndFiltered) {
  auto early = session_of(ann.user_id, echo_);
  early.started_at = early.last_active_at = *persistence::from_timestamp("2026-01-02T03:04:05Z");
  early.ended_at = early.started_at + std::chrono::minutes(1);
  early.client_json = R"({"user_agent":"x"})";
  const auto written =
      recorder_db_.run([&](persistence::Transaction& t) { persistence::write_batch(t, std::vector<persistence::RecordItem>{early}); });
  ASSERT_TRUE(written) << written.error().message;
  const auto late = recorded(ann, 1);
  recorded(bob, 1);
  const Json all = get("/api/sessions", ann);
  ASSERT_EQ(all.at("count"), 2);
  EXPECT_EQ(all.at("sessions")[0].at("id"), late.id);
  EXPECT_EQ(all.at("sessions")[1].at("client"), Json({{"user_agent", "x"}}));
  const auto ids = [&](const std::string& query) {
    std::vector<std::string> found;
    const Json page = get("/api/sessions?" + query, ann);
    for (const auto& session : page.at("sessions")) found.push_back(session.at("id"));
    return found;
  };
  const std::vector<std::string> only_early{early.id}, only_late{late.id};
  EXPECT_EQ(ids("open=true"), only_late);
  EXPECT_EQ(ids("open=false"), only_early);
  EXPECT_EQ(ids("to=2026-01-02T05:04:06%2B02:00"), only_early);
  EXPECT_EQ(ids("to=2026-01-02T05:04:05%2B02:00"), std::vector<std::string>());
  EXPECT_EQ(ids("from=2026-01-02T03:04:05Z&to=2026-01-02T03:04:05.000001Z"), only_early);
  EXPECT_EQ(ids("state=speaking"), std::vector<std::string>());
  EXPECT_EQ(ids("echo_id=" + echo_).size(), 2u);
  EXPECT_EQ(ids("echo_id=" + make_clone(ann.user_id, false)), std::vector<std::string>());
  for (const char* wrong : {"state=sleeping", "from=yesterday", "from=9999-01-01T00:00:00Z", "echo_id=7", "open=maybe", "state=x%27%3B--"})
    get(std::string("/api/sessions?") + wrong, ann, 400);
}

TEST_F(Sessions, AreShownAndRemovedWithWhatWasSaid) {
  const auto session = recorded(ann, 2);
  const auto path = "/api/v1/sessions/" + session.id;
  EXPECT_EQ(get(path, ann).at("session").at("id"), session.id);
  for (const auto* other : {&bob, &nobody}) {
    get(path, *other, 404);
    remove(path, *other, 404);
    EXPECT_EQ(ask({"GET", path + "/turns.csv", other->key}).status, 404);
  }
  EXPECT_EQ(remove(path, ann).at("success"), true);
  get(path, ann, 404);
  get(path + "/turns", ann, 404);
  EXPECT_EQ(ask({"GET", path + "/turns.csv", ann.key}).status, 404);
  remove(path, ann, 404);
  EXPECT_EQ(get("/api/sessions", ann).at("count"), 0);
  const auto told = actions();
  EXPECT_EQ(std::count(told.begin(), told.end(), "session.delete 200"), 1);
}

TEST_F(Sessions, BecomeTablesWithoutFormulas) {
  const auto session = session_of(ann.user_id, echo_);
  auto turn = turn_of(session, 0);
  turn.user_transcript = "=HYPERLINK(\"http://evil\",\"a\")";
  turn.llm_response = "one, \"two\"\r\nthree";
  turn.heard_response = "@SUM(A1)";
  turn.asr_latency_ms = std::nullopt;
  const std::vector<persistence::RecordItem> items{session, persistence::RecordedTurn{turn, {}}};
  ASSERT_TRUE(recorder_db_.run([&](persistence::Transaction& t) { persistence::write_batch(t, items); }));
  const auto response = ask({"GET", "/api/v1/sessions/" + session.id + "/turns.csv", ann.key});
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("Content-Disposition"), "attachment; filename=\"session-" + session.id + ".csv\"");
  EXPECT_EQ(response.body.find("session_id,turn_index,revision,started_at,"), 0u);
  EXPECT_NE(response.body.find(",\"'=HYPERLINK(\"\"http://evil\"\",\"\"a\"\")\",\"one, \"\"two\"\"\r\nthree\",'@SUM(A1),0,,,"),
            std::string::npos)
      << response.body;
  EXPECT_TRUE(response.body.ends_with("\r\n"));
  EXPECT_EQ(actions().back(), "transcript.read 200");
}

TEST_F(Sessions, GiveFiguresOfTheCallersOwnTurns) {
  auto session = session_of(ann.user_id, echo_);
  session.started_at = session.last_active_at = *persistence::from_timestamp("2026-02-03T10:00:00Z");
  session.llm_provider = "openai";
  std::vector<persistence::RecordItem> items{session};
  for (int i = 0; i < 100; ++i) {
    auto turn = turn_of(session, i);
    turn.total_latency_ms = i + 1;
    turn.llm_input_tokens = 10;
    items.emplace_back(persistence::RecordedTurn{turn, {}});
  }
  ASSERT_TRUE(recorder_db_.run([&](persistence::Transaction& t) { persistence::write_batch(t, items); }));
  recorded(bob, 3);
  const std::string span = "?from=2026-02-03T00:00:00Z&to=2026-02-04T00:00:00Z";
  const Json latency = get("/api/metrics/latency" + span, ann);
  const auto row_of = [](const Json& rows, const std::string& stage) {
    for (const auto& row : rows)
      if (row.at("stage") == stage) return row;
    return Json();
  };
  const Json total = row_of(latency.at("latencies"), "total");
  EXPECT_EQ(total.at("day"), "2026-02-03");
  EXPECT_EQ(total.at("turns"), 100);
  EXPECT_DOUBLE_EQ(total.at("p50_ms"), 50.5);
  EXPECT_DOUBLE_EQ(total.at("p99_ms"), 99.01);
  EXPECT_EQ(row_of(latency.at("latencies"), "asr").at("provider"), "moonshine");
  EXPECT_TRUE(row_of(latency.at("latencies"), "llm").is_null());  // did not run
  const Json cost = get("/api/metrics/cost" + span + "&per=all&echo_id=" + echo_, ann);
  const Json thinking = row_of(cost.at("costs"), "llm");
  EXPECT_TRUE(thinking.at("day").is_null());
  EXPECT_EQ(thinking.at("provider"), "openai");
  EXPECT_DOUBLE_EQ(thinking.at("cost"), 100.0);
  EXPECT_EQ(thinking.at("quantity"), 1000);
  EXPECT_DOUBLE_EQ(thinking.at("p50_cost"), 1.0);
  EXPECT_EQ(get("/api/metrics/latency" + span, bob).at("count"), 0);
  EXPECT_EQ(get("/api/metrics/latency", bob).at("count"), 1);  // asr of three turns
  remove("/api/v1/sessions/" + session.id, ann);
  EXPECT_EQ(get("/api/metrics/cost" + span, ann).at("count"), 0);
  for (const char* wrong : {"?from=2026-02-04T00:00:00Z&to=2026-02-03T00:00:00Z", "?from=2020-01-01T00:00:00Z", "?per=hour", "?echo_id=x"})
    get(std::string("/api/metrics/cost") + wrong, ann, 400);
}

TEST_F(Sessions, OfOthersAreNotFound) {
  const auto session = recorded(bob, 1);
  EXPECT_EQ(code_of(get("/api/v1/sessions/" + session.id + "/turns", ann, 404)), "not_found");
  EXPECT_EQ(code_of(get("/api/v1/sessions/" + session.id + "/turns", nobody, 404)), "not_found");
  EXPECT_EQ(code_of(get("/api/v1/sessions/0192f0c1-0000-7000-8000-000000000002/turns", ann, 404)), "not_found");
  EXPECT_EQ(param_of(get("/api/v1/sessions/" + percent_encoded("x'; drop table users") + "/turns", ann, 400)), "id");
}

}  // namespace
}  // namespace repartee::test
