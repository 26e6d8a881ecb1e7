#include "api/json_fields.hpp"
#include "api/routes.hpp"

namespace repartee::api {

void add_voice_routes(Router& router, const Backend& backend) {
  JsonPage page;
  for (const auto& [name, tts] : backend.tts)
    for (const auto& voice : tts->voices())
      page.items.push_back(dump({{"provider", voice.provider}, {"id", voice.id}, {"description", voice.description}}));
  router.add("GET", "/api/v1/voices", Access::key,
             [response = list_response("voices", page)](const Call& call) { call.respond(response); });
}

}  // namespace repartee::api
