#include "persistence/record_batch.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/ids.hpp"
#include "persistence/digest.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

using nlohmann::json;

constexpr Statement write_sessions{"record_sessions", R"(
  INSERT INTO conversation_sessions AS s (id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns,
    average_latency_ms, total_cost, started_at, last_active_at, ended_at, end_reason, node, client)
  SELECT id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns,
    average_latency_ms, total_cost, started_at, last_active_at, ended_at, end_reason, node, client::jsonb
  FROM json_to_recordset($1::json) AS t(id uuid, user_id uuid, echo_id uuid, state text, asr_provider text, llm_provider text, tts_provider text,
    total_turns integer, interrupted_turns integer, average_latency_ms double precision, total_cost numeric, started_at timestamptz,
    last_active_at timestamptz, ended_at timestamptz, end_reason text, node text, client text)
  ON CONFLICT (id) DO UPDATE SET echo_id = excluded.echo_id, state = excluded.state, asr_provider = excluded.asr_provider,
    llm_provider = excluded.llm_provider, tts_provider = excluded.tts_provider, total_turns = excluded.total_turns,
    interrupted_turns = excluded.interrupted_turns, average_latency_ms = excluded.average_latency_ms, total_cost = excluded.total_cost,
    started_at = excluded.started_at, last_active_at = excluded.last_active_at, ended_at = excluded.ended_at, end_reason = excluded.end_reason,
    node = excluded.node, client = excluded.client
  WHERE excluded.last_active_at >= s.last_active_at AND excluded.user_id = s.user_id)"};

// For turns that arrive without their session's row. The session's own record fills in the rest whenever it comes.
constexpr Statement write_missing_sessions{"record_missing_sessions", R"(
  INSERT INTO conversation_sessions (id, user_id, echo_id, started_at, last_active_at)
  SELECT DISTINCT ON (session_id) session_id, user_id, echo_id, started_at, started_at
  FROM json_to_recordset($1::json) AS t(session_id uuid, user_id uuid, echo_id uuid, started_at timestamptz)
  ORDER BY session_id, started_at
  ON CONFLICT (id) DO NOTHING)"};

// The messages follow the turn: they are written when the turn's row was, and not when a later revision is already there.
constexpr Statement write_turns{"record_turns", R"(
  WITH input AS MATERIALIZED (SELECT * FROM json_to_recordset($1::json) AS t(id uuid, user_id uuid, echo_id uuid, session_id uuid, turn_index integer,
      revision integer, user_transcript text, llm_response text, heard_response text, heard_ms bigint, status text, cancel_reason text,
      endpointing_ms bigint, asr_latency_ms bigint, rag_latency_ms bigint, llm_latency_ms bigint, tts_latency_ms bigint, total_latency_ms bigint,
      asr_cost numeric, rag_cost numeric, llm_cost numeric, tts_cost numeric, asr_audio_ms bigint, llm_input_tokens bigint, llm_output_tokens bigint,
      tts_characters bigint, speculative_waste text, cache_hits text, sources text, timeline text, evidence text, tool_calls text,
      started_at timestamptz, ended_at timestamptz, user_message_id uuid, assistant_message_id uuid)),
  written AS (
    INSERT INTO conversation_turns AS c (id, user_id, session_id, turn_index, revision, user_transcript, llm_response, heard_response, heard_ms,
      status, cancel_reason, endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost,
      llm_cost, tts_cost, asr_audio_ms, llm_input_tokens, llm_output_tokens, tts_characters, speculative_waste, cache_hits, sources, timeline,
      evidence, tool_calls, started_at, ended_at)
    SELECT id, user_id, session_id, turn_index, revision, user_transcript, llm_response, heard_response, heard_ms,
      status, cancel_reason, endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost,
      llm_cost, tts_cost, asr_audio_ms, llm_input_tokens, llm_output_tokens, tts_characters, speculative_waste::jsonb, cache_hits::jsonb,
      sources::jsonb, timeline::jsonb, evidence::jsonb, tool_calls::jsonb, started_at, ended_at
    FROM input
    ON CONFLICT (session_id, turn_index) DO UPDATE SET revision = excluded.revision, user_transcript = excluded.user_transcript,
      llm_response = excluded.llm_response, heard_response = excluded.heard_response, heard_ms = excluded.heard_ms, status = excluded.status,
      cancel_reason = excluded.cancel_reason, endpointing_ms = excluded.endpointing_ms, asr_latency_ms = excluded.asr_latency_ms,
      rag_latency_ms = excluded.rag_latency_ms, llm_latency_ms = excluded.llm_latency_ms, tts_latency_ms = excluded.tts_latency_ms,
      total_latency_ms = excluded.total_latency_ms, asr_cost = excluded.asr_cost, rag_cost = excluded.rag_cost, llm_cost = excluded.llm_cost,
      tts_cost = excluded.tts_cost, asr_audio_ms = excluded.asr_audio_ms, llm_input_tokens = excluded.llm_input_tokens,
      llm_output_tokens = excluded.llm_output_tokens, tts_characters = excluded.tts_characters, speculative_waste = excluded.speculative_waste,
      cache_hits = excluded.cache_hits, sources = excluded.sources, timeline = excluded.timeline, evidence = excluded.evidence,
      tool_calls = excluded.tool_calls, started_at = excluded.started_at, ended_at = excluded.ended_at
    WHERE excluded.revision > c.revision AND excluded.user_id = c.user_id
    RETURNING session_id, turn_index)
  INSERT INTO messages (id, user_id, echo_id, session_id, role, content, created_at)
  SELECT m.id, i.user_id, i.echo_id, i.session_id, m.role, m.content, m.at
  FROM input AS i JOIN written USING (session_id, turn_index)
  CROSS JOIN LATERAL (VALUES (i.user_message_id, 'user', i.user_transcript, i.started_at),
                             (i.assistant_message_id, 'assistant', i.heard_response, coalesce(i.ended_at, i.started_at))) AS m(id, role, content, at)
  WHERE m.content <> '' OR EXISTS (SELECT FROM messages AS old WHERE old.id = m.id)
  ON CONFLICT (id) DO UPDATE SET content = excluded.content)"};

