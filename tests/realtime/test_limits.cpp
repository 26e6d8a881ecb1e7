// What a caller is told about limits: at the door, and with every response.
#include <gtest/gtest.h>

#include "realtime/session_gateway.hpp"
#include "tests/realtime/session_harness.hpp"

namespace repartee::test {
namespace {

class OneClone final : public persistence::CloneDirectory {
 public:
  void find(Loop&, std::string, std::string, std::function<void(Result<CloneRecord>)> done) override {
    ++asked;
    done(CloneRecord{.id = "c", .name = "Ada"});
  }
  int asked = 0;
};

struct Door {
  explicit Door(bool allowed) : decision{.allowed = allowed, .limit = 60, .remaining = 0, .reset_seconds = 60, .retry_after_seconds = 0.2} {
    options.limit = [this](Loop&, const transport::Request& request, const auth::Caller* caller, std::function<void(LimitDecision)> done) {
      asked.push_back(request.remote_address + (caller ? " " + caller->user_id : " wrong key"));
      done(decision);
    };
    options.on_refusal = [this](const transport::Request& request, const auth::Caller* caller, int status) {
      refused.push_back(request.path + " " + std::to_string(status) + (caller ? " " + caller->user_id : ""));
    };
  }
  transport::Accept knock(const std::string& key, const std::string& origin = "") {
    auto made = auth::Auth::create({.keys = {{.name = "phone", .key = "sk-right", .user_id = "u1"}}, .required = true});
    realtime::SessionGateway gateway(options, *made, clones,
                                     [](Loop&) -> realtime::SessionServices { throw std::logic_error("no session is made"); });
    transport::Request request;
    request.method = "GET";
    request.path = "/v1/realtime";
    request.remote_address = "127.0.0.1";
    request.headers = {{"host", "localhost"}, {"authorization", "Bearer " + key}};
    if (!origin.empty()) request.headers["origin"] = origin;
    std::optional<transport::Accept> answer;
    gateway.on_upgrade(loop, request, {}, [&](transport::Accept accept) { answer = std::move(accept); });
    EXPECT_TRUE(answer.has_value());
    if (answer) answer->handler.reset();  // before its gateway
    return answer ? std::move(*answer) : transport::Accept{};
  }

  LimitDecision decision;
  realtime::SessionGateway::Options options;
  OneClone clones;
  ManualLoop loop;
  std::vector<std::string> asked, refused;
};

TEST(Gateway, RefusesAConversationOverTheLimitBeforeTheUpgrade) {
  Door door(false);
  const auto answer = door.knock("sk-right");
  EXPECT_EQ(answer.refusal.status, 429);
  EXPECT_EQ(answer.refusal.headers.at("Retry-After"), "1");
  EXPECT_EQ(answer.refusal.headers.at("x-ratelimit-limit-requests"), "60");
  EXPECT_EQ(answer.refusal.headers.at("x-ratelimit-reset-requests"), "1m0s");
  EXPECT_EQ(json::parse(answer.refusal.body)["error"]["type"], "rate_limit_error");
  EXPECT_EQ(door.clones.asked, 0);
  EXPECT_EQ(door.asked, std::vector<std::string>{"127.0.0.1 u1"});
  EXPECT_EQ(door.refused, std::vector<std::string>{"/v1/realtime 429 u1"});
}

TEST(Gateway, LetsAConversationInWhileTheLimitAllows) {
  Door door(true);
  door.knock("sk-right");
  EXPECT_EQ(door.clones.asked, 1);
  EXPECT_TRUE(door.refused.empty());
}

TEST(Gateway, RefusesACallThatTheMachineHasNoRoomForAtOnceAndSaysWhenToComeAgain) {
  Door door(true);
  door.options.admits = [] { return false; };
  const auto answer = door.knock("sk-right");
  EXPECT_EQ(answer.refusal.status, 503);
  EXPECT_EQ(answer.refusal.headers.at("Retry-After"), "5");
  EXPECT_EQ(json::parse(answer.refusal.body)["error"]["code"], "no_room");
  EXPECT_EQ(door.clones.asked, 0);
}

TEST(Gateway, CountsAWrongKeyAndTellsTheAuditLog) {
  Door door(true);
  EXPECT_EQ(door.knock("sk-wrong").refusal.status, 401);
  door.decision.allowed = false;
  EXPECT_EQ(door.knock("sk-wrong").refusal.status, 429);
  EXPECT_EQ(door.asked, (std::vector<std::string>{"127.0.0.1 wrong key", "127.0.0.1 wrong key"}));
  EXPECT_EQ(door.knock("sk-right", "https://evil.test").refusal.status, 403);
  EXPECT_EQ(door.refused, (std::vector<std::string>{"/v1/realtime 401", "/v1/realtime 429", "/v1/realtime 403"}));
}

TEST(Session, TellsWhatIsLeftOfTheLimitWithEachResponse) {
  SessionHarness h;
  h.limit_left = [](const std::string&, const std::string&) { return LimitDecision{.limit = 60, .remaining = 58, .reset_seconds = 2}; };
  h.open();
  h.say({{"type", "response.create"}});
  const auto told = h.of("rate_limits.updated");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0]["rate_limits"][0]["name"], "requests");
  EXPECT_EQ(told[0]["rate_limits"][0]["remaining"], 58);
  EXPECT_EQ(h.place("rate_limits.updated"), h.place("response.created") + 1);
}

class UsedUp final : public auth::Allowances {
 public:
  auth::TierLimits limits_of(const auth::Caller&) const override { return {.turns_a_month = 5}; }
  void may_converse(Loop&, const auth::Caller& caller, Done done) override {
    done(caller.user_id == "u1" ? auth::room_for_turn({.turns_a_month = 5}, {.turns = 5}) : Status());
  }
  void may_upload(Loop&, const auth::Caller&, std::int64_t, Done done) override { done({}); }
};

TEST(Gateway, RefusesAConversationOfAUserWhoseMonthIsUsedUp) {
  UsedUp allowances;
  Door door(true);
  door.options.allowances = &allowances;
  const auto answer = door.knock("sk-right");
  EXPECT_EQ(answer.refusal.status, 429);
  EXPECT_EQ(json::parse(answer.refusal.body)["error"]["code"], "insufficient_quota");
  EXPECT_NE(answer.refusal.body.find("5 turns"), std::string::npos);
  EXPECT_EQ(door.clones.asked, 0);
  EXPECT_EQ(door.refused, std::vector<std::string>{"/v1/realtime 429 u1"});
}

}  // namespace
}  // namespace repartee::test
