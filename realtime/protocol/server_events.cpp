#include "realtime/protocol/server_events.hpp"

#include "realtime/protocol/base64.hpp"
#include "realtime/protocol/json_object.hpp"
#include "realtime/protocol/views.hpp"

namespace repartee::realtime::server_events {
namespace {

JsonObject event(std::string_view type, std::size_t bytes_expected = 384, std::string buffer = {}) {
  JsonObject object(bytes_expected, std::move(buffer));
  object.text("type", type).fresh_id("event_id", "event");
  return object;
}

JsonObject event_at(std::string_view type, const Place& place, std::size_t bytes_more = 0, std::string buffer = {}) {
  constexpr std::size_t bytes_without = 384;
  JsonObject object = event(type, bytes_without + bytes_more, std::move(buffer));
  object.text("response_id", place.response_id).text("item_id", place.item_id).integer("output_index", place.output_index);
  return object;
}

JsonObject content_event(std::string_view type, const Place& place, std::size_t bytes_more = 0, std::string buffer = {}) {
  JsonObject object = event_at(type, place, bytes_more, std::move(buffer));
  object.integer("content_index", place.content_index);
  return object;
}

std::string item_event(std::string_view type, const Item& item, std::string_view previous_item_id) {
  return event(type).text_or_null("previous_item_id", previous_item_id).raw("item", item_json(item)).finish();
}

std::string session_event(std::string_view type, const SessionIdentity& identity, const SessionConfig& config) {
  return event(type).raw("session", session_object_json(identity, config)).finish();
}

std::string output_item_event(std::string_view type, const Place& place, const Item& item) {
  JsonObject object = event(type);
  return object.text("response_id", place.response_id).integer("output_index", place.output_index).raw("item", item_json(item)).finish();
}

std::string part_event(std::string_view type, const Place& place, bool audio, std::string_view text) {
  JsonObject part;
  part.text("type", audio ? "audio" : "text").text(audio ? "transcript" : "text", text);
  return content_event(type, place).raw("part", part.finish()).finish();
}

// What is about the user's audio has its one content part.
JsonObject transcription_event(std::string_view type, std::string_view item_id) {
  JsonObject object = event(type);
  object.text("item_id", item_id).integer("content_index", 0);
  return object;
}

}  // namespace

std::string error(const ProtocolError& error) {
  JsonObject details;
  details.text("type", error.type).text_or_null("code", error.code).text("message", error.message);
  details.text_or_null("param", error.param).text_or_null("event_id", error.event_id);
  return event("error").raw("error", details.finish()).finish();
}

std::string session_created(const SessionIdentity& identity, const SessionConfig& config) {
  return session_event("session.created", identity, config);
}

std::string session_updated(const SessionIdentity& identity, const SessionConfig& config) {
  return session_event("session.updated", identity, config);
}

std::string item_added(const Item& item, std::string_view previous_item_id) {
  return item_event("conversation.item.added", item, previous_item_id);
}

std::string item_done(const Item& item, std::string_view previous_item_id) {
  return item_event("conversation.item.done", item, previous_item_id);
}

std::string item_retrieved(const Item& item) { return event("conversation.item.retrieved").raw("item", item_json(item)).finish(); }

std::string item_deleted(std::string_view item_id) { return event("conversation.item.deleted").text("item_id", item_id).finish(); }

std::string item_truncated(std::string_view item_id, int content_index, std::int64_t audio_end_ms) {
  JsonObject object = event("conversation.item.truncated");
  return object.text("item_id", item_id).integer("content_index", content_index).integer("audio_end_ms", audio_end_ms).finish();
}

std::string transcription_delta(std::string_view item_id, std::string_view delta, bool logprobs) {
  JsonObject object = transcription_event("conversation.item.input_audio_transcription.delta", item_id);
  object.text("delta", delta);
  if (logprobs) object.null("logprobs");
  return object.finish();
}

// In tokens of the protocol (100 ms of a user's audio each): @openai/agents-realtime drops the event when usage is a duration.
std::string transcription_completed(std::string_view item_id, std::string_view transcript, std::int64_t audio_ms, bool logprobs) {
  const std::int64_t heard = (audio_ms + 99) / 100, written = (static_cast<std::int64_t>(transcript.size()) + 3) / 4;
  JsonObject details, usage;
  details.integer("text_tokens", 0).integer("audio_tokens", heard);
  usage.text("type", "tokens").integer("total_tokens", heard + written).integer("input_tokens", heard).integer("output_tokens", written);
  usage.raw("input_token_details", details.finish());
  JsonObject object = transcription_event("conversation.item.input_audio_transcription.completed", item_id);
  object.text("transcript", transcript).raw("usage", usage.finish());
  if (logprobs) object.null("logprobs");
  return object.finish();
}

// Here absent fields are left out: @openai/agents-realtime drops the event when one is null.
std::string transcription_failed(std::string_view item_id, const ProtocolError& error) {
  JsonObject details;
  details.text("type", error.type).text("message", error.message);
  if (!error.code.empty()) details.text("code", error.code);
  if (!error.param.empty()) details.text("param", error.param);
  return transcription_event("conversation.item.input_audio_transcription.failed", item_id).raw("error", details.finish()).finish();
}

std::string input_audio_committed(std::string_view item_id, std::string_view previous_item_id) {
  return event("input_audio_buffer.committed").text("item_id", item_id).text_or_null("previous_item_id", previous_item_id).finish();
}

std::string input_audio_cleared() { return event("input_audio_buffer.cleared").finish(); }

std::string speech_started(std::string_view item_id, std::int64_t audio_start_ms) {
  return event("input_audio_buffer.speech_started").text("item_id", item_id).integer("audio_start_ms", audio_start_ms).finish();
}

std::string speech_stopped(std::string_view item_id, std::int64_t audio_end_ms) {
  return event("input_audio_buffer.speech_stopped").text("item_id", item_id).integer("audio_end_ms", audio_end_ms).finish();
}

std::string timeout_triggered(std::string_view item_id, std::int64_t audio_start_ms, std::int64_t audio_end_ms) {
  JsonObject object = event("input_audio_buffer.timeout_triggered");
  return object.text("item_id", item_id).integer("audio_start_ms", audio_start_ms).integer("audio_end_ms", audio_end_ms).finish();
}

std::string response_created(const ResponseView& response) {
  return event("response.created").raw("response", response_json(response)).finish();
}

std::string response_done(const ResponseView& response) { return event("response.done").raw("response", response_json(response)).finish(); }

std::string output_item_added(const Place& place, const Item& item) { return output_item_event("response.output_item.added", place, item); }

std::string output_item_done(const Place& place, const Item& item) { return output_item_event("response.output_item.done", place, item); }

std::string content_part_added(const Place& place, bool audio) { return part_event("response.content_part.added", place, audio, ""); }

std::string content_part_done(const Place& place, bool audio, std::string_view text) {
  return part_event("response.content_part.done", place, audio, text);
}

std::string output_audio_delta(const Place& place, std::span<const std::uint8_t> bytes, std::string buffer) {
  return content_event("response.output_audio.delta", place, base64::encoded_size(bytes.size()), std::move(buffer)).base64("delta", bytes).finish();
}

std::string output_audio_done(const Place& place) { return content_event("response.output_audio.done", place).finish(); }

std::string output_audio_transcript_delta(const Place& place, std::string_view delta) {
  return content_event("response.output_audio_transcript.delta", place).text("delta", delta).finish();
}

std::string output_audio_transcript_done(const Place& place, std::string_view transcript) {
  return content_event("response.output_audio_transcript.done", place).text("transcript", transcript).finish();
}

std::string output_text_delta(const Place& place, std::string_view delta) {
  return content_event("response.output_text.delta", place).text("delta", delta).finish();
}

std::string output_text_done(const Place& place, std::string_view text) {
  return content_event("response.output_text.done", place).text("text", text).finish();
}

std::string function_call_arguments_delta(const Place& place, std::string_view call_id, std::string_view delta) {
  return event_at("response.function_call_arguments.delta", place).text("call_id", call_id).text("delta", delta).finish();
}

std::string function_call_arguments_done(const Place& place, std::string_view call_id, std::string_view name, std::string_view arguments) {
  JsonObject object = event_at("response.function_call_arguments.done", place);
  return object.text("call_id", call_id).text("name", name).text("arguments", arguments).finish();
}

std::string rate_limits_updated(const std::vector<RateLimit>& limits) {
  const auto limit_json = [](const RateLimit& limit) {
    JsonObject object;
    object.text("name", limit.name).integer("limit", limit.limit).integer("remaining", limit.remaining);
    return object.number("reset_seconds", limit.reset_seconds).finish();
  };
  return event("rate_limits.updated").raw("rate_limits", json_array(limits, limit_json)).finish();
}

// ---- ours ----

std::string repartee_state(std::string_view from, std::string_view to, int turn_index, std::int64_t at_ms) {
  return event("repartee.state").text("from", from).text("to", to).integer("turn_index", turn_index).integer("at_ms", at_ms).finish();
}

std::string repartee_turn(const TurnRecord& turn) {
  // The row's fields stand beside type and event_id: its text goes in without its opening brace.
  std::string out = event("repartee.turn").finish();
  out.back() = ',';
  return out + turn_row_json(turn).substr(1);
}

std::string repartee_session(std::string_view session_id, const ResumeOffer& offer, const std::optional<ResumeResult>& resumed) {
  JsonObject object = event("repartee.session");
  object.text("session_id", session_id);
  if (!offer.token.empty()) object.text("resume_token", offer.token).integer("resume_within_ms", offer.within_ms);
  if (resumed) {
    object.text("resumed", resumed->restored ? "restored" : "live");
    object.integer("replayed_events", static_cast<std::int64_t>(resumed->replayed)).integer("lost_events", static_cast<std::int64_t>(resumed->lost));
  }
  return object.finish();
}

std::string repartee_sources(int turn_index, const std::vector<SourcePassage>& passages) {
  const auto passage_json = [](const SourcePassage& passage) {
    JsonObject object;
    object.text("document_id", passage.document_id).text("filename", passage.filename).integer("ordinal", passage.ordinal);
    return object.text("text", passage.text).number("score", passage.score).finish();
  };
  return event("repartee.sources").integer("turn_index", turn_index).raw("passages", json_array(passages, passage_json)).finish();
}

std::string repartee_alignment(std::string_view item_id, const Alignment& alignment) {
  const auto word_json = [](const AlignedWord& word) {
    JsonObject object;
    return object.text("text", word.text).integer("start_ms", word.start_ms).integer("end_ms", word.end_ms).finish();
  };
  const auto viseme_json = [](const AlignedViseme& viseme) {
    JsonObject object;
    return object.integer("id", viseme.id).integer("start_ms", viseme.start_ms).finish();
  };
  return event("repartee.alignment")
      .text("item_id", item_id)
      .raw("words", json_array(alignment.words, word_json))
      .raw("visemes", json_array(alignment.visemes, viseme_json))
      .finish();
}

}  // namespace repartee::realtime::server_events
