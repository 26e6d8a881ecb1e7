#include "realtime/turn.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pipeline/text_rules.hpp"
#include "realtime/protocol/json_object.hpp"

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

void append_words(std::string& text, std::string_view words) {
  if (words.empty()) return;
  if (!text.empty()) text += ' ';
  text += words;
}

std::string within_row(const std::vector<TurnToolCall>& calls, std::string_view text) {
  std::size_t used = 0;
  for (const TurnToolCall& call : calls) used += call.arguments.size() + call.output.size();
  return std::string(text.substr(0, pipeline::utf8_cut(text, tool_texts_bytes_max - std::min(used, tool_texts_bytes_max))));
}

}  // namespace

std::string tool_calls_json(const std::vector<TurnToolCall>& calls, TimePoint zero) {
  return json_array(calls, [&](const TurnToolCall& call) {
    JsonObject object;
    object.text("call_id", call.call_id).text("name", call.name).text("arguments", call.arguments);
    object.integer("called_ms", to_ms(call.called - zero));
    if (call.returned) object.text("output", call.output).integer("returned_ms", to_ms(*call.returned - zero));
    else object.null("output").null("returned_ms");
    return object.finish();
  });
}

bool note_tool_output(std::vector<TurnToolCall>& calls, const std::string& call_id, std::string_view output, TimePoint now) {
  const auto call = std::ranges::find_if(calls, [&](const TurnToolCall& c) { return c.call_id == call_id && !c.returned; });
  if (call == calls.end()) return false;
  call->output = within_row(calls, output);
  call->returned = now;
  return true;
}

Turn::Turn(int index, TimePoint now, WallTime wall) : began_(now) {
  record_.turn_index = index;
  record_.started_at = wall;
}

void Turn::add_user_text(std::string_view text) { append_words(record_.user_transcript, text); }

void Turn::asr_ran(TimePoint start, TimePoint end, std::int64_t audio_ms) {
  asr_start_ = start;
  asr_end_ = end;
  record_.asr_audio_ms += audio_ms;
}

void Turn::reply_times(const pipeline::Reply& reply) {
  answered_ = true;
  retrieval_.used(reply.passages_found());
  Round& round = rounds_.back();
  round.times = reply.times();
  round.text = reply.text();
  round.input_tokens = reply.usage().input_tokens;
  round.output_tokens = reply.usage().output_tokens;
  round.tts_characters = reply.tts_characters();
  round.cache_hits = reply.cache_hits();
}

void Turn::heard(std::string text, std::int64_t ms) {
  rounds_.back().heard = std::move(text);
  rounds_.back().heard_ms = ms;
}

void Turn::tool_called(TurnToolCall call) {
  call.arguments = within_row(calls_, call.arguments);
  calls_.push_back(std::move(call));
}

void Turn::close_round() {
  rounds_.emplace_back();
  awaits_tools_ = true;
}

bool Turn::was_heard() const {
  return std::ranges::any_of(rounds_, [](const Round& round) { return !round.heard.empty() || round.heard_ms > 0; });
}

std::string Turn::heard_before() const {
  std::string out;
  for (std::size_t i = 0; i + 1 < rounds_.size(); ++i) append_words(out, rounds_[i].heard);
  return out;
}

std::int64_t Turn::heard_before_ms() const {
  std::int64_t ms = 0;
  for (std::size_t i = 0; i + 1 < rounds_.size(); ++i) ms += rounds_[i].heard_ms;
  return ms;
}

pipeline::ReplyTimes Turn::times() const {
  using Time = std::optional<TimePoint>;
  pipeline::ReplyTimes all;
  const auto first = [](Time& kept, const Time& next) { if (!kept) kept = next; };
  const auto last = [](Time& kept, const Time& next) { if (next) kept = next; };
  for (const Round& round : rounds_) {
    first(all.llm_start, round.times.llm_start);
    first(all.llm_first_token, round.times.llm_first_token);
    last(all.llm_end, round.times.llm_end);
    first(all.tts_start, round.times.tts_start);
    first(all.tts_first_audio, round.times.tts_first_audio);
    last(all.tts_end, round.times.tts_end);
  }
  return all;
}

TimePoint Turn::zero() const { return speech_end_ ? *speech_end_ : request_ ? *request_ : began_; }

void Turn::vad_evidence(double voiced_ms, double silence_needed_ms) {
  voiced_ms_ = voiced_ms;
  silence_needed_ms_ = silence_needed_ms;
}

// Voice to voice counts from the end of the user's speech; a typed question or a greeting counts from its request.
std::optional<std::int64_t> Turn::voice_to_voice_ms() const { return between(speech_end_ ? speech_end_ : request_, first_frame_); }

TurnDelays Turn::delays() const {
  const pipeline::ReplyTimes reply = times();
  return {between(speech_end_, asr_end_), between(reply.llm_start, reply.llm_end)};
}

// Milliseconds from the turn's zero (end of speech, or the request), so that overlapping stages show as such.
std::string Turn::timeline_json() const {
  const TimePoint zero = this->zero();
  const pipeline::ReplyTimes reply = times();
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
  add("rag_start", retrieval_.started());
  add("rag_end", retrieval_.ended());
  add("llm_start", reply.llm_start);
  add("llm_first_token", reply.llm_first_token);
  add("llm_end", reply.llm_end);
  add("tts_start", reply.tts_start);
  add("tts_first_audio", reply.tts_first_audio);
  add("tts_end", reply.tts_end);
  add("first_frame", first_frame_);
  return out + "}";
}

TurnRecord Turn::finish(std::string status, std::string cancel_reason, const Providers& providers, const PriceTable& prices, WallTime ended) const {
  TurnRecord row = record_;
  row.status = std::move(status);
  row.cancel_reason = std::move(cancel_reason);
  const pipeline::ReplyTimes reply = times();
  std::optional<pipeline::ReplyCacheHits> hits;
  for (const Round& round : rounds_) {
    append_words(row.llm_response, round.text);
    append_words(row.heard_response, round.heard);
    row.heard_ms += round.heard_ms;
    row.llm_input_tokens += round.input_tokens;
    row.llm_output_tokens += round.output_tokens;
    row.tts_characters += round.tts_characters;
    if (!round.cache_hits) continue;
    if (!hits) hits.emplace();
    hits->llm += round.cache_hits->llm;
    hits->tts += round.cache_hits->tts;
  }
  if (!calls_.empty()) row.tool_calls_json = tool_calls_json(calls_, zero());
  row.endpointing_ms = between(speech_end_, endpoint_);
  row.asr_latency_ms = between(asr_start_, asr_end_);
  row.llm_latency_ms = between(reply.llm_start, reply.llm_first_token);
  row.tts_latency_ms = between(reply.tts_start, reply.tts_first_audio);
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
  if (hits) row.cache_hits_json = "{\"tts\":" + std::to_string(hits->tts) + ",\"llm\":" + std::to_string(hits->llm) + '}';
  retrieval_.write(row, price_of(prices, retrieval_.embedder().substr(0, retrieval_.embedder().find('/'))).embedding_usd_per_million_tokens);
  row.timeline_json = timeline_json();
  row.ended_at = ended;
  return row;
}

}  // namespace repartee::realtime
