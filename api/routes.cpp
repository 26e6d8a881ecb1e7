#include "api/routes.hpp"

namespace repartee::api {

void add_openapi_route(Router& router, std::shared_ptr<const OpenApi> openapi) {
  router.add("GET", "/api/v1/openapi.json", Access::open, [openapi = std::move(openapi)](const Call& call) {
    auto response = json_response(200, openapi->text());
    response.headers["Cache-Control"] = "no-cache";
    call.respond(std::move(response));
  });
}

void add_routes(Router& router, const RouteParts& parts) {
  router.set_openapi(parts.openapi);
  add_health_routes(router, parts.not_ready_reasons, parts.metrics);
  add_openapi_route(router, parts.openapi);
  add_voice_routes(router, parts.backend);
  add_echo_routes(router, parts.backend);
  add_conversation_routes(router, parts.backend);
  add_knowledge_search_route(router, parts.backend);
  add_session_routes(router, parts.backend);
  add_figure_routes(router, parts.backend);
  add_client_secret_routes(router, parts.tokens);
  add_knowledge_routes(router, parts.backend);
  if (!parts.accounts) return;
  add_auth_routes(router, *parts.accounts);
  add_me_routes(router, *parts.accounts);
  add_api_key_routes(router, *parts.accounts);
  add_user_routes(router, *parts.accounts);
}

}  // namespace repartee::api
