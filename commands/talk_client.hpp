// A caller made of a recording: streams it at its natural pace, as a person would speak, listens to the reply, and can speak again over
// it. What `repartee talk` shows and what the integration tests and the load client measure.
// Thread contract: one thread; run() blocks until the conversation is over or `patience` has passed.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/audio.hpp"
#include "core/result.hpp"

namespace repartee::commands {

struct TalkPlan {
  std::string url = "ws://127.0.0.1:8080/v1/realtime";
  std::string model, voice, api_key;
  bool opus = true;                                    // binary Opus both ways; otherwise 24 kHz PCM in JSON
  bool tls_verify = true;
  bool greeting = false;                               // the clone speaks first
  std::optional<int> silence_duration_ms;              // the server's own if absent
  Audio recording;                                     // at asr_rate_hz
  std::optional<std::chrono::milliseconds> interrupt_after;   // of the first reply audio: the interruption is spoken
  Audio interruption;                                  // empty: the recording again
  std::optional<std::chrono::milliseconds> drop_after;   // of the first reply audio: the connection is dropped, and the session taken up again
  std::chrono::milliseconds patience = std::chrono::seconds(60);   // after the last word was spoken
  std::function<void(std::int64_t at_ms, const std::string& line)> on_line;   // progress for people
};

struct TalkTurn {
  std::string row_json;                                // repartee.turn
  std::string status, user_transcript, llm_response, heard_response;
  std::optional<std::int64_t> endpointing_ms, asr_ms, rag_ms, llm_ms, tts_ms, voice_to_voice_ms;
};

struct TalkReport {
  std::string session_id;
  std::vector<TalkTurn> turns;
  std::vector<std::string> errors;                     // of error events
  int resumptions = 0, lost_events = 0;                // connections that were lost and taken up again; events that did not come again
  Audio reply;                                         // everything that was received, in order
  // Measured at this end of the wire, from the end of the recording's speech (its last loud 20 ms).
  std::optional<std::int64_t> first_audio_ms;
  // From the interruption's first loud frame to the last audio of the reply it cut; 0 when none came after it.
  std::optional<std::int64_t> barge_in_stop_ms;
  std::int64_t longest_dry_ms = 0;                     // within a reply: how long a player without a buffer had nothing to play
};

Result<TalkReport> run_talk(const TalkPlan& plan);

}  // namespace repartee::commands
