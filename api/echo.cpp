// Clones: table `echos`. The persona stays inside.
#include <nlohmann/json.hpp>

#include "api/routes.hpp"

namespace repartee::api {
namespace {

std::string echo_json(const CloneRecord& clone) {
  const nlohmann::json json{{"id", clone.id},
                            {"name", clone.name},
                            {"greeting", clone.greeting},
                            {"voice", {{"provider", clone.tts_provider}, {"id", clone.voice_id}}},
                            {"is_public", clone.is_public}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json model_json(const CloneRecord& clone) {
  return {{"id", clone.id}, {"object", "model"}, {"created", 0}, {"owned_by", clone.is_public ? "repartee" : "user"}, {"name", clone.name}};
}

transport::Response models_response(const ClonePage& page) {
  nlohmann::json data = nlohmann::json::array();
  for (const auto& clone : page.clones) data.push_back(model_json(clone));
  const nlohmann::json body{{"object", "list"}, {"data", std::move(data)}, {"has_more", !page.next_cursor.empty()}};
  return json_response(200, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

transport::Response echos_response(const ClonePage& page) {
  JsonPage json{{}, page.next_cursor};
  for (const auto& clone : page.clones) json.items.push_back(echo_json(clone));
  return list_response("echos", json);
}

CallHandler answer_with(ListClones list_clones, transport::Response (*form)(const ClonePage&)) {
  return [list_clones = std::move(list_clones), form](Call call) {
    auto query = parse_list_query(call.request);
    if (!query) return call.respond(error_response(query.error(), "limit"));
    list_clones(call.loop, std::move(call.caller), std::move(*query),
                [respond = std::move(call.respond), form](const Result<ClonePage>& page) {
                  respond(page ? form(*page) : error_response(page.error()));
                });
  };
}

}  // namespace

void add_echo_routes(Router& router, ListClones list_clones) {
  router.add("GET", "/api/v1/echo", Access::key, answer_with(list_clones, echos_response));
  router.add("GET", "/v1/models", Access::key, answer_with(std::move(list_clones), models_response));
}

}  // namespace repartee::api
