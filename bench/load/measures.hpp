// What a load run measures, summed over its calls. Times are milliseconds.
// Thread contract: values only.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "bench/distribution.hpp"

namespace repartee::bench {

struct Measures {
  bool is_counting = false;  // only between warm-up and end

  // Each utterance that was to be answered ends as one of these.
  std::uint64_t replies_on_time = 0, replies_late = 0, replies_missing = 0;
  std::uint64_t replies_early = 0;                 // audio came before the last word was said: cut off
  Distribution first_audio;                        // last loud frame sent -> first reply audio
  Distribution added;                              // repartee.turn: total_latency_ms - endpointing_ms
  Distribution endpointing, asr, llm, tts, total;  // repartee.turn

  std::uint64_t interruptions = 0, interruptions_missed = 0, replies_over_anyway = 0;
  Distribution barge_in_stop;        // first loud interrupting frame sent -> last audio of the reply that was cut
  Distribution stop_after_decision;  // repartee.state to interrupted -> last audio of that reply; 0: none came after it

  std::uint64_t reply_frames = 0, reply_dry_frames = 0;  // dry: came after a player without a buffer had run out
  Distribution frame_gap;                                // between two frames of a reply, beyond the frames' own length
  Distribution dry;                                      // how late the dry ones were
  std::uint64_t events = 0, event_bytes = 0;             // JSON messages that came
  double reply_audio_ms = 0, user_audio_ms = 0;

  std::map<std::string, std::uint64_t> turns_by_status, errors, closes;

  Distribution client_lateness;  // of this client's own sending: high means the figures are the client's
  std::uint64_t frames_sent = 0;
};

}  // namespace repartee::bench
