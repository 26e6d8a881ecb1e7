#include "realtime/protocol/session_config.hpp"

#include "realtime/protocol/error_codes.hpp"
#include "realtime/protocol/session_fields.hpp"

namespace repartee::realtime {
namespace {

namespace codes = error_codes;
using detail::Choice;
using detail::Fields;
using detail::Json;

constexpr detail::BetaField beta_fields[] = {
    {"modalities", "output_modalities"},
    {"voice", "audio.output.voice"},
    {"speed", "audio.output.speed"},
    {"input_audio_format", "audio.input.format"},
    {"output_audio_format", "audio.output.format"},
    {"input_audio_transcription", "audio.input.transcription"},
    {"input_audio_noise_reduction", "audio.input.noise_reduction"},
    {"turn_detection", "audio.input.turn_detection"},
    {"max_response_output_tokens", "max_output_tokens"},
};

void check_type(const Fields& session) {
  std::string type;
  if (!session.require("type") || !session.text("type", type, 64) || type == "realtime") return;
  if (type == "transcription") {
    session.fail("type", codes::unsupported_content,
                 "Transcription sessions are not supported here: use a 'realtime' session, with turn_detection.create_response false if no "
                 "reply is wanted.");
  } else {
    session.literal("type", "realtime");
  }
}

TurnDetection defaults_of(TurnDetectionKind kind, const SessionConfigLimits& limits) {
  TurnDetection turn_detection = limits.turn_detection_defaults;
  turn_detection.kind = kind;
  return turn_detection;
}

// Fields of the other kind are ignored: clients send them along.
void read_turn_detection(const Fields& input, TurnDetection& turn_detection, const SessionConfigLimits& limits) {
  constexpr std::string_view name = "turn_detection";
  if (input.is_null(name)) {
    turn_detection = defaults_of(TurnDetectionKind::none, limits);
    return;
  }
  const auto fields = input.object(name);
  if (!fields) return;
  TurnDetectionKind kind = turn_detection.kind;
  constexpr Choice<TurnDetectionKind> kinds[] = {{"server_vad", TurnDetectionKind::server_vad},
                                                 {"semantic_vad", TurnDetectionKind::semantic_vad}};
  if (kind == TurnDetectionKind::none) fields->require("type");
  fields->choice("type", kind, kinds);
  if (kind != turn_detection.kind) turn_detection = defaults_of(kind, limits);

  fields->boolean("create_response", turn_detection.create_response);
  fields->boolean("interrupt_response", turn_detection.interrupt_response);
  if (kind == TurnDetectionKind::semantic_vad) {
    constexpr Choice<Eagerness> eagernesses[] = {
        {"auto", Eagerness::automatic}, {"low", Eagerness::low}, {"medium", Eagerness::medium}, {"high", Eagerness::high}};
    fields->choice("eagerness", turn_detection.eagerness, eagernesses);
    return;
  }
  fields->number("threshold", turn_detection.threshold, 0.0, 1.0);
  fields->integer("prefix_padding_ms", turn_detection.prefix_padding_ms, 0, limits.prefix_padding_ms_max);
  fields->integer("silence_duration_ms", turn_detection.silence_duration_ms, limits.silence_duration_ms_min,
                  limits.silence_duration_ms_max);
  if (fields->is_null("idle_timeout_ms")) {
    turn_detection.idle_timeout_ms.reset();
  } else if (int timeout_ms = 0; fields->integer("idle_timeout_ms", timeout_ms, limits.idle_timeout_ms_min, limits.idle_timeout_ms_max)) {
    turn_detection.idle_timeout_ms = timeout_ms;
  }
}

void read_noise_reduction(const Fields& input, NoiseReduction& noise_reduction) {
  if (input.is_null("noise_reduction")) {
    noise_reduction = NoiseReduction::none;
  } else if (const auto fields = input.object("noise_reduction"); fields && fields->require("type")) {
    constexpr Choice<NoiseReduction> kinds[] = {{"near_field", NoiseReduction::near_field}, {"far_field", NoiseReduction::far_field}};
    fields->choice("type", noise_reduction, kinds);
  }
}

void read_transcription(const Fields& input, SessionConfig& config, const SessionConfigLimits& limits) {
  if (input.is_null("transcription")) {
    config.transcription = false;
  } else if (const auto fields = input.object("transcription")) {
    config.transcription = true;
    fields->identifier("model", config.transcription_model, limits.name_chars_max);
    fields->identifier("language", config.transcription_language, limits.name_chars_max);
    fields->text("prompt", config.transcription_prompt, limits.instructions_bytes_max);
  }
}

void read_audio(const Fields& audio, SessionConfig& config, const SessionConfigLimits& limits) {
  if (const auto input = audio.object("input")) {
    detail::read_format(*input, config.input_format);
    read_noise_reduction(*input, config.noise_reduction);
    read_transcription(*input, config, limits);
    read_turn_detection(*input, config.turn_detection, limits);
  }
  if (const auto output = audio.object("output")) {
    detail::read_format(*output, config.output_format);
    detail::read_voice(*output, config.voice, limits.name_chars_max);
    output->number("speed", config.speed, 0.25, 1.5);
    constexpr Choice<bool> transports[] = {{"json", false}, {"binary", true}};
    output->choice("transport", config.output_binary, transports);
  }
}

void read_tracing(const Fields& session, std::string& tracing_json, const SessionConfigLimits& limits) {
  const Json* tracing = session.find("tracing");
  if (!tracing) return;
  if (tracing->is_string()) session.literal("tracing", "auto");
  else if (!tracing->is_null()) session.object("tracing");
  session.keep_json("tracing", tracing_json, limits.open_json_bytes_max);
}

void read_truncation(const Fields& session, SessionConfig& config, const SessionConfigLimits& limits) {
  using Kind = Truncation::Kind;
  const Json* value = session.find("truncation");
  if (!value) return;
  Truncation truncation;
  if (value->is_string()) {
    constexpr Choice<Kind> choices[] = {{"auto", Kind::automatic}, {"disabled", Kind::disabled}};
    session.choice("truncation", truncation.kind, choices);
  } else if (const auto fields = session.object("truncation")) {
    truncation.kind = Kind::retention_ratio;
    if (fields->require("type")) fields->literal("type", "retention_ratio");
    if (fields->require("retention_ratio")) fields->number("retention_ratio", truncation.retention_ratio, 0.0, 1.0);
    int tokens = 0;
    const auto token_limits = fields->object("token_limits");
    if (token_limits && token_limits->integer("post_instructions", tokens, 1, 100'000'000)) truncation.post_instructions = tokens;
  }
  if (session.keep_json("truncation", config.truncation_json, limits.open_json_bytes_max)) config.truncation = truncation;
}

void read_include(const Fields& session, SessionConfig& config, const SessionConfigLimits& limits) {
  constexpr std::string_view logprobs = "item.input_audio_transcription.logprobs";
  constexpr std::size_t include_max = 16;
  if (!session.find("include")) return;
  if (!session.is_null("include")) {
    const Json* list = session.array("include", include_max);
    if (!list) return;
    for (const Json& entry : *list) {
      if (entry == logprobs) continue;
      session.fail("include", codes::invalid_value,
                   "Invalid value in 'session.include'. Supported values are: '" + std::string(logprobs) + "'.");
    }
  }
  session.keep_json("include", config.include_json, limits.open_json_bytes_max);
  config.logprobs_wanted = config.include_json.find(logprobs) != std::string::npos;
}

}  // namespace

Expected<SessionConfig> apply_session_update(const SessionConfig& current, std::string_view session_json,
                                             const SessionConfigLimits& limits) {
  const auto object = detail::parse_object(session_json, {}, "session");
  if (!object) return object.error();
  detail::FirstError errors;
  const Fields session(*object, "session", errors);
  SessionConfig next = current;

  check_type(session);
  detail::refuse_beta_fields(session, beta_fields);
  std::string model;  // a session keeps the model it was opened with; clients name one in every update all the same
  session.text("model", model, limits.name_chars_max);
  session.text("instructions", next.instructions, limits.instructions_bytes_max);
  detail::read_output_modalities(session, next.audio_out);
  detail::read_output_tokens_max(session, next.output_tokens_max);
  detail::read_tools(session, next.tools_json, limits);
  detail::read_tool_choice(session, next.tool_choice_json, limits);
  detail::refuse_prompt(session);
  detail::read_parallel_tool_calls(session, next.parallel_tool_calls);
  detail::read_reasoning(session, next.reasoning_json, limits);
  read_tracing(session, next.tracing_json, limits);
  read_truncation(session, next, limits);
  read_include(session, next, limits);
  if (const auto audio = session.object("audio")) read_audio(*audio, next, limits);

  if (errors.failed()) return errors.error();
  return next;
}

}  // namespace repartee::realtime
