// The rows that leave the live path for the store, and come from it: plain data, the field names of data-model.md.
// Thread contract: values only.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace repartee {

// Money in millionths of a cent (1e-8 US dollars), the precision of numeric(14,8).
struct Money {
  std::int64_t e8 = 0;
  friend Money operator+(Money a, Money b) { return {a.e8 + b.e8}; }
  friend bool operator==(Money, Money) = default;
};
std::string to_decimal(Money money);  // "0.00012500"

struct CloneRecord {                  // table echos
  std::string id, user_id, name, persona_prompt, greeting;
  std::string tts_provider, voice_id; // a clone names its voice as provider + id
  std::string llm_provider;           // empty: the server's default
  bool is_public = false;
  std::string knowledge_scope = "all";  // of which documents it may speak: none, own, all of its owner's
  friend bool operator==(const CloneRecord&, const CloneRecord&) = default;
};

struct SessionRecord {                // table conversation_sessions
  std::string id, user_id, echo_id;
  std::string state = "idle";
  std::string asr_provider, llm_provider, tts_provider;
  int total_turns = 0, interrupted_turns = 0;
  std::optional<double> average_latency_ms;
  Money total_cost;
  WallTime started_at{}, last_active_at{};
  std::optional<WallTime> ended_at;
  std::string end_reason, node;
  std::string client_json = "{}";     // user agent, address, formats: a JSON object
};

struct TurnRecord {                   // table conversation_turns; unique by (session_id, turn_index)
  std::string session_id, user_id, echo_id;
  int turn_index = 0;
  int revision = 1;                   // a higher revision of the same turn replaces the row
  std::string user_transcript, llm_response, heard_response;
  std::int64_t heard_ms = 0;
  std::string status;                 // completed | interrupted | failed | cancelled
  std::string cancel_reason;          // turn_detected, client_cancelled, disconnected ...; empty when not cancelled
  // Milliseconds; absent where the stage did not run.
  std::optional<std::int64_t> endpointing_ms, asr_latency_ms, rag_latency_ms, llm_latency_ms, tts_latency_ms, total_latency_ms;
  Money asr_cost, rag_cost, llm_cost, tts_cost;
  Money total_cost() const { return asr_cost + rag_cost + llm_cost + tts_cost; }
  std::int64_t asr_audio_ms = 0;
  int llm_input_tokens = 0, llm_output_tokens = 0, tts_characters = 0;
  // JSON texts, built by the session.
  std::string speculative_waste_json = "{}", cache_hits_json = "{}", sources_json = "[]", timeline_json = "{}", evidence_json = "{}",
              tool_calls_json = "[]";
  WallTime started_at{};
  std::optional<WallTime> ended_at;
};

struct ConversationRecord {           // a session and its turns, by turn_index
  SessionRecord session;
  std::vector<TurnRecord> turns;
};

struct AuditRecord {                  // table audit_logs
  std::string user_id;                // empty: nobody was signed in
  std::string action, resource;       // "session.open", "session/0192..."
  bool success = true;
  std::string ip_address, user_agent, metadata_json = "{}";
  WallTime timestamp{};
};

}  // namespace repartee
