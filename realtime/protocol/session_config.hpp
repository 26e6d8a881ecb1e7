// The effective configuration of a live session: what session.update changes and session.updated shows, field by field as in the GA
// protocol, with our additions (audio/opus, more PCM rates, output transport "binary").
// Thread contract: values and pure functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "realtime/protocol/protocol_error.hpp"

namespace repartee::realtime {

enum class Codec { pcm, pcmu, pcma, opus };
struct AudioFormat {
  Codec codec = Codec::pcm;
  int rate_hz = 24000;                 // pcm: 8000, 16000, 24000, 48000; pcmu and pcma: 8000; opus: 48000 on the wire's clock
  friend bool operator==(const AudioFormat&, const AudioFormat&) = default;
};

enum class TurnDetectionKind { none, server_vad, semantic_vad };   // none: push to talk
enum class Eagerness { automatic, low, medium, high };
struct TurnDetection {
  TurnDetectionKind kind = TurnDetectionKind::server_vad;
  double threshold = 0.5;
  int prefix_padding_ms = 300, silence_duration_ms = 500;
  std::optional<int> idle_timeout_ms;
  Eagerness eagerness = Eagerness::automatic;
  bool create_response = true, interrupt_response = true;
};

// What happens when the conversation outgrows what the model reads.
struct Truncation {
  enum class Kind { automatic, disabled, retention_ratio } kind = Kind::automatic;
  double retention_ratio = 1;              // what is kept of the limit when something is cut
  std::optional<int> post_instructions;    // a limit in tokens for the conversation, below the operator's
  friend bool operator==(const Truncation&, const Truncation&) = default;
};

enum class NoiseReduction { none, near_field, far_field };

struct SessionConfig {
  std::string model = "default";       // as it was asked for
  std::string instructions;
  bool audio_out = true;               // output_modalities: ["audio"] or ["text"]
  std::optional<int> output_tokens_max;  // absent: "inf"
  AudioFormat input_format, output_format;
  bool output_binary = false;          // audio.output.transport: "json" | "binary"
  NoiseReduction noise_reduction = NoiseReduction::none;
  bool transcription = true;           // audio.input.transcription null: no transcription events (recognition goes on)
  std::string transcription_model, transcription_language, transcription_prompt;
  TurnDetection turn_detection;
  std::string voice;                   // as it was asked for: "kokoro/af_heart", "slt", "alloy", {"id":...} ; empty: the clone's own
  double speed = 1.0;                  // 0.25 .. 1.5
  std::optional<bool> parallel_tool_calls;
  Truncation truncation;               // as truncation_json says
  bool logprobs_wanted = false;        // include: they are reported as null, no recogniser here has any
  // Open-shaped fields, kept as JSON texts and echoed; the parts that work read them.
  std::string tools_json = "[]", tool_choice_json = "\"auto\"", tracing_json = "null", truncation_json = "\"auto\"", include_json = "null",
              reasoning_json = "null";
};

// Limits a session.update is checked against.
struct SessionConfigLimits {
  TurnDetection turn_detection_defaults;   // what another kind of turn detection starts from: the operator's settings
  std::size_t instructions_bytes_max = 64 * 1024;
  std::size_t tools_max = 128;
  int silence_duration_ms_min = 100, silence_duration_ms_max = 10'000;
  int prefix_padding_ms_max = 5'000;
  int idle_timeout_ms_min = 1'000, idle_timeout_ms_max = 600'000;
  std::size_t name_chars_max = 256;               // model, voice, language
  std::size_t open_json_bytes_max = 256 * 1024;   // tools, tracing, reasoning ..., each
};

// `session_json` is the "session" object of session.update: fields absent stay as they are, null resets where null is legal
// (turn_detection, noise_reduction, transcription, voice ...). "type" must be there, as at OpenAI. A turn_detection of another kind starts
// from that kind's defaults. Unknown fields are ignored, and so is "model"; ill-typed or impossible ones, and those of the beta protocol,
// are an error naming `param` ("session.audio.input.turn_detection.threshold"), and nothing changes.
Expected<SessionConfig> apply_session_update(const SessionConfig& current, std::string_view session_json, const SessionConfigLimits& limits = {});

// The whole effective session as the object that session.created / session.updated carry.
struct SessionIdentity {
  std::string id;                      // the session's uuid, prefixed "sess_"
  std::int64_t expires_at_unix_s = 0;
  std::string voice_effective;         // what is spoken when config.voice is empty
};
std::string session_object_json(const SessionIdentity& identity, const SessionConfig& config);

}  // namespace repartee::realtime
