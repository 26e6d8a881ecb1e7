#include "api/routes.hpp"
#include "core/ids.hpp"

namespace repartee::api {

void add_session_routes(Router& router, ListTurns list_turns) {
  router.add("GET", "/api/v1/sessions/{id}/turns", Access::key, [list_turns = std::move(list_turns)](Call call) {
    const std::string& id = call.params.at("id");
    if (!is_uuid(id)) return call.respond(error_response({Errc::not_found, "there is no such session"}, "id"));
    auto query = parse_list_query(call.request);
    if (!query) return call.respond(error_response(query.error(), "limit"));
    list_turns(call.loop, std::move(call.caller), id, std::move(*query), [respond = std::move(call.respond)](const Result<JsonPage>& page) {
      respond(page ? list_response("turns", *page) : error_response(page.error()));
    });
  }, "transcript.read");
}

}  // namespace repartee::api
