// turn_row_json: a row of conversation_turns as JSON.
#include <chrono>
#include <cstdio>

#include "realtime/protocol/json_object.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::realtime::server_events {
namespace {

// ISO 8601, UTC, milliseconds: "2025-01-31T23:59:59.999Z".
std::string iso8601(WallTime time) {
  using namespace std::chrono;
  const auto ms = floor<milliseconds>(time);
  const auto day = floor<days>(ms);
  const year_month_day date(day);
  const hh_mm_ss clock(ms - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text;
}

void optional_ms(JsonObject& row, std::string_view key, std::optional<std::int64_t> ms) {
  if (ms) row.integer(key, *ms);
  else row.null(key);
}

}  // namespace

std::string turn_row_json(const TurnRecord& turn) {
  JsonObject row(2048);
  row.text("session_id", turn.session_id).integer("turn_index", turn.turn_index).integer("revision", turn.revision);
  row.text("user_transcript", turn.user_transcript).text("llm_response", turn.llm_response).text("heard_response", turn.heard_response);
  row.integer("heard_ms", turn.heard_ms).text("status", turn.status).text("cancel_reason", turn.cancel_reason);

  optional_ms(row, "endpointing_ms", turn.endpointing_ms);
  optional_ms(row, "asr_latency_ms", turn.asr_latency_ms);
  optional_ms(row, "rag_latency_ms", turn.rag_latency_ms);
  optional_ms(row, "llm_latency_ms", turn.llm_latency_ms);
  optional_ms(row, "tts_latency_ms", turn.tts_latency_ms);
  optional_ms(row, "total_latency_ms", turn.total_latency_ms);

  // Numbers with all their eight decimals, as numeric(14,8) shows them.
  row.raw("asr_cost", to_decimal(turn.asr_cost)).raw("rag_cost", to_decimal(turn.rag_cost)).raw("llm_cost", to_decimal(turn.llm_cost));
  row.raw("tts_cost", to_decimal(turn.tts_cost)).raw("total_cost", to_decimal(turn.total_cost()));

  row.integer("asr_audio_ms", turn.asr_audio_ms).integer("llm_input_tokens", turn.llm_input_tokens);
  row.integer("llm_output_tokens", turn.llm_output_tokens).integer("tts_characters", turn.tts_characters);
  row.checked("speculative_waste", turn.speculative_waste_json)
      .checked("cache_hits", turn.cache_hits_json)
      .checked("sources", turn.sources_json);
  row.checked("timeline", turn.timeline_json).checked("evidence", turn.evidence_json).checked("tool_calls", turn.tool_calls_json);
  row.text("started_at", iso8601(turn.started_at));
  if (turn.ended_at) row.text("ended_at", iso8601(*turn.ended_at));
  else row.null("ended_at");
  return row.finish();
}

}  // namespace repartee::realtime::server_events
