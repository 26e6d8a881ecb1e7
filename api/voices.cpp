#include <nlohmann/json.hpp>

#include "api/routes.hpp"

namespace repartee::api {

void add_voice_routes(Router& router, std::vector<pipeline::VoiceInfo> voices) {
  JsonPage page;
  for (const auto& voice : voices) {
    page.items.push_back(nlohmann::json{{"provider", voice.provider}, {"id", voice.id}, {"description", voice.description}}.dump());
  }
  router.add("GET", "/api/v1/voices", Access::key,
             [response = list_response("voices", page)](const Call& call) { call.respond(response); });
}

}  // namespace repartee::api
