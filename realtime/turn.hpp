// The turn under way: collects what was said, generated and heard, and when each stage began and ended, and becomes the row.
// Thread contract: none; used on the session's loop. Pure, time is passed in.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "pipeline/reply.hpp"

namespace repartee::realtime {

// US dollars; a provider that is not in the table costs nothing.
struct Price {
  double asr_usd_per_minute = 0;
  double llm_usd_per_million_input_tokens = 0, llm_usd_per_million_output_tokens = 0;
  double tts_usd_per_million_characters = 0;
};
using PriceTable = std::map<std::string, Price>;   // by provider name

struct Providers {                                 // the names that did the turn's stages
  std::string asr, llm, tts;
};

// What was begun ahead of the endpoint and thrown away, because the user spoke on.
struct SpeculativeWaste {
  int asr_runs = 0, replies = 0, llm_output_tokens = 0, tts_characters = 0;
};

class Turn {
 public:
  Turn(int index, TimePoint now, WallTime wall);

  int index() const { return record_.turn_index; }
  void add_user_text(std::string_view text);       // a second utterance joins the first
  const std::string& user_text() const { return record_.user_transcript; }
  bool has_content() const { return answered_ || !record_.user_transcript.empty(); }

  // Steady times of this turn's last utterance and its stages. The first audible frame closes voice to voice.
  void speech_ended(TimePoint at) { speech_end_ = at; }
  void endpoint_decided(TimePoint at) { endpoint_ = at; }
  void asr_ran(TimePoint start, TimePoint end, std::int64_t audio_ms);
  void reply_requested(TimePoint at) { if (!request_) request_ = at; }
  void reply_times(const pipeline::Reply& reply);  // copies its times, text and usage
  void first_frame(TimePoint at) { if (!first_frame_) first_frame_ = at; }
  void heard(std::string text, std::int64_t ms);
  void vad_evidence(double voiced_ms, double silence_needed_ms);
  SpeculativeWaste& waste() { return waste_; }
  void mark_answered() { answered_ = true; }

  TurnRecord finish(std::string status, std::string cancel_reason, const Providers& providers, const PriceTable& prices, WallTime ended) const;
  std::optional<std::int64_t> voice_to_voice_ms() const;

 private:
  std::string timeline_json() const;

  TurnRecord record_;
  TimePoint began_;
  std::optional<TimePoint> speech_end_, endpoint_, asr_start_, asr_end_, request_, first_frame_;
  pipeline::ReplyTimes reply_;
  std::optional<pipeline::ReplyCacheHits> cache_hits_;
  SpeculativeWaste waste_;
  double voiced_ms_ = 0, silence_needed_ms_ = 0;
  bool answered_ = false;
};

}  // namespace repartee::realtime
