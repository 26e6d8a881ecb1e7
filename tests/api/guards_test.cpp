// What stands before and behind the handlers: rate limits and the audit log.
#include "api/audit.hpp"
#include "api/rate_limit.hpp"
#include "tests/api/fixture.hpp"

namespace repartee::test {
namespace {

using api::Access;
using api::Call;

class Guards : public ApiTest {
 protected:
  Guards() {
    const auto say_ok = [this](const Call& call) {
      ++handled;
      call.respond({200, {}, "ok"});
    };
    router.add("GET", "/api/v1/things", Access::key, say_ok);
    router.add("GET", "/api/v1/things/{id}/words", Access::key, say_ok, "words.read");
    router.add("DELETE", "/api/v1/things/{id}", Access::key, say_ok);
    router.add("POST", "/api/v1/knowledge", Access::key, [](const Call& call) { call.respond({413, {}, "too large"}); });
    router.add("GET", "/health", Access::open, say_ok);
    api::Guards guards;
    api::add_rate_limits(
        guards,
        [this](Loop&, const std::string& subject, const std::string& endpoint, const std::function<void(LimitDecision)>& done) {
          asked.push_back(subject + " " + endpoint);
          done(decision);
        },
        [](const auth::Caller& caller, const std::string& address) { return caller.user_id.empty() ? address : caller.user_id; });
    guards.on_answer = [this](const api::Answered& answered) {
      told.push_back(answered);
      trail.note(answered, now);
    };
    router.set_guards(guards);
  }
  const std::map<std::string, std::string> right{{"authorization", "Bearer sk-test"}, {"user-agent", "test/1"}};
  const std::map<std::string, std::string> wrong{{"authorization", "Bearer sk-wrong"}};

  LimitDecision decision{.allowed = true, .limit = 60, .remaining = 59, .reset_seconds = 0.5};
  int handled = 0;
  std::vector<std::string> asked;
  std::vector<api::Answered> told;
  std::vector<AuditRecord> lines;
  TimePoint now{std::chrono::hours(1)};
  Metrics metrics;
  api::AuditTrail trail{[this](AuditRecord line) {
                          lines.push_back(std::move(line));
                          return true;
                        },
                        {.refusals_max = 3, .anonymous_user_id = "local"},
                        metrics};
};

TEST_F(Guards, CountARequestToItsCallerAndSayWhatIsLeft) {
  const auto response = ask("GET", "/api/things", right);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("x-ratelimit-limit-requests"), "60");
  EXPECT_EQ(response.headers.at("x-ratelimit-remaining-requests"), "59");
  EXPECT_EQ(response.headers.at("x-ratelimit-reset-requests"), "500ms");
  EXPECT_FALSE(response.headers.contains("Retry-After"));
  ask("GET", "/api/v1/things");
  ask("POST", "/api/v1/knowledge", right);
  EXPECT_EQ(asked, (std::vector<std::string>{"u1 general", "127.0.0.1 general", "u1 upload"}));
}

TEST_F(Guards, RefuseWhatIsOverTheLimitWithoutRunningIt) {
  decision = {.allowed = false, .limit = 60, .remaining = 0, .reset_seconds = 59.1, .retry_after_seconds = 2.3};
  const auto response = ask("GET", "/api/v1/things", right);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.at("Retry-After"), "3");
  EXPECT_EQ(response.headers.at("x-ratelimit-reset-requests"), "1m0s");
  EXPECT_EQ(Json::parse(response.body)["error"]["type"], "rate_limit_error");
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(ask("GET", "/health").status, 200) << "what is not the interface's has no limit";
}

TEST_F(Guards, CountAWrongKeyAsASignIn) {
  EXPECT_EQ(ask("GET", "/api/v1/things", wrong).status, 401);
  EXPECT_EQ(asked, std::vector<std::string>{"127.0.0.1 login"});
  decision.allowed = false;
  EXPECT_EQ(ask("GET", "/api/v1/things", wrong).status, 429);
  EXPECT_EQ(handled, 0);
}

TEST_F(Guards, KnowTheLimitOfEachRoute) {
  EXPECT_EQ(api::limit_of("POST", "/api/v1/auth/login"), "login");
  EXPECT_EQ(api::limit_of("POST", "/api/v1/upload-reference"), "upload");
  EXPECT_EQ(api::limit_of("GET", "/api/v1/knowledge"), "general");
  EXPECT_EQ(api::limit_of("POST", "/api/v1/knowledge/search"), "general");
  EXPECT_EQ(api::limit_of("POST", "/api/v1/analyze"), "analysis");
}

