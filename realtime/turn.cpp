#include "realtime/turn.hpp"

#include <cmath>
#include <cstdio>

namespace repartee::realtime {
namespace {

Money usd(double dollars) { return {std::llround(dollars * 1e8)}; }

std::optional<std::int64_t> between(std::optional<TimePoint> from, std::optional<TimePoint> to) {
  if (!from || !to) return std::nullopt;
  return std::max<std::int64_t>(to_ms(*to - *from), 0);
}

const Price& price_of(const PriceTable& prices, const std::string& provider) {
  static const Price nothing;
  const auto at = prices.find(provider);
  return at == prices.end() ? nothing : at->second;
}

}  // namespace

Turn::Turn(int index, TimePoint now, WallTime wall) : began_(now) {
  record_.turn_index = index;
  record_.started_at = wall;
}

void Turn::add_user_text(std::string_view text) {
  if (text.empty()) return;
  if (!record_.user_transcript.empty()) record_.user_transcript += ' ';
  record_.user_transcript += text;
}

void Turn::asr_ran(TimePoint start, TimePoint end, std::int64_t audio_ms) {
  asr_start_ = start;
  asr_end_ = end;
  record_.asr_audio_ms += audio_ms;
}

void Turn::reply_times(const pipeline::Reply& reply) {
  answered_ = true;
  reply_ = reply.times();
  record_.llm_response = reply.text();
  record_.llm_input_tokens = reply.usage().input_tokens;
  record_.llm_output_tokens = reply.usage().output_tokens;
  record_.tts_characters = reply.tts_characters();
  cache_hits_ = reply.cache_hits();
}

void Turn::heard(std::string text, std::int64_t ms) {
  record_.heard_response = std::move(text);
  record_.heard_ms = ms;
}

void Turn::vad_evidence(double voiced_ms, double silence_needed_ms) {
  voiced_ms_ = voiced_ms;
  silence_needed_ms_ = silence_needed_ms;
}

// Voice to voice counts from the end of the user's speech; a typed question or a greeting counts from its request.
std::optional<std::int64_t> Turn::voice_to_voice_ms() const { return between(speech_end_ ? speech_end_ : request_, first_frame_); }

// Milliseconds from the turn's zero (end of speech, or the request), so that overlapping stages show as such.
std::string Turn::timeline_json() const {
  const TimePoint zero = speech_end_ ? *speech_end_ : request_ ? *request_ : began_;
  std::string out = "{";
  const auto add = [&](const char* name, std::optional<TimePoint> at) {
    if (!at) return;
    if (out.size() > 1) out += ',';
    out += '"' + std::string(name) + "\":" + std::to_string(to_ms(*at - zero));
  };
  add("speech_end", speech_end_);
  add("asr_start", asr_start_);
  add("asr_end", asr_end_);
  add("endpoint", endpoint_);
  add("requested", request_);
  add("llm_start", reply_.llm_start);
  add("llm_first_token", reply_.llm_first_token);
  add("llm_end", reply_.llm_end);
  add("tts_start", reply_.tts_start);
  add("tts_first_audio", reply_.tts_first_audio);
  add("tts_end", reply_.tts_end);
  add("first_frame", first_frame_);
  return out + "}";
}

TurnRecord Turn::finish(std::string status, std::string cancel_reason, const Providers& providers, const PriceTable& prices, WallTime ended) const {
  TurnRecord row = record_;
  row.status = std::move(status);
  row.cancel_reason = std::move(cancel_reason);
  row.endpointing_ms = between(speech_end_, endpoint_);
  row.asr_latency_ms = between(asr_start_, asr_end_);
  row.llm_latency_ms = between(reply_.llm_start, reply_.llm_first_token);
  row.tts_latency_ms = between(reply_.tts_start, reply_.tts_first_audio);
  row.total_latency_ms = voice_to_voice_ms();
  row.asr_cost = usd(price_of(prices, providers.asr).asr_usd_per_minute * static_cast<double>(row.asr_audio_ms) / 60'000);
  const Price& llm = price_of(prices, providers.llm);
  row.llm_cost = usd((llm.llm_usd_per_million_input_tokens * row.llm_input_tokens + llm.llm_usd_per_million_output_tokens * row.llm_output_tokens) / 1e6);
  row.tts_cost = usd(price_of(prices, providers.tts).tts_usd_per_million_characters * row.tts_characters / 1e6);
  char text[256];
  std::snprintf(text, sizeof text, "{\"asr_runs\":%d,\"replies\":%d,\"llm_output_tokens\":%d,\"tts_characters\":%d}", waste_.asr_runs, waste_.replies,
                waste_.llm_output_tokens, waste_.tts_characters);
  row.speculative_waste_json = text;
  std::snprintf(text, sizeof text, "{\"voiced_ms\":%.0f,\"silence_needed_ms\":%.0f}", voiced_ms_, silence_needed_ms_);
  row.evidence_json = text;
  if (cache_hits_) row.cache_hits_json = "{\"tts\":" + std::to_string(cache_hits_->tts) + ",\"llm\":" + std::to_string(cache_hits_->llm) + '}';
  row.timeline_json = timeline_json();
  row.ended_at = ended;
  return row;
}

}  // namespace repartee::realtime
