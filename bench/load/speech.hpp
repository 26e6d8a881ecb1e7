// The recordings as they go over the wire, made once and shared by all calls: masked WebSocket frames of 20 ms each.
// Thread contract: read-only after make_speech.
#pragma once
#include <string>
#include <vector>

#include "core/result.hpp"

namespace repartee::bench {

enum class WireFormat { opus, pcm_json, pcm_binary };  // Opus at 16 kHz, binary; PCM at 24 kHz, as base64 in JSON (stock clients) or binary

struct Utterance {
  std::vector<std::string> frames;
  std::size_t first_loud_frame = 0, last_loud_frame = 0;
};

struct Speech {
  WireFormat format = WireFormat::opus;
  std::vector<Utterance> utterances;
  std::vector<Utterance> interruptions;  // the same, from their first speech on, so that the clock of an interruption starts with speech
  std::string silence;                   // what is sent between them
  std::string session_update;            // the masked frame that asks for the format
};

struct SpeechOptions {
  WireFormat format = WireFormat::opus;
  std::size_t clips = 40;
  int silence_duration_ms = 0;       // 0: the server's own
  std::string voice;                 // empty: the server's own
  bool whole_interruptions = false;  // with the breath before the first word: the clock starts with the first loud frame
};

Result<Speech> make_speech(const SpeechOptions& options);

}  // namespace repartee::bench
