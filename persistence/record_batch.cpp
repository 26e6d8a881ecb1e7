#include "persistence/record_batch.hpp"

#include <map>

#include "persistence/column_arrays.hpp"
#include "persistence/digest.hpp"
#include "persistence/record_usage.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement write_sessions{"record_sessions", R"(
  INSERT INTO conversation_sessions AS s (id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns,
    average_latency_ms, total_cost, started_at, last_active_at, ended_at, end_reason, node, client)
  SELECT id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns,
    average_latency_ms, total_cost, started_at, last_active_at, ended_at, end_reason, node, client
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::integer[],
    $10::double precision[], $11::numeric[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[],
    $17::jsonb[])
    AS t(id, user_id, echo_id, state, asr_provider, llm_provider, tts_provider, total_turns, interrupted_turns, average_latency_ms, total_cost,
    started_at, last_active_at, ended_at, end_reason, node, client)
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
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[])
    AS t(session_id, user_id, echo_id, started_at)
  ORDER BY session_id, started_at
  ON CONFLICT (id) DO NOTHING)"};

constexpr Statement write_turns{"record_turns", R"(
  INSERT INTO conversation_turns AS c (id, user_id, session_id, turn_index, revision, user_transcript, llm_response, heard_response, heard_ms, status, cancel_reason,
    endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost, llm_cost,
    tts_cost, asr_audio_ms, llm_input_tokens, llm_output_tokens, tts_characters, speculative_waste, cache_hits, sources, timeline,
    evidence, tool_calls, started_at, ended_at)
  SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[],
    $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::numeric[], $19::numeric[],
    $20::numeric[], $21::numeric[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[], $26::jsonb[], $27::jsonb[], $28::jsonb[],
    $29::jsonb[], $30::jsonb[], $31::jsonb[], $32::timestamptz[], $33::timestamptz[])
    AS t(id, user_id, session_id, turn_index, revision, user_transcript, llm_response, heard_response, heard_ms, status, cancel_reason,
    endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms, asr_cost, rag_cost, llm_cost,
    tts_cost, asr_audio_ms, llm_input_tokens, llm_output_tokens, tts_characters, speculative_waste, cache_hits, sources, timeline,
    evidence, tool_calls, started_at, ended_at)
  ON CONFLICT (session_id, turn_index) DO UPDATE SET revision = excluded.revision, user_transcript = excluded.user_transcript, llm_response = excluded.llm_response,
    heard_response = excluded.heard_response, heard_ms = excluded.heard_ms, status = excluded.status,
    cancel_reason = excluded.cancel_reason, endpointing_ms = excluded.endpointing_ms, asr_latency_ms = excluded.asr_latency_ms,
    rag_latency_ms = excluded.rag_latency_ms, llm_latency_ms = excluded.llm_latency_ms, tts_latency_ms = excluded.tts_latency_ms,
    total_latency_ms = excluded.total_latency_ms, asr_cost = excluded.asr_cost, rag_cost = excluded.rag_cost,
    llm_cost = excluded.llm_cost, tts_cost = excluded.tts_cost, asr_audio_ms = excluded.asr_audio_ms,
    llm_input_tokens = excluded.llm_input_tokens, llm_output_tokens = excluded.llm_output_tokens,
    tts_characters = excluded.tts_characters, speculative_waste = excluded.speculative_waste, cache_hits = excluded.cache_hits,
    sources = excluded.sources, timeline = excluded.timeline, evidence = excluded.evidence, tool_calls = excluded.tool_calls,
    started_at = excluded.started_at, ended_at = excluded.ended_at
  WHERE excluded.revision > c.revision AND excluded.user_id = c.user_id
  RETURNING id, xmax = 0 AS is_new)"};  // a row that was made has no xmax

// The messages follow the turn: they are written when the turn's row was, and not when a later revision is already there. A statement of
// its own: joined to the one above, an array's unknown length would make the planner compare every row with every other.
constexpr Statement write_messages{"record_messages", R"(
  INSERT INTO messages (id, user_id, echo_id, session_id, role, content, created_at)
  SELECT m.id, t.user_id, t.echo_id, t.session_id, m.role, m.content, m.at
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
    AS t(user_id, echo_id, session_id, user_message_id, assistant_message_id, user_transcript, heard_response, started_at, ended_at)
  CROSS JOIN LATERAL (VALUES (t.user_message_id, 'user', t.user_transcript, t.started_at),
                             (t.assistant_message_id, 'assistant', t.heard_response, t.ended_at)) AS m(id, role, content, at)
  WHERE m.content <> '' OR EXISTS (SELECT FROM messages AS old WHERE old.id = m.id)
  ON CONFLICT (id) DO UPDATE SET content = excluded.content)"};

constexpr Statement write_audit{"record_audit", R"(
  INSERT INTO audit_logs (id, user_id, action, resource, result, ip_address, user_agent, metadata, "timestamp")
  SELECT id, user_id, action, resource, result, ip_address, user_agent, metadata, at
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::timestamptz[])
    AS t(id, user_id, action, resource, result, ip_address, user_agent, metadata, at)
  ON CONFLICT DO NOTHING)"};

constexpr std::size_t session_columns = 17, orphan_columns = 4, turn_columns = 33, message_columns = 9, audit_columns = 9;