TEST_F(Guards, GiveALineToWhatRevealsOrChangesSomethingAndToNothingElse) {
  ask("GET", "/api/v1/things", right);
  EXPECT_TRUE(lines.empty());
  ask("GET", "/api/v1/things/7/words", right);
  ask("DELETE", "/api/things/7", {{"user-agent", std::string(1000, 'a')}});
  ask("POST", "/api/v1/knowledge", right);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].action, "words.read");
  EXPECT_EQ(lines[0].user_id, "u1");
  EXPECT_EQ(lines[0].resource, "/api/v1/things/7/words");
  EXPECT_EQ(lines[0].ip_address, "127.0.0.1");
  EXPECT_EQ(lines[0].user_agent, "test/1");
  EXPECT_TRUE(lines[0].success);
  EXPECT_EQ(lines[1].action, "things.delete");
  EXPECT_EQ(lines[1].user_id, "local") << "a caller without a key is the local user";
  EXPECT_EQ(lines[1].resource, "/api/v1/things/7");
  EXPECT_EQ(lines[1].user_agent.size(), api::AuditTrail::agent_bytes_max);
  EXPECT_EQ(lines[2].action, "knowledge.create");
  EXPECT_FALSE(lines[2].success);
  EXPECT_EQ(Json::parse(lines[2].metadata_json)["status"], 413);
}

TEST_F(Guards, GiveALineToWhatWasRefused) {
  ask("GET", "/api/v1/things", wrong);
  ask("GET", "/api/v1/things", {{"origin", "https://evil.test"}});
  decision.allowed = false;
  ask("DELETE", "/api/v1/things/7", right);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].action, "auth.refused");
  EXPECT_EQ(lines[0].user_id, "") << "nobody was known";
  EXPECT_EQ(lines[1].action, "request.refused");
  EXPECT_EQ(lines[2].action, "limit.refused");
  EXPECT_EQ(lines[2].user_id, "u1");
  EXPECT_EQ(Json::parse(lines[2].metadata_json)["wanted"], "things.delete");
  for (const auto& line : lines) EXPECT_FALSE(line.success);
}

TEST_F(Guards, GiveALineToAnIdThatIsNotThereOrAnothers) {
  router.add("GET", "/api/v1/secrets/{id}", Access::key, [](const Call& call) { call.respond({404, {}, "not there"}); });
  ask("GET", "/api/v1/secrets/7", right);
  ask("GET", "/api/v1/nothing/7", right);
  ASSERT_EQ(lines.size(), 1u) << "a path that is no route tells nobody's secret";
  EXPECT_EQ(lines[0].action, "id.unknown");
  EXPECT_EQ(lines[0].user_id, "u1");
  EXPECT_EQ(lines[0].resource, "/api/v1/secrets/7");
  EXPECT_FALSE(lines[0].success);
}

TEST_F(Guards, DoNotLetAFloodOfRefusalsBecomeAFloodOfLines) {
  for (int i = 0; i < 50; ++i) ask("GET", "/api/v1/things", wrong);
  EXPECT_EQ(lines.size(), 3u);
  EXPECT_EQ(metrics.counter("repartee_audit_refusals_untold_total", "").value(), 47);
  now += std::chrono::seconds(61);
  ask("GET", "/api/v1/things", wrong);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(Json::parse(lines[3].metadata_json)["untold_before"], 47);
}

TEST(LimitOf, ATierIsItsOwnInPlaceOfGeneral) {
  const std::set<std::string> tiers{"free", "pro"};
  const auth::Caller free{.user_id = "u1", .key_name = "", .tier = "free"};
  const transport::Request look{.method = "GET", .path = "/api/v1/echo"}, login{.method = "POST", .path = "/api/v1/auth/login"};
  EXPECT_EQ(api::limit_of(free, look, tiers), "general.free");
  EXPECT_EQ(api::limit_of(free, login, tiers), "login");
  EXPECT_EQ(api::limit_of({}, look, tiers), "general");
  EXPECT_EQ(api::limit_of(free, look, {}), "general");
}

TEST(LimitOf, GuessingCountsAsSigningInAndRenewingDoesNot) {
  for (const char* path : {"login", "register", "verify", "verification", "password-reset", "password-reset/confirm"})
    EXPECT_EQ(api::limit_of("POST", std::string("/api/v1/auth/") + path), "login") << path;
  EXPECT_EQ(api::limit_of("POST", "/api/v1/auth/refresh"), "general");
}

}  // namespace
}  // namespace repartee::test
