#include "tests/api/live_api.hpp"

#include <atomic>
#include <future>

namespace repartee::test {
namespace {

class Routes : public LiveApi {};

TEST_F(Routes, HealthSaysHealthyWhateverElse) {
  not_ready = {"no database"};
  EXPECT_EQ(get("/health", nobody), Json({{"status", "healthy"}}));
}

TEST_F(Routes, ReadySaysWhyNot) {
  EXPECT_EQ(get("/ready", nobody), Json({{"status", "ready"}}));
  not_ready = {"the database is away", "no \"models\""};
  EXPECT_EQ(get("/ready", nobody, 503).at("reasons"), Json({"the database is away", "no \"models\""}));
}

TEST_F(Routes, MetricsAreInTheTextFormat) {
  metrics_.counter("repartee_test_total", "for the test").add(3);
  const auto response = ask({"GET", "/metrics"});
  EXPECT_EQ(response.headers.at("Content-Type").find("text/plain; version=0.0.4"), 0u);
  EXPECT_NE(response.body.find("repartee_test_total 3"), std::string::npos);
}

TEST_F(Routes, VoicesOfAllProviders) {
  const Json body = get("/api/v1/voices", nobody);
  EXPECT_TRUE(body.at("next_cursor").is_null());
  ASSERT_EQ(body.at("count"), 1);
  EXPECT_EQ(body.at("voices")[0].at("provider"), "scripted");
  EXPECT_EQ(body.at("voices")[0].at("id"), "tone");
}

TEST_F(Routes, RefuseWrongLimitsAndCursors) {
  for (const char* limit : {"0", "201", "-1", "x", "5x", "", "99999999999999999999"}) {
    const Json answer = get(std::string("/api/v1/echo?limit=") + limit, ann, 400);
    EXPECT_EQ(param_of(answer), "limit") << limit;
  }
  EXPECT_EQ(get("/api/v1/echo?cursor=" + std::string(5000, 'c'), ann, 400).at("error").at("param"), "cursor");
  for (const char* cursor : {"x", "%00", "%27%3B%20DROP%20TABLE%20echos", "eyJ9"})
    get(std::string("/api/v1/echo?cursor=") + cursor, ann, 400);
}

TEST_F(Routes, TurnAwayWhenTooManyWait) {
  std::promise<void> gate;
  std::shared_future<void> open = gate.get_future().share();
  blocking = std::make_unique<api::Blocking>(api::Blocking::Options{.workers = 1, .queue_jobs_max = 1}, metrics_);
  std::atomic<int> answered{0}, refused{0};
  const auto ask_slowly = [&] {
    blocking->answer(
        api::Call{loop, {}, {}, {}, [&](const transport::Response& response) { ++(response.status == 503 ? refused : answered); }},
        [open](const api::Call&) -> Result<transport::Response> {
          open.wait();
          return api::success_response("done");
        });
  };
  for (int i = 0; i < 10; ++i) ask_slowly();
  EXPECT_GE(refused, 8);
  gate.set_value();
  EXPECT_TRUE(persistence::test::wait_until([&] { return answered + refused == 10; }));
  EXPECT_GE(answered, 1);
}

}  // namespace
}  // namespace repartee::test
