#include "tests/api/fixture.hpp"

namespace repartee::test {
namespace {

constexpr const char* session_id = "0192f0c1-0000-7000-8000-000000000001";

class Routes : public ApiTest {
 protected:
  Routes() {
    api::add_health_routes(
        router, [this] { return reasons; }, metrics);
    api::add_echo_routes(router,
                         [this](Loop&, auth::Caller caller, api::ListQuery query, std::function<void(Result<api::ClonePage>)> done) {
                           asked_by = caller.user_id;
                           asked = query;
                           done(clones);
                         });
    api::add_voice_routes(router, {{"kokoro", "af_heart", "warm"}, {"flite", "slt", "plain"}});
    api::add_session_routes(
        router, [this](Loop&, auth::Caller, std::string id, api::ListQuery query, std::function<void(Result<api::JsonPage>)> done) {
          asked = query;
          if (id != session_id) return done(Error{Errc::not_found, "there is no such session"});
          done(turns);
        });
  }
  Metrics metrics;
  std::vector<std::string> reasons;
  Result<api::ClonePage> clones{api::ClonePage{}};
  Result<api::JsonPage> turns{api::JsonPage{}};
  std::string asked_by;
  api::ListQuery asked;
};

TEST_F(Routes, HealthSaysHealthyWhateverElse) {
  reasons = {"no database"};
  EXPECT_EQ(ask_json("/health"), Json({{"status", "healthy"}}));
}

TEST_F(Routes, ReadySaysWhyNot) {
  EXPECT_EQ(ask_json("/ready"), Json({{"status", "ready"}}));
  reasons = {"the database is away", "no \"models\""};
  const Json body = ask_json("/ready", 503);
  EXPECT_EQ(body.at("reasons"), Json({"the database is away", "no \"models\""}));
}

TEST_F(Routes, MetricsAreInTheTextFormat) {
  metrics.counter("repartee_test_total", "for the test").add(3);
  const auto response = ask("GET", "/metrics");
  EXPECT_EQ(response.headers.at("Content-Type").find("text/plain; version=0.0.4"), 0u);
  EXPECT_NE(response.body.find("repartee_test_total 3"), std::string::npos);
}

TEST_F(Routes, EchoListsClonesWithTheirVoicesButNotTheirPersona) {
  CloneRecord ada;
  ada.id = "c1";
  ada.name = "Ada \"the first\"";
  ada.greeting = "Hello \xff";  // not UTF-8: must not break the answer
  ada.persona_prompt = "SECRET";
  ada.tts_provider = "kokoro";
  ada.voice_id = "af_heart";
  ada.is_public = true;
  clones = api::ClonePage{{ada}, "next"};
  const auto response = ask("GET", "/api/echo", {{"authorization", "Bearer sk-test"}}, {{"limit", "7"}, {"cursor", "c0"}});
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.body.find("SECRET"), std::string::npos);
  const Json body = Json::parse(response.body);
  EXPECT_EQ(body.at("count"), 1);
  EXPECT_EQ(body.at("next_cursor"), "next");
  EXPECT_EQ(body.at("echos")[0].at("name"), ada.name);
  EXPECT_EQ(body.at("echos")[0].at("voice"), Json({{"provider", "kokoro"}, {"id", "af_heart"}}));
  EXPECT_EQ(asked_by, "u1");
  EXPECT_EQ(asked.limit, 7);
  EXPECT_EQ(asked.cursor, "c0");
}

TEST_F(Routes, ModelsAreTheClonesInOpenAisForm) {
  CloneRecord ada;
  ada.id = "c1";
  clones = api::ClonePage{{ada}, ""};
  const Json body = ask_json("/v1/models");
  EXPECT_EQ(body.at("object"), "list");
  EXPECT_EQ(body.at("data")[0].at("id"), "c1");
  EXPECT_EQ(body.at("data")[0].at("object"), "model");
}

TEST_F(Routes, ListErrorsKeepTheirMeaning) {
  clones = Error{Errc::unavailable, "the database is away"};
  const Json body = ask_json("/api/v1/echo", 503);
  EXPECT_EQ(body.at("error").at("message"), "the database is away");
  clones = Error{Errc::deadline_exceeded, "late"};
  EXPECT_EQ(ask("GET", "/v1/models").status, 504);
}

TEST_F(Routes, RefusesWrongLimits) {
  for (const char* limit : {"0", "501", "-1", "x", "5x", "", "99999999999999999999"}) {
    EXPECT_EQ(ask("GET", "/api/v1/echo", {}, {{"limit", limit}}).status, 400) << limit;
  }
  EXPECT_EQ(ask("GET", "/api/v1/echo", {}, {{"cursor", std::string(300, 'c')}}).status, 400);
}

TEST_F(Routes, VoicesOfAllProviders) {
  const Json body = ask_json("/api/v1/voices");
  EXPECT_EQ(body.at("count"), 2);
  EXPECT_TRUE(body.at("next_cursor").is_null());
  EXPECT_EQ(body.at("voices")[1], Json({{"provider", "flite"}, {"id", "slt"}, {"description", "plain"}}));
}

TEST_F(Routes, TurnsOfASession) {
  turns = api::JsonPage{{R"({"turn_index":0})", R"({"turn_index":1})"}, ""};
  const Json body = ask_json(std::string("/api/v1/sessions/") + session_id + "/turns");
  EXPECT_EQ(body.at("turns")[1].at("turn_index"), 1);
  EXPECT_EQ(body.at("count"), 2);
}

TEST_F(Routes, TurnsOfNoSession) {
  EXPECT_EQ(ask_json("/api/v1/sessions/0192f0c1-0000-7000-8000-000000000002/turns", 404).at("error").at("code"),
            to_string(Errc::not_found));
  EXPECT_EQ(ask_json("/api/v1/sessions/x'; drop table users/turns", 404).at("error").at("param"), "id");
}

}  // namespace
}  // namespace repartee::test
