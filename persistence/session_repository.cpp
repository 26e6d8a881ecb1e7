#include "persistence/session_repository.hpp"

#include "core/ids.hpp"

namespace repartee::persistence {
namespace {

#define SESSION_COLUMNS                                                                                                         \
  "id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns, average_latency_ms, " \
  "total_cost, "                                                                                                                \
  "started_at, last_active_at, ended_at, end_reason, node, client"

constexpr Statement list_sessions{"session_list",
                                  "SELECT " SESSION_COLUMNS
                                  " FROM conversation_sessions WHERE user_id = app_user_id() AND deleted_at IS NULL"
                                  " AND ($1::timestamptz IS NULL OR started_at < $1) ORDER BY started_at DESC, id DESC LIMIT $2"};
constexpr Statement find_session{"session_find",
                                 "SELECT " SESSION_COLUMNS
                                 " FROM conversation_sessions WHERE id = $1 AND user_id = app_user_id() AND deleted_at IS NULL"};
#undef SESSION_COLUMNS
constexpr Statement list_turns{"session_turns", R"(
  SELECT t.*, s.echo_id FROM conversation_turns AS t JOIN conversation_sessions AS s ON s.id = t.session_id
  WHERE t.session_id = $1 AND t.user_id = app_user_id() AND s.deleted_at IS NULL ORDER BY t.turn_index)"};
constexpr Statement close_open{"session_close_left_open", R"(
  UPDATE conversation_sessions SET ended_at = greatest(last_active_at, started_at), end_reason = 'server_crash', state = 'idle'
  WHERE ended_at IS NULL AND node = $1 AND started_at < $2)"};

SessionRecord to_session(const Row& row) {
  SessionRecord s;
  s.id = row.text("id");
  s.user_id = row.text("user_id");
  s.echo_id = row.text("echo_id");
  s.state = row.text("state");
  s.asr_provider = row.text("asr_provider");
  s.llm_provider = row.text("llm_provider");
  s.tts_provider = row.text("tts_provider");
  s.total_turns = static_cast<int>(row.integer("total_turns"));
  s.interrupted_turns = static_cast<int>(row.integer("interrupted_turns"));
  s.average_latency_ms = row.maybe_real("average_latency_ms");
  s.total_cost = row.money("total_cost");
  s.started_at = row.time("started_at");
  s.last_active_at = row.time("last_active_at");
  s.ended_at = row.maybe_time("ended_at");
  s.end_reason = row.text("end_reason");
  s.node = row.text("node");
  s.client_json = row.text("client");
  return s;
}

TurnRecord to_turn(const Row& row) {
  TurnRecord t;
  t.session_id = row.text("session_id");
  t.user_id = row.text("user_id");
  t.echo_id = row.text("echo_id");
  t.turn_index = static_cast<int>(row.integer("turn_index"));
  t.revision = static_cast<int>(row.integer("revision"));
  t.user_transcript = row.text("user_transcript");
  t.llm_response = row.text("llm_response");
  t.heard_response = row.text("heard_response");
  t.heard_ms = row.integer("heard_ms");
  t.status = row.text("status");
  t.cancel_reason = row.text("cancel_reason");
  t.endpointing_ms = row.maybe_integer("endpointing_ms");
  t.asr_latency_ms = row.maybe_integer("asr_latency_ms");
  t.rag_latency_ms = row.maybe_integer("rag_latency_ms");
  t.llm_latency_ms = row.maybe_integer("llm_latency_ms");
  t.tts_latency_ms = row.maybe_integer("tts_latency_ms");
  t.total_latency_ms = row.maybe_integer("total_latency_ms");
  t.asr_cost = row.money("asr_cost");
  t.rag_cost = row.money("rag_cost");
  t.llm_cost = row.money("llm_cost");
  t.tts_cost = row.money("tts_cost");
  t.asr_audio_ms = row.integer("asr_audio_ms");
  t.llm_input_tokens = static_cast<int>(row.integer("llm_input_tokens"));
  t.llm_output_tokens = static_cast<int>(row.integer("llm_output_tokens"));
  t.tts_characters = static_cast<int>(row.integer("tts_characters"));
  t.speculative_waste_json = row.text("speculative_waste");
  t.cache_hits_json = row.text("cache_hits");
  t.sources_json = row.text("sources");
  t.timeline_json = row.text("timeline");
  t.evidence_json = row.text("evidence");
  t.tool_calls_json = row.text("tool_calls");
  t.started_at = row.time("started_at");
  t.ended_at = row.maybe_time("ended_at");
  return t;
}

}  // namespace

Result<std::vector<SessionRecord>> SessionRepository::list(const std::string& user_id, std::size_t limit, std::optional<WallTime> before) {
  auto rows =
      database_.run([&](Transaction& t) { return t.exec(list_sessions, Params(before, std::min(limit, list_max))); }, {.user_id = user_id});
  if (!rows) return rows.error();
  std::vector<SessionRecord> sessions;
  for (const auto& row : *rows) sessions.push_back(to_session(row));
  return sessions;
}

Result<SessionRecord> SessionRepository::find(const std::string& id, const std::string& user_id) {
  const Error none{Errc::not_found, "there is no such session"};
  if (!is_uuid(id)) return none;
  auto rows = database_.run([&](Transaction& t) { return t.exec(find_session, Params(id)); }, {.user_id = user_id});
  if (!rows) return rows.error();
  if (rows->empty()) return none;
  return to_session((*rows)[0]);
}

Result<std::vector<TurnRecord>> SessionRepository::turns_of_session(const std::string& session_id, const std::string& user_id) {
  std::vector<TurnRecord> turns;
  if (!is_uuid(session_id)) return turns;
  auto rows = database_.run([&](Transaction& t) { return t.exec(list_turns, Params(session_id)); }, {.user_id = user_id});
  if (!rows) return rows.error();
  for (const auto& row : *rows) turns.push_back(to_turn(row));
  return turns;
}

Result<int> SessionRepository::close_left_open(const std::string& node, WallTime started_before) {
  return database_.run([&](Transaction& t) { return static_cast<int>(t.exec(close_open, Params(node, started_before)).affected()); });
}

}  // namespace repartee::persistence