constexpr Statement write_audit{"record_audit", R"(
  INSERT INTO audit_logs (id, user_id, action, resource, result, ip_address, user_agent, metadata, "timestamp")
  SELECT id, user_id, action, resource, result, ip_address, user_agent, metadata::jsonb, "timestamp"
  FROM json_to_recordset($1::json) AS t(id uuid, user_id uuid, action text, resource text, result text, ip_address text, user_agent text,
    metadata text, "timestamp" timestamptz)
  ON CONFLICT DO NOTHING)"};

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

// PostgreSQL's text holds no NUL. (Invalid UTF-8 is replaced where the JSON is written.)
std::string without_nul(const std::string& text) {
  if (text.find('\0') == std::string::npos) return text;
  std::string out;
  for (const char c : text) c == '\0' ? out.append(replacement) : out.append(1, c);
  return out;
}

// The same inside a JSON text, where it stands as \u0000, which jsonb refuses.
std::string json_without_nul(const std::string& text, const char* when_lean, bool lean) {
  if (lean) return when_lean;
  std::string out = without_nul(text);
  for (std::size_t at = 0; (at = out.find("\\u0000", at)) != std::string::npos;) out.replace(at, 6, "\\ufffd");
  return out;
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}
json or_null(const std::optional<WallTime>& time) { return time ? json(to_timestamp(*time)) : json(); }

std::string time_or_now(WallTime time) { return to_timestamp(time == WallTime{} ? std::chrono::system_clock::now() : time); }
const std::string& user_or_local(const std::string& user_id) {
  static const std::string local = local_user_id;
  return user_id.empty() ? local : user_id;
}

json session_row(const SessionRecord& s, bool lean) {
  const auto started = time_or_now(s.started_at);
  return {{"id", s.id},
          {"user_id", user_or_local(s.user_id)},
          {"echo_id", s.echo_id},
          {"state", s.state},
          {"asr_provider", without_nul(s.asr_provider)},
          {"llm_provider", without_nul(s.llm_provider)},
          {"tts_provider", without_nul(s.tts_provider)},
          {"total_turns", s.total_turns},
          {"interrupted_turns", s.interrupted_turns},
          {"average_latency_ms", or_null(s.average_latency_ms)},
          {"total_cost", to_decimal(s.total_cost)},
          {"started_at", started},
          {"last_active_at", s.last_active_at == WallTime{} ? started : to_timestamp(s.last_active_at)},
          {"ended_at", or_null(s.ended_at)},
          {"end_reason", without_nul(s.end_reason)},
          {"node", without_nul(s.node)},
          {"client", json_without_nul(s.client_json, "{}", lean)}};
}

