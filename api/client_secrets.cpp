// Ephemeral keys: a server that holds a real key makes one for a browser or a telephone call, bound to what the conversation shall be like.
#include "api/json_fields.hpp"
#include "api/request_body.hpp"
#include "api/routes.hpp"
#include "realtime/auth/tokens.hpp"
#include "realtime/protocol/session_config.hpp"

namespace repartee::api {
namespace {

constexpr std::int64_t seconds_default = 600;

std::int64_t seconds_of(const Json& body) {
  const auto given = body.is_object() ? body.value(Json::json_pointer("/expires_after/seconds"), Json()) : Json();
  return given.is_number_integer() ? given.get<std::int64_t>() : seconds_default;
}

// The wishes as they are kept, or what is wrong with them. A transcription session has no type "realtime" and no conversation.
Json wishes_of(const Json& body) {
  Json wishes = body.is_object() ? body.value("session", Json::object()) : Json::object();
  if (!wishes.contains("type")) wishes["type"] = "realtime";
  return wishes;
}

transport::Response refused(const realtime::ProtocolError& fault) {
  return error_response(400, Error{Errc::invalid_argument, fault.message}, fault.param);
}

void make(const Call& call, const auth::Tokens& tokens) {
  const Json wishes = wishes_of(call.body());
  const std::string wishes_text = dump(wishes);
  realtime::SessionConfig config;
  if (const auto model = wishes.find("model"); model != wishes.end() && model->is_string()) config.model = model->get<std::string>();
  auto checked = realtime::apply_session_update(config, wishes_text);
  if (!checked) return call.respond(refused(checked.error()));
  const WallTime until = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::seconds(seconds_of(call.body()));
  auth::Caller caller = call.caller;
  caller.scopes = {std::string(auth::scope::realtime)};
  caller.session_json = wishes_text;
  auto key = tokens.make(auth::Tokens::Kind::ephemeral, {.caller = std::move(caller), .valid_until = until});
  if (!key) return call.respond(error_response(key.error(), "/session"));
  const std::int64_t expires_at = std::chrono::system_clock::to_time_t(until);
  Json session = Json::parse(realtime::session_object_json({.id = "", .expires_at_unix_s = 0, .voice_effective = ""}, *checked));
  for (const char* unknown_yet : {"id", "expires_at"}) session.erase(unknown_yet);
  auto response = json_response(200, dump({{"value", *key}, {"expires_at", expires_at}, {"session", session}}));
  response.headers["Cache-Control"] = "no-store";
  call.respond(std::move(response));
}

}  // namespace

void add_client_secret_routes(Router& router, const auth::Tokens& tokens) {
  router.add("POST", "/v1/realtime/client_secrets", Access::key, [&tokens](const Call& call) { make(call, tokens); }, "client_secret.create", auth::scope::realtime);
}

}  // namespace repartee::api
