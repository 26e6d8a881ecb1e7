#include "tests/api/fixture.hpp"

namespace repartee::test {
namespace {

using api::Access;
using api::Call;

class Router : public ApiTest {
 protected:
  Router() {
    const auto say = [](std::string what) {
      return [what](const Call& call) {
        std::string body = what;
        for (const auto& [name, value] : call.params) body += " " + name + "=" + value;
        call.respond({200, {}, body + " user=" + call.caller.user_id});
      };
    };
    router.add("GET", "/api/v1/things", Access::key, say("list"));
    router.add("POST", "/api/v1/things", Access::key, say("create"));
    router.add("GET", "/api/v1/things/special", Access::key, say("special"));
    router.add("GET", "/api/v1/things/{id}", Access::key, say("one"));
    router.add("GET", "/api/v1/things/{id}/parts/{part}", Access::key, say("part"));
    router.add("GET", "/open", Access::open, say("open"));
  }
};

TEST_F(Router, MatchesPatternsAndNamesTheirParts) {
  EXPECT_EQ(ask("GET", "/api/v1/things").body, "list user=");
  EXPECT_EQ(ask("GET", "/api/v1/things/7").body, "one id=7 user=");
  EXPECT_EQ(ask("GET", "/api/v1/things/special").body, "special user=");
  EXPECT_EQ(ask("GET", "/api/v1/things/7/parts/a b").body, "part id=7 part=a b user=");
  EXPECT_EQ(ask("GET", "/api/v1/things/").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/things/7/parts").status, 404);
}

TEST_F(Router, TakesTheShortFormOfAPath) {
  EXPECT_EQ(ask("GET", "/api/things/7").body, "one id=7 user=");
  EXPECT_EQ(ask("GET", "/api/v1x/things").status, 404);
}

TEST_F(Router, AnswersHeadAsGetAndSaysWhatElseIsPossible) {
  EXPECT_EQ(ask("HEAD", "/api/v1/things").status, 200);
  const auto refused = ask("DELETE", "/api/v1/things");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.at("Allow"), "GET, HEAD, OPTIONS, POST");
  EXPECT_TRUE(Json::parse(refused.body).contains("error"));
  const auto options = ask("OPTIONS", "/api/v1/things");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers.at("Allow"), "GET, HEAD, OPTIONS, POST");
}

TEST_F(Router, SaysNotFoundInTheCommonForm) {
  const auto response = ask("GET", "/api/v1/nothing");
  EXPECT_EQ(response.status, 404);
  const Json error = Json::parse(response.body).at("error");
  EXPECT_EQ(error.at("type"), "invalid_request_error");
  EXPECT_EQ(error.at("code"), to_string(Errc::not_found));
  EXPECT_TRUE(error.at("param").is_null());
  EXPECT_FALSE(error.at("message").get<std::string>().empty());
}

TEST_F(Router, KnowsTheCaller) {
  EXPECT_EQ(ask("GET", "/api/v1/things", {{"authorization", "Bearer sk-test"}}).body, "list user=u1");
  const auto wrong = ask("GET", "/api/v1/things", {{"authorization", "Bearer sk-other"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.headers.at("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(ask("GET", "/open", {{"authorization", "Bearer sk-other"}}).status, 200);
}

TEST_F(Router, RefusesForeignPagesAndReboundHosts) {
  EXPECT_EQ(ask("GET", "/open", {{"origin", "https://evil.test"}}).status, 403);
  EXPECT_EQ(ask("GET", "/open", {{"host", "evil.test"}}).status, 403);
  EXPECT_EQ(ask("GET", "/open", {{"origin", "http://localhost:8080"}}).status, 200);
}

TEST_F(Router, LetsListedOriginsReadTheAnswer) {
  const auto response = ask("GET", "/open", {{"origin", "https://friend.test"}});
  EXPECT_EQ(response.headers.at("Access-Control-Allow-Origin"), "https://friend.test");
  const auto preflight = ask("OPTIONS", "/api/v1/things", {{"origin", "https://friend.test"}, {"access-control-request-method", "POST"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers.at("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS, POST");
  EXPECT_FALSE(ask("GET", "/open").headers.contains("Access-Control-Allow-Origin"));
}

TEST_F(Router, FallsBackForPagesOnly) {
  router.set_fallback([](const Call& call) { call.respond({200, {}, "page " + call.request.path}); });
  EXPECT_EQ(ask("GET", "/page").body, "page /page");
  EXPECT_EQ(ask("POST", "/page").status, 405);
  EXPECT_EQ(ask("GET", "/api/v1/nothing").status, 404);
  EXPECT_EQ(ask("GET", "/v1/nothing").status, 404);
}

}  // namespace
}  // namespace repartee::test
