#include "persistence/repositories/conversations.hpp"

namespace repartee::persistence {
namespace {

struct VisibilityCodec : Codec<bool> {  // CloneRecord.is_public is the column visibility
  static constexpr const char* type = "text";
  static Cell encode(bool is_public) { return is_public ? "public" : "private"; }
  static bool decode(const Row& row, const char* column) { return row.text(column) == "public"; }
};

}  // namespace

const Table<Echo>& Echo::table() {
  using C = Columns<Echo>;
  static const Table<Echo> table(
      {.name = "echos", .public_when = "visibility = 'public'"},
      {C::open<&Echo::name>("name"), C::open<&Echo::persona_prompt>("persona_prompt"), C::open<&Echo::greeting>("greeting"),
       C::open<&Echo::tts_provider>("tts_provider"), C::open<&Echo::voice_id>("voice_id"), C::open<&Echo::llm_provider>("llm_provider"),
       C::open<&Echo::is_public, VisibilityCodec>("visibility"), C::open<&Echo::voice_model_id>("voice_model_id", "uuid"),
       C::open<&Echo::face_model_id>("face_model_id", "uuid"), C::open<&Echo::knowledge_scope>("knowledge_scope"),
       C::open<&Echo::settings_json>("settings", "jsonb")});
  return table;
}

const Table<Message>& Message::table() {
  using C = Columns<Message>;
  static const Table<Message> table(
      {.name = "messages",
       .alive = "NOT EXISTS (SELECT FROM conversation_sessions AS s WHERE s.id = session_id AND s.deleted_at IS NOT NULL)",
       .writes = Writes::append},
      {C::fixed<&Message::echo_id>("echo_id", "uuid"), C::fixed<&Message::session_id>("session_id", "uuid"),
       C::fixed<&Message::role>("role"), C::fixed<&Message::content>("content")});
  return table;
}

const Table<ConversationSession>& ConversationSession::table() {
  using S = ConversationSession;
  using C = Columns<S>;
  static const Table<S> table(
      {.name = "conversation_sessions", .writes = Writes::none},
      {C::made<&S::echo_id>("echo_id", "uuid"), C::made<&S::state>("state"), C::made<&S::asr_provider>("asr_provider"),
       C::made<&S::llm_provider>("llm_provider"), C::made<&S::tts_provider>("tts_provider"), C::made<&S::total_turns>("total_turns"),
       C::made<&S::interrupted_turns>("interrupted_turns"), C::made<&S::average_latency_ms>("average_latency_ms"),
       C::made<&S::total_cost>("total_cost"), C::made<&S::started_at>("started_at"), C::made<&S::last_active_at>("last_active_at"),
       C::made<&S::ended_at>("ended_at"), C::made<&S::end_reason>("end_reason"), C::made<&S::node>("node"),
       C::made<&S::client_json>("client", "jsonb")});
  return table;
}

const Table<ConversationTurn>& ConversationTurn::table() {
  using T = ConversationTurn;
  using C = Columns<T>;
  static const Table<T> table(
      {.name = "conversation_turns",
       .alive = "EXISTS (SELECT FROM conversation_sessions AS s WHERE s.id = session_id AND s.deleted_at IS NULL)",
       .writes = Writes::none},
      {C::made<&T::session_id>("session_id", "uuid"),
       C::made<&T::echo_id>("echo_id", "uuid").reading("(SELECT s.echo_id FROM conversation_sessions AS s WHERE s.id = session_id)"),
       C::made<&T::turn_index>("turn_index"),
       C::made<&T::revision>("revision"),
       C::made<&T::user_transcript>("user_transcript"),
       C::made<&T::llm_response>("llm_response"),
       C::made<&T::heard_response>("heard_response"),
       C::made<&T::heard_ms>("heard_ms"),
       C::made<&T::status>("status"),
       C::made<&T::cancel_reason>("cancel_reason"),
       C::made<&T::endpointing_ms>("endpointing_ms"),
       C::made<&T::asr_latency_ms>("asr_latency_ms"),
       C::made<&T::rag_latency_ms>("rag_latency_ms"),
       C::made<&T::llm_latency_ms>("llm_latency_ms"),
       C::made<&T::tts_latency_ms>("tts_latency_ms"),
       C::made<&T::total_latency_ms>("total_latency_ms"),
       C::made<&T::asr_cost>("asr_cost"),
       C::made<&T::rag_cost>("rag_cost"),
       C::made<&T::llm_cost>("llm_cost"),
       C::made<&T::tts_cost>("tts_cost"),
       C::made<&T::asr_audio_ms>("asr_audio_ms"),
       C::made<&T::llm_input_tokens>("llm_input_tokens"),
       C::made<&T::llm_output_tokens>("llm_output_tokens"),
       C::made<&T::tts_characters>("tts_characters"),
       C::made<&T::speculative_waste_json>("speculative_waste", "jsonb"),
       C::made<&T::cache_hits_json>("cache_hits", "jsonb"),
       C::made<&T::sources_json>("sources", "jsonb"),
       C::made<&T::timeline_json>("timeline", "jsonb"),
       C::made<&T::evidence_json>("evidence", "jsonb"),
       C::made<&T::tool_calls_json>("tool_calls", "jsonb"),
       C::made<&T::started_at>("started_at"),
       C::made<&T::ended_at>("ended_at")});
  return table;
}

}  // namespace repartee::persistence
