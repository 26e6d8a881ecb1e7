// The turn under way: collects what was said, generated and heard, and when each stage began and ended, and becomes the row.
// Thread contract: none; used on the session's loop. Pure, time is passed in.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/records.hpp"
#include "pipeline/reply.hpp"
#include "realtime/turn_retrieval.hpp"

namespace repartee::realtime {

// US dollars; a provider that is not in the table costs nothing.
struct Price {
  double asr_usd_per_minute = 0;
  double llm_usd_per_million_input_tokens = 0, llm_usd_per_million_output_tokens = 0;
  double tts_usd_per_million_characters = 0;
  double embedding_usd_per_million_tokens = 0;
  friend bool operator==(const Price&, const Price&) = default;
};
using PriceTable = std::map<std::string, Price>;   // by provider name

struct Providers {                                 // the names that did the turn's stages
  std::string asr, llm, tts;
};

// What was begun ahead of the endpoint and thrown away, because the user spoke on.
struct SpeculativeWaste {
  int asr_runs = 0, replies = 0, llm_output_tokens = 0, tts_characters = 0;
};

// A function that was called in the turn, and what came of it.
struct TurnToolCall {
  std::string call_id, name, arguments;
  TimePoint called{};
  std::optional<TimePoint> returned;
  std::string output;
};
// The row's tool_calls: an array of {call_id, name, arguments, output, called_ms, returned_ms}, milliseconds from `zero`; output and
// returned_ms are null until the client answers.
std::string tool_calls_json(const std::vector<TurnToolCall>& calls, TimePoint zero);
constexpr std::size_t tool_texts_bytes_max = 512 * 1024;   // of a turn's arguments and outputs in its row, which must fit into the journal; cut beyond
constexpr std::size_t tool_calls_per_turn_max = 128;       // then the model is offered no more: it must answer in words
bool note_tool_output(std::vector<TurnToolCall>& calls, const std::string& call_id, std::string_view output, TimePoint now);   // false: not one of them, or answered

struct TurnDelays {                                // what the row does not say; absent: did not happen
  std::optional<std::int64_t> transcription_ms;    // end of speech -> transcript
  std::optional<std::int64_t> llm_ms;              // the language model, from asking to its end
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
  void reply_times(const pipeline::Reply& reply);  // copies its times, text and usage; of this round's reply
  void first_frame(TimePoint at) { if (!first_frame_) first_frame_ = at; }
  void heard(std::string text, std::int64_t ms);
  void vad_evidence(double voiced_ms, double silence_needed_ms);
  // A reply that calls tools ends a round; the reply to their results is the turn's next one. Texts, tokens and heard time add up.
  void tool_called(TurnToolCall call);
  bool tool_returned(const std::string& call_id, std::string_view output, TimePoint now) { return note_tool_output(calls_, call_id, output, now); }
  void close_round();
  void next_round_begins() { awaits_tools_ = false; }
  bool awaits_tools() const { return awaits_tools_; }
  bool was_heard() const;
  const std::vector<TurnToolCall>& tool_calls() const { return calls_; }
  TimePoint zero() const;                          // what the row's timeline counts from
  std::string heard_before() const;                // in earlier rounds
  std::int64_t heard_before_ms() const;
  void looked_up(const pipeline::LookupCosts& costs) { retrieval_.cost(costs); }
  SpeculativeWaste& waste() { return waste_; }
  void mark_answered() { answered_ = true; }

  TurnRecord finish(std::string status, std::string cancel_reason, const Providers& providers, const PriceTable& prices, WallTime ended) const;
  std::optional<std::int64_t> voice_to_voice_ms() const;
  TurnDelays delays() const;

 private:
  struct Round {                                   // one reply
    pipeline::ReplyTimes times;
    std::string text, heard;
    std::int64_t heard_ms = 0;
    int input_tokens = 0, output_tokens = 0, tts_characters = 0;
    std::optional<pipeline::ReplyCacheHits> cache_hits;
  };
  pipeline::ReplyTimes times() const;              // of all rounds: first beginnings, last ends
  std::string timeline_json() const;

  TurnRecord record_;
  TimePoint began_;
  std::optional<TimePoint> speech_end_, endpoint_, asr_start_, asr_end_, request_, first_frame_;
  std::vector<Round> rounds_{1};
  std::vector<TurnToolCall> calls_;
  TurnRetrieval retrieval_;
  SpeculativeWaste waste_;
  double voiced_ms_ = 0, silence_needed_ms_ = 0;
  bool answered_ = false, awaits_tools_ = false;
};

}  // namespace repartee::realtime
