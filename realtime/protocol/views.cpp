#include "realtime/protocol/views.hpp"

#include "realtime/protocol/json_object.hpp"

namespace repartee::realtime {
namespace {

std::string_view to_string(ItemStatus status) {
  switch (status) {
    case ItemStatus::in_progress: return "in_progress";
    case ItemStatus::completed: return "completed";
    case ItemStatus::incomplete: return "incomplete";
  }
  return "completed";
}

std::string_view to_string(ItemRole role) {
  switch (role) {
    case ItemRole::user: return "user";
    case ItemRole::assistant: return "assistant";
    case ItemRole::system: return "system";
  }
  return "user";
}

std::string_view to_string(ResponseStatus status) {
  switch (status) {
    case ResponseStatus::in_progress: return "in_progress";
    case ResponseStatus::completed: return "completed";
    case ResponseStatus::cancelled: return "cancelled";
    case ResponseStatus::incomplete: return "incomplete";
    case ResponseStatus::failed: return "failed";
  }
  return "failed";
}

std::string part_json(const ContentPart& part) {
  JsonObject object;
  switch (part.type) {
    case PartType::input_text: return object.text("type", "input_text").text("text", part.text).finish();
    case PartType::output_text: return object.text("type", "output_text").text("text", part.text).finish();
    case PartType::output_audio: return object.text("type", "output_audio").text("transcript", part.text).finish();
    case PartType::input_audio: break;
  }
  object.text("type", "input_audio");
  return (part.has_transcript ? object.text("transcript", part.text) : object.null("transcript")).finish();
}

bool has_details(ResponseStatus status) { return status != ResponseStatus::in_progress && status != ResponseStatus::completed; }

std::string status_details_json(const ResponseView& response) {
  const auto status = response.status;
  JsonObject details;
  details.text("type", to_string(status));
  if (!response.reason.empty()) details.text("reason", response.reason);
  if (status == ResponseStatus::failed) {
    JsonObject error;
    details.raw("error", error.text("type", response.error_type).text("code", response.error_code).finish());
  }
  return details.finish();
}

// Nothing is cached between our calls of a model, and images are not taken: those counts are there because clients sum them.
std::string usage_json(const Usage& usage) {
  const std::int64_t input = usage.input_text_tokens + usage.input_audio_tokens,
                     output = usage.output_text_tokens + usage.output_audio_tokens;
  JsonObject input_details, output_details, whole;
  input_details.integer("text_tokens", usage.input_text_tokens)
      .integer("audio_tokens", usage.input_audio_tokens)
      .integer("image_tokens", 0);
  input_details.integer("cached_tokens", 0).raw("cached_tokens_details", R"({"text_tokens":0,"audio_tokens":0,"image_tokens":0})");
  output_details.integer("text_tokens", usage.output_text_tokens).integer("audio_tokens", usage.output_audio_tokens);
  whole.integer("total_tokens", input + output).integer("input_tokens", input).integer("output_tokens", output);
  return whole.raw("input_token_details", input_details.finish()).raw("output_token_details", output_details.finish()).finish();
}

std::string audio_output_json(const ResponseView& response) {
  JsonObject output, audio;
  output.raw("format", format_json(response.output_format)).text("voice", response.voice);
  return audio.raw("output", output.finish()).finish();
}

}  // namespace

std::string format_json(const AudioFormat& format) {
  switch (format.codec) {
    case Codec::pcm: return R"({"type":"audio/pcm","rate":)" + std::to_string(format.rate_hz) + "}";
    case Codec::pcmu: return R"({"type":"audio/pcmu"})";
    case Codec::pcma: return R"({"type":"audio/pcma"})";
    case Codec::opus: return R"({"type":"audio/opus"})";
  }
  return "null";
}

std::string item_json(const Item& item) {
  JsonObject object;
  object.text("id", item.id).text("object", "realtime.item");
  switch (item.kind) {
    case ItemKind::message:
      object.text("type", "message").text("status", to_string(item.status)).text("role", to_string(item.role));
      return object.raw("content", json_array(item.content, part_json)).finish();
    case ItemKind::function_call:
      object.text("type", "function_call").text("status", to_string(item.status));
      return object.text("name", item.name).text("call_id", item.call_id).text("arguments", item.arguments).finish();
    case ItemKind::function_call_output:
      object.text("type", "function_call_output").text("status", to_string(item.status));
      return object.text("call_id", item.call_id).text("output", item.output).finish();
    case ItemKind::reference: return object.text("type", "item_reference").finish();
  }
  return object.finish();
}

std::string response_json(const ResponseView& response) {
  JsonObject object(1024);
  object.text("object", "realtime.response").text("id", response.id).text("status", to_string(response.status));
  if (has_details(response.status)) object.raw("status_details", status_details_json(response));
  object.raw("output", json_array(response.output, item_json));
  if (!response.conversation_id.empty()) object.text("conversation_id", response.conversation_id);
  object.raw("output_modalities", response.audio_out ? R"(["audio"])" : R"(["text"])");
  if (response.output_tokens_max) object.integer("max_output_tokens", *response.output_tokens_max);
  else object.text("max_output_tokens", "inf");
  object.raw("audio", audio_output_json(response));
  if (response.usage) object.raw("usage", usage_json(*response.usage));
  return object.checked("metadata", response.metadata_json).finish();
}

}  // namespace repartee::realtime
