#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

class ClientSecrets : public LiveApi {
 protected:
  auth::Tokens::Content read(const std::string& value, std::chrono::seconds later = {}) {
    auto content = tokens.read(auth::Tokens::Kind::ephemeral, value, std::chrono::system_clock::now() + later);
    return content ? std::move(*content) : auth::Tokens::Content{};
  }
};

TEST_F(ClientSecrets, AreBoundToTheirMakerTheirTimeAndTheirSession) {
  const Json body{{"expires_after", {{"anchor", "created_at"}, {"seconds", 60}}},
                  {"session", {{"type", "realtime"}, {"model", "default"}, {"instructions", "Be brief."}, {"audio", {{"output", {{"speed", 1.25}}}}}}}};
  const Json made = post("/v1/realtime/client_secrets", ann, body, 200);
  const std::string value = made.at("value");
  EXPECT_TRUE(value.starts_with("ek_"));
  EXPECT_EQ(made["session"]["instructions"], "Be brief.");
  EXPECT_EQ(made["session"]["audio"]["output"]["speed"], 1.25);
  const auto content = read(value);
  EXPECT_EQ(content.caller.user_id, ann.user_id);
  EXPECT_EQ(content.caller.scopes, std::vector<std::string>{"realtime"});
  EXPECT_EQ(Json::parse(content.caller.session_json), body["session"]);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(content.valid_until), made["expires_at"]);
  EXPECT_EQ(read(value, std::chrono::seconds(61)).caller.user_id, "") << "expired";
}

TEST_F(ClientSecrets, LastTenMinutesWhereNothingIsSaid) {
  const auto before = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  const Json made = post("/v1/realtime/client_secrets", bob, Json(), 200);
  EXPECT_GE(made.at("expires_at"), before + 600);
  EXPECT_LE(made.at("expires_at"), before + 630);
}

TEST_F(ClientSecrets, AreNotMadeForWishesThatCannotBe) {
  EXPECT_EQ(post("/v1/realtime/client_secrets", ann, {{"session", {{"type", "realtime"}, {"audio", {{"output", {{"speed", 9}}}}}}}}, 400)["error"]["param"], "session.audio.output.speed");
  for (const int seconds : {0, 9, 7201}) post("/v1/realtime/client_secrets", ann, {{"expires_after", {{"anchor", "created_at"}, {"seconds", seconds}}}}, 400);
  post("/v1/realtime/client_secrets", ann, {{"expires_after", {{"anchor", "tomorrow"}, {"seconds", 60}}}}, 400);
  post("/v1/realtime/client_secrets", ann, {{"session", "a text"}}, 400);
  post("/v1/realtime/client_secrets", ann, {{"session", {{"type", "realtime"}, {"instructions", std::string(8'000, 'x')}}}}, 400);
}

}  // namespace
}  // namespace repartee::test
