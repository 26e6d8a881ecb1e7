// Conversations as the recorder wrote them: read and removed, never changed.
#include "api/json_fields.hpp"
#include "api/routes.hpp"
#include "persistence/session_repository.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::api {
namespace {

using persistence::ConversationTurn;
using persistence::SessionRepository;

Result<transport::Response> turns(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto user = backend.user_of(call.caller);
  if (const auto session = SessionRepository(backend.database).find_by_id(call.param("id"), user); !session)
    return session.error().code == Errc::not_found ? Error{Errc::not_found, "there is no such session"} : session.error();
  const auto filter = persistence::Filter<ConversationTurn>().where<&ConversationTurn::session_id>(call.param("id"));
  const auto page = persistence::ConversationTurnRepository(backend.database)
                        .find_many(filter, user, persistence::Order<ConversationTurn>::by<&ConversationTurn::turn_index>(false),
                                   query->cursor, static_cast<std::size_t>(query->limit));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& turn : page->rows) json.items.push_back(realtime::server_events::turn_row_json(turn));
  return list_response("turns", json);
}

}  // namespace

void add_session_routes(Router& router, const Backend& backend) {
  const auto on = [&backend](auto work) {
    return backend.blocking.handler([&backend, work](const Call& call) { return work(backend, call); });
  };
  router.add("GET", "/api/v1/sessions/{id}/turns", Access::key, on(turns), "transcript.read");
}

}  // namespace repartee::api
