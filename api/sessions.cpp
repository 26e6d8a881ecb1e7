// Conversations as the recorder wrote them: read and removed, never changed.
#include <chrono>

#include "api/csv.hpp"
#include "api/json_fields.hpp"
#include "api/routes.hpp"
#include "persistence/session_repository.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::api {
namespace {

using persistence::ConversationSession;
using persistence::ConversationTurn;
using persistence::ConversationTurnRepository;
using persistence::Filter;
using persistence::Is;
using persistence::SessionRepository;

constexpr std::size_t csv_rows_max = 20'000;  // of one session; what is beyond is in the pages of /turns

Json session_json(const ConversationSession& session) {
  return {{"id", session.id},
          {"echo_id", session.echo_id},
          {"state", session.state},
          {"asr_provider", session.asr_provider},
          {"llm_provider", session.llm_provider},
          {"tts_provider", session.tts_provider},
          {"total_turns", session.total_turns},
          {"interrupted_turns", session.interrupted_turns},
          {"average_latency_ms", or_null(session.average_latency_ms)},
          {"total_cost", money_json(session.total_cost)},
          {"started_at", time_json(session.started_at)},
          {"last_active_at", time_json(session.last_active_at)},
          {"ended_at", time_json(session.ended_at)},
          {"end_reason", session.end_reason},
          {"client", parsed(session.client_json)}};
}

Result<transport::Response> list(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto from = time_of(call.query("from")), to = time_of(call.query("to"));
  if (!from || !to) return error_response(from ? to.error() : from.error(), from ? "to" : "from");
  Filter<ConversationSession> filter;
  if (const auto echo = call.query("echo_id")) filter.where<&ConversationSession::echo_id>(*echo);
  if (const auto state = call.query("state")) filter.where<&ConversationSession::state>(*state);
  if (*from) filter.where<&ConversationSession::started_at>(Is::at_least, **from);
  if (*to) filter.where<&ConversationSession::started_at>(Is::less, **to);
  if (const auto open = call.query("open")) filter.is_null<&ConversationSession::ended_at>(*open == "true" || *open == "1");
  const auto page = SessionRepository(backend.database)
                        .find_many(filter, backend.user_of(call.caller),
                                   persistence::Order<ConversationSession>::by<&ConversationSession::started_at>(true), query->cursor,
                                   static_cast<std::size_t>(query->limit));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& session : page->rows) json.items.push_back(dump(session_json(session)));
  return list_response("sessions", json);
}

Result<ConversationSession> found(const Backend& backend, const Call& call) {
  auto session = SessionRepository(backend.database).find_by_id(call.param("id"), backend.user_of(call.caller));
  return session ? session : missing(session.error(), "session");
}

Result<transport::Response> show(const Backend& backend, const Call& call) {
  const auto session = found(backend, call);
  if (!session) return session.error();
  return object_response(200, "session", dump(session_json(*session)));
}

Result<transport::Response> remove(const Backend& backend, const Call& call) {
  const auto removed = SessionRepository(backend.database).remove(call.param("id"), backend.user_of(call.caller));
  if (!removed) return missing(removed.error(), "session");
  return success_response("removed with its turns and messages");
}

// ---- turns ----

Result<persistence::Page<ConversationTurn>> page_of_turns(const Backend& backend, const Call& call, const std::string& cursor,
                                                          std::size_t limit) {
  const auto filter = Filter<ConversationTurn>().where<&ConversationTurn::session_id>(call.param("id"));
  return ConversationTurnRepository(backend.database)
      .find_many(filter, backend.user_of(call.caller), persistence::Order<ConversationTurn>::by<&ConversationTurn::turn_index>(false),
                 cursor, limit);
}

Result<transport::Response> turns(const Backend& backend, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  if (const auto session = found(backend, call); !session) return session.error();
  const auto page = page_of_turns(backend, call, query->cursor, static_cast<std::size_t>(query->limit));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& turn : page->rows) json.items.push_back(realtime::server_events::turn_row_json(turn));
  return list_response("turns", json);
}

constexpr const char* csv_columns[] = {
    "session_id",      "turn_index",     "revision",         "started_at",        "ended_at",       "status",         "cancel_reason",
    "user_transcript", "llm_response",   "heard_response",   "heard_ms",          "endpointing_ms", "asr_latency_ms", "rag_latency_ms",
    "llm_latency_ms",  "tts_latency_ms", "total_latency_ms", "asr_cost",          "rag_cost",       "llm_cost",       "tts_cost",
    "total_cost",      "asr_audio_ms",   "llm_input_tokens", "llm_output_tokens", "tts_characters"};

void add_row(Csv& csv, const ConversationTurn& turn) {
  csv.plain(turn.session_id).number(turn.turn_index).number(turn.revision).plain(persistence::to_timestamp(turn.started_at));
  csv.plain(turn.ended_at ? persistence::to_timestamp(*turn.ended_at) : "").plain(turn.status).text(turn.cancel_reason);
  csv.text(turn.user_transcript).text(turn.llm_response).text(turn.heard_response).number(turn.heard_ms);
  csv.number(turn.endpointing_ms).number(turn.asr_latency_ms).number(turn.rag_latency_ms);
  csv.number(turn.llm_latency_ms).number(turn.tts_latency_ms).number(turn.total_latency_ms);
  for (const Money cost : {turn.asr_cost, turn.rag_cost, turn.llm_cost, turn.tts_cost, turn.total_cost()}) csv.plain(to_decimal(cost));
  csv.number(turn.asr_audio_ms).number(turn.llm_input_tokens).number(turn.llm_output_tokens).number(turn.tts_characters);
  csv.end_row();
}

Result<transport::Response> turns_csv(const Backend& backend, const Call& call) {
  if (const auto session = found(backend, call); !session) return session.error();
  Csv csv;
  for (const char* column : csv_columns) csv.plain(column);
  csv.end_row();
  std::string cursor;
  for (std::size_t rows = 0; rows < csv_rows_max; rows += persistence::page_rows_max) {
    const auto page = page_of_turns(backend, call, cursor, persistence::page_rows_max);
    if (!page) return page.error();
    for (const auto& turn : page->rows) add_row(csv, turn);
    cursor = page->next_cursor;
    if (cursor.empty()) break;
  }
  return transport::Response{200,
                             {{"Content-Type", "text/csv; charset=utf-8; header=present"},
                              {"Content-Disposition", "attachment; filename=\"session-" + call.param("id") + ".csv\""},
                              {"Cache-Control", "no-store"},
                              {"X-Content-Type-Options", "nosniff"}},
                             csv.finish()};
}

}  // namespace

void add_session_routes(Router& router, const Backend& backend) {
  const auto on = [&backend](auto work) {
    return backend.blocking.handler([&backend, work](const Call& call) { return work(backend, call); });
  };
  router.add("GET", "/api/v1/sessions", Access::key, on(list));
  router.add("GET", "/api/v1/sessions/{id}", Access::key, on(show));
  router.add("DELETE", "/api/v1/sessions/{id}", Access::key, on(remove), "session.delete");
  router.add("GET", "/api/v1/sessions/{id}/turns", Access::key, on(turns), "transcript.read");
  router.add("GET", "/api/v1/sessions/{id}/turns.csv", Access::key, on(turns_csv), "transcript.read");
}

}  // namespace repartee::api
