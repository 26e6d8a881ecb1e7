// Typed events -> JSON texts. One function an event of the protocol, named after it; every text carries a fresh event_id. `seq` is added on
// the way out, by ResumablePeer.
// Thread contract: pure but for the event ids; any thread.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/records.hpp"
#include "realtime/protocol/items.hpp"

namespace repartee::realtime::server_events {

std::string error(const ProtocolError& error);
std::string session_created(const SessionIdentity& identity, const SessionConfig& config);
std::string session_updated(const SessionIdentity& identity, const SessionConfig& config);

std::string item_added(const Item& item, std::string_view previous_item_id);   // empty previous: null
std::string item_done(const Item& item, std::string_view previous_item_id);
std::string item_retrieved(const Item& item);
std::string item_deleted(std::string_view item_id);
std::string item_truncated(std::string_view item_id, int content_index, std::int64_t audio_end_ms);
// `logprobs`: they were asked for, and are reported as null.
std::string transcription_delta(std::string_view item_id, std::string_view delta, bool logprobs = false);
std::string transcription_completed(std::string_view item_id, std::string_view transcript, std::int64_t audio_ms, bool logprobs = false);
std::string transcription_failed(std::string_view item_id, const ProtocolError& error);

std::string input_audio_committed(std::string_view item_id, std::string_view previous_item_id);
std::string input_audio_cleared();
std::string speech_started(std::string_view item_id, std::int64_t audio_start_ms);
std::string speech_stopped(std::string_view item_id, std::int64_t audio_end_ms);
std::string timeout_triggered(std::string_view item_id, std::int64_t audio_start_ms, std::int64_t audio_end_ms);

std::string response_created(const ResponseView& response);
std::string response_done(const ResponseView& response);

// Where in a response a delta belongs.
struct Place {
  std::string response_id, item_id;
  int output_index = 0, content_index = 0;
};
std::string output_item_added(const Place& place, const Item& item);
std::string output_item_done(const Place& place, const Item& item);
std::string content_part_added(const Place& place, bool audio);                // part type "audio" or "text"
std::string content_part_done(const Place& place, bool audio, std::string_view text);
// base64; hot: built without a JSON tree, and where `buffer` (of the last one) is large enough, without an allocation.
std::string output_audio_delta(const Place& place, std::span<const std::uint8_t> bytes, std::string buffer = {});
std::string output_audio_done(const Place& place);
std::string output_audio_transcript_delta(const Place& place, std::string_view delta);
std::string output_audio_transcript_done(const Place& place, std::string_view transcript);
std::string output_text_delta(const Place& place, std::string_view delta);
std::string output_text_done(const Place& place, std::string_view text);
std::string function_call_arguments_delta(const Place& place, std::string_view call_id, std::string_view delta);   // no content_index on the wire
std::string function_call_arguments_done(const Place& place, std::string_view call_id, std::string_view name, std::string_view arguments);

struct RateLimit { std::string name; std::int64_t limit = 0, remaining = 0; double reset_seconds = 0; };
std::string rate_limits_updated(const std::vector<RateLimit>& limits);

// ---- ours ----
std::string repartee_state(std::string_view from, std::string_view to, int turn_index, std::int64_t at_ms);
std::string repartee_turn(const TurnRecord& turn);                             // field names as the columns of conversation_turns
struct ResumeOffer { std::string token; std::int64_t within_ms = 0; };         // no token: a lost connection is the end
// What came of a resumption: how many messages were sent again, how many were not kept; or a conversation out of the store, a new beginning
// of the wire.
struct ResumeResult { std::uint64_t replayed = 0, lost = 0; bool restored = false; };
std::string repartee_session(std::string_view session_id, const ResumeOffer& offer, const std::optional<ResumeResult>& resumed = std::nullopt);
struct SourcePassage { std::string document_id, filename; int ordinal = 0; std::string text; double score = 0; };
std::string repartee_sources(int turn_index, const std::vector<SourcePassage>& passages);
// Times from the first sample of the item's audio. Visemes: the 22 shapes of the Azure speech documentation.
struct AlignedWord { std::string text; std::int64_t start_ms = 0, end_ms = 0; };
struct AlignedViseme { int id = 0; std::int64_t start_ms = 0; };
struct Alignment { std::vector<AlignedWord> words; std::vector<AlignedViseme> visemes; };
std::string repartee_alignment(std::string_view item_id, const Alignment& alignment);

// A turn's row as a JSON object (also what GET /api/v1/sessions/{id}/turns shows).
std::string turn_row_json(const TurnRecord& turn);

}  // namespace repartee::realtime::server_events
