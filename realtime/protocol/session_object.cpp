#include "realtime/protocol/json_object.hpp"
#include "realtime/protocol/session_config.hpp"
#include "realtime/protocol/views.hpp"

namespace repartee::realtime {
namespace {

std::string_view to_string(Eagerness eagerness) {
  switch (eagerness) {
    case Eagerness::automatic: return "auto";
    case Eagerness::low: return "low";
    case Eagerness::medium: return "medium";
    case Eagerness::high: return "high";
  }
  return "auto";
}

std::string turn_detection_json(const TurnDetection& turn_detection) {
  if (turn_detection.kind == TurnDetectionKind::none) return "null";
  JsonObject object;
  if (turn_detection.kind == TurnDetectionKind::server_vad) {
    object.text("type", "server_vad")
        .number("threshold", turn_detection.threshold)
        .integer("prefix_padding_ms", turn_detection.prefix_padding_ms);
    object.integer("silence_duration_ms", turn_detection.silence_duration_ms);
    if (turn_detection.idle_timeout_ms) object.integer("idle_timeout_ms", *turn_detection.idle_timeout_ms);
    else object.null("idle_timeout_ms");
  } else {
    object.text("type", "semantic_vad").text("eagerness", to_string(turn_detection.eagerness));
  }
  object.boolean("create_response", turn_detection.create_response).boolean("interrupt_response", turn_detection.interrupt_response);
  return object.finish();
}

std::string transcription_json(const SessionConfig& config) {
  if (!config.transcription) return "null";
  JsonObject object;
  if (!config.transcription_model.empty()) object.text("model", config.transcription_model);
  if (!config.transcription_language.empty()) object.text("language", config.transcription_language);
  if (!config.transcription_prompt.empty()) object.text("prompt", config.transcription_prompt);
  return object.finish();
}

std::string noise_reduction_json(NoiseReduction noise_reduction) {
  switch (noise_reduction) {
    case NoiseReduction::none: return "null";
    case NoiseReduction::near_field: return R"({"type":"near_field"})";
    case NoiseReduction::far_field: return R"({"type":"far_field"})";
  }
  return "null";
}

std::string audio_json(const SessionIdentity& identity, const SessionConfig& config) {
  JsonObject input, output, audio;
  input.raw("format", format_json(config.input_format)).raw("transcription", transcription_json(config));
  input.raw("noise_reduction", noise_reduction_json(config.noise_reduction))
      .raw("turn_detection", turn_detection_json(config.turn_detection));
  output.raw("format", format_json(config.output_format)).text("voice", config.voice.empty() ? identity.voice_effective : config.voice);
  output.number("speed", config.speed).text("transport", config.output_binary ? "binary" : "json");
  return audio.raw("input", input.finish()).raw("output", output.finish()).finish();
}

}  // namespace

std::string session_object_json(const SessionIdentity& identity, const SessionConfig& config) {
  constexpr std::size_t bytes_of_the_rest = 1500;
  JsonObject session(config.instructions.size() + config.tools_json.size() + bytes_of_the_rest);
  session.text("type", "realtime").text("object", "realtime.session").text("id", identity.id).text("model", config.model);
  session.raw("output_modalities", config.audio_out ? R"(["audio"])" : R"(["text"])").text("instructions", config.instructions);
  session.checked("tools", config.tools_json).checked("tool_choice", config.tool_choice_json);
  if (config.output_tokens_max) session.integer("max_output_tokens", *config.output_tokens_max);
  else session.text("max_output_tokens", "inf");
  session.checked("tracing", config.tracing_json).checked("truncation", config.truncation_json);
  if (config.parallel_tool_calls) session.boolean("parallel_tool_calls", *config.parallel_tool_calls);
  if (config.reasoning_json != "null") session.checked("reasoning", config.reasoning_json);
  if (config.include_json != "null") session.checked("include", config.include_json);
  session.null("prompt").integer("expires_at", identity.expires_at_unix_s);
  return session.raw("audio", audio_json(identity, config)).finish();
}

}  // namespace repartee::realtime