// What jsonb refuses although it is JSON: a NUL, which stands there as \u0000.
std::string json_without_nul(const std::string& text, const char* when_lean, bool lean) {
  if (lean) return when_lean;
  std::string out = text;
  for (std::size_t at = 0; (at = out.find("\\u0000", at)) != std::string::npos;) out.replace(at, 6, "\\ufffd");
  return out;
}

WallTime time_or_now(WallTime time) { return time == WallTime{} ? std::chrono::system_clock::now() : time; }
const std::string& user_or_local(const std::string& user_id) {
  static const std::string local = local_user_id;
  return user_id.empty() ? local : user_id;
}

void add_session(ColumnArrays& rows, const SessionRecord& s, bool lean) {
  const auto started = time_or_now(s.started_at);
  rows.add_row(s.id, user_or_local(s.user_id), s.echo_id, s.state, s.asr_provider, s.llm_provider, s.tts_provider, s.total_turns,
               s.interrupted_turns, s.average_latency_ms, s.total_cost, started, s.last_active_at == WallTime{} ? started : s.last_active_at,
               s.ended_at, s.end_reason, s.node, json_without_nul(s.client_json, "{}", lean));
}

void add_turn(ColumnArrays& rows, const TurnRecord& t, bool lean) {
  rows.add_row(turn_id(t.session_id, t.turn_index), user_or_local(t.user_id), t.session_id, t.turn_index, t.revision, t.user_transcript,
               t.llm_response, t.heard_response, t.heard_ms, t.status, t.cancel_reason, t.endpointing_ms, t.asr_latency_ms, t.rag_latency_ms,
               t.llm_latency_ms, t.tts_latency_ms, t.total_latency_ms, t.asr_cost, t.rag_cost, t.llm_cost, t.tts_cost,
               t.asr_audio_ms, t.llm_input_tokens, t.llm_output_tokens, t.tts_characters,
               json_without_nul(t.speculative_waste_json, "{}", lean), json_without_nul(t.cache_hits_json, "{}", lean),
               json_without_nul(t.sources_json, "[]", lean), json_without_nul(t.timeline_json, "{}", lean),
               json_without_nul(t.evidence_json, "{}", lean), json_without_nul(t.tool_calls_json, "[]", lean), time_or_now(t.started_at),
               t.ended_at);
}

void add_messages(ColumnArrays& rows, const TurnRecord& t) {
  const auto started = time_or_now(t.started_at);
  rows.add_row(user_or_local(t.user_id), t.echo_id, t.session_id, message_id(t.session_id, t.turn_index, true),
               message_id(t.session_id, t.turn_index, false), t.user_transcript, t.heard_response, started, t.ended_at.value_or(started));
}

void add_audit(ColumnArrays& rows, const RecordedAudit& line, bool lean) {
  const auto& a = line.record;
  rows.add_row(line.id, a.user_id.empty() ? std::nullopt : std::optional(a.user_id), a.action, a.resource, a.success ? "success" : "failure",
               a.ip_address, a.user_agent, json_without_nul(a.metadata_json, "{}", lean), a.timestamp);
}

using Turns = std::map<std::pair<std::string, int>, const TurnRecord*>;

// The rows of each table, one a key: a statement may touch a row only once. The later session state and the higher revision win.
struct Grouped {
  std::map<std::string, const SessionRecord*> sessions;
  Turns turns;
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

Rows exec_rows(Transaction& transaction, const Statement& statement, ColumnArrays rows) {
  return rows.empty() ? Rows() : transaction.exec(statement, std::move(rows).to_params());
}

void write_turns_and_messages(Transaction& transaction, const Turns& turns, RecordUsage& usage, bool lean) {
  ColumnArrays turn_rows(turn_columns), message_rows(message_columns);
  std::vector<std::string> revised;
  for (const auto& [key, turn] : turns) {
    add_turn(turn_rows, *turn, lean);
    if (turn->revision > 1) revised.push_back(turn_id(turn->session_id, turn->turn_index));
  }
  usage.read_present(transaction, revised);
  std::map<std::string, bool> written;  // and whether its row was made
  for (const auto& row : exec_rows(transaction, write_turns, std::move(turn_rows))) written.emplace(row.text("id"), row.boolean("is_new"));
  for (const auto& [key, turn] : turns) {
    const auto found = written.find(turn_id(turn->session_id, turn->turn_index));
    if (found == written.end()) continue;
    add_messages(message_rows, *turn);
    usage.count(found->first, user_or_local(turn->user_id), *turn, found->second);
  }
  exec_rows(transaction, write_messages, std::move(message_rows));
}

}  // namespace

void write_batch(Transaction& transaction, std::span<const RecordItem> items, bool lean) {
  const auto grouped = group(items);
  ColumnArrays sessions(session_columns), orphans(orphan_columns), audit(audit_columns);
  for (const auto& [id, session] : grouped.sessions) add_session(sessions, *session, lean);
  for (const auto& [key, turn] : grouped.turns)
    if (!grouped.sessions.contains(turn->session_id))
      orphans.add_row(turn->session_id, user_or_local(turn->user_id), turn->echo_id, time_or_now(turn->started_at));
  for (const auto* line : grouped.audit) add_audit(audit, *line, lean);
  exec_rows(transaction, write_sessions, std::move(sessions));
  exec_rows(transaction, write_missing_sessions, std::move(orphans));
  RecordUsage usage;
  write_turns_and_messages(transaction, grouped.turns, usage, lean);
  exec_rows(transaction, write_audit, std::move(audit));
  usage.write(transaction);
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