json turn_row(const TurnRecord& t, bool lean) {
  return {{"id", turn_id(t.session_id, t.turn_index)},
          {"user_id", user_or_local(t.user_id)},
          {"echo_id", t.echo_id},
          {"session_id", t.session_id},
          {"turn_index", t.turn_index},
          {"revision", t.revision},
          {"user_transcript", without_nul(t.user_transcript)},
          {"llm_response", without_nul(t.llm_response)},
          {"heard_response", without_nul(t.heard_response)},
          {"heard_ms", t.heard_ms},
          {"status", t.status},
          {"cancel_reason", without_nul(t.cancel_reason)},
          {"endpointing_ms", or_null(t.endpointing_ms)},
          {"asr_latency_ms", or_null(t.asr_latency_ms)},
          {"rag_latency_ms", or_null(t.rag_latency_ms)},
          {"llm_latency_ms", or_null(t.llm_latency_ms)},
          {"tts_latency_ms", or_null(t.tts_latency_ms)},
          {"total_latency_ms", or_null(t.total_latency_ms)},
          {"asr_cost", to_decimal(t.asr_cost)},
          {"rag_cost", to_decimal(t.rag_cost)},
          {"llm_cost", to_decimal(t.llm_cost)},
          {"tts_cost", to_decimal(t.tts_cost)},
          {"asr_audio_ms", t.asr_audio_ms},
          {"llm_input_tokens", t.llm_input_tokens},
          {"llm_output_tokens", t.llm_output_tokens},
          {"tts_characters", t.tts_characters},
          {"speculative_waste", json_without_nul(t.speculative_waste_json, "{}", lean)},
          {"cache_hits", json_without_nul(t.cache_hits_json, "{}", lean)},
          {"sources", json_without_nul(t.sources_json, "[]", lean)},
          {"timeline", json_without_nul(t.timeline_json, "{}", lean)},
          {"evidence", json_without_nul(t.evidence_json, "{}", lean)},
          {"tool_calls", json_without_nul(t.tool_calls_json, "[]", lean)},
          {"started_at", time_or_now(t.started_at)},
          {"ended_at", or_null(t.ended_at)},
          {"user_message_id", message_id(t.session_id, t.turn_index, true)},
          {"assistant_message_id", message_id(t.session_id, t.turn_index, false)}};
}

json audit_row(const RecordedAudit& line, bool lean) {
  const auto& a = line.record;
  return {{"id", line.id},
          {"user_id", a.user_id.empty() ? json() : json(a.user_id)},
          {"action", without_nul(a.action)},
          {"resource", without_nul(a.resource)},
          {"result", a.success ? "success" : "failure"},
          {"ip_address", without_nul(a.ip_address)},
          {"user_agent", without_nul(a.user_agent)},
          {"metadata", json_without_nul(a.metadata_json, "{}", lean)},
          {"timestamp", to_timestamp(a.timestamp)}};
}

// The rows of each table, one a key: a statement may touch a row only once. The later session state and the higher revision win.
struct Grouped {
  std::map<std::string, const SessionRecord*> sessions;
  std::map<std::pair<std::string, int>, const TurnRecord*> turns;
  std::vector<const RecordedAudit*> audit;
};

Grouped group(std::span<const RecordItem> items) {
  Grouped grouped;
  for (const auto& item : items) {
    if (const auto* session = std::get_if<SessionRecord>(&item)) grouped.sessions[session->id] = session;
    else if (const auto* line = std::get_if<RecordedAudit>(&item)) grouped.audit.push_back(line);
    else {
      const auto& turn = std::get<RecordedTurn>(item).record;
      auto& slot = grouped.turns[{turn.session_id, turn.turn_index}];
      if (!slot || turn.revision > slot->revision) slot = &turn;
    }
  }
  return grouped;
}

void exec_rows(Transaction& transaction, const Statement& statement, const json& rows) {
  if (!rows.empty()) transaction.exec(statement, Params(rows.dump(-1, ' ', false, json::error_handler_t::replace)));
}

}  // namespace

void write_batch(Transaction& transaction, std::span<const RecordItem> items, bool lean) {
  const auto grouped = group(items);
  json sessions = json::array(), orphans = json::array(), turns = json::array(), audit = json::array();
  for (const auto& [id, session] : grouped.sessions) sessions.push_back(session_row(*session, lean));
  for (const auto& [key, turn] : grouped.turns) {
    turns.push_back(turn_row(*turn, lean));
    if (!grouped.sessions.contains(turn->session_id))
      orphans.push_back({{"session_id", turn->session_id},
                         {"user_id", user_or_local(turn->user_id)},
                         {"echo_id", turn->echo_id},
                         {"started_at", time_or_now(turn->started_at)}});
  }
  for (const auto* line : grouped.audit) audit.push_back(audit_row(*line, lean));
  exec_rows(transaction, write_sessions, sessions);
  exec_rows(transaction, write_missing_sessions, orphans);
  exec_rows(transaction, write_turns, turns);
  exec_rows(transaction, write_audit, audit);
}

std::vector<std::string> audit_months(std::span<const RecordItem> items) {
  std::set<std::string> months;
  for (const auto& item : items)
    if (const auto* line = std::get_if<RecordedAudit>(&item)) months.insert(to_timestamp(line->record.timestamp).substr(0, 7));
  return {months.begin(), months.end()};
}

std::string turn_id(const std::string& session_id, int turn_index) {
  return uuid_within_session(session_id, "turn", static_cast<unsigned>(turn_index));
}
std::string message_id(const std::string& session_id, int turn_index, bool of_user) {
  return uuid_within_session(session_id, "message", static_cast<unsigned>(turn_index) * 2 + (of_user ? 0 : 1));
}

}  // namespace repartee::persistence
