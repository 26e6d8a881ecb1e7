#include "bench/load/caller.hpp"

#include <nlohmann/json.hpp>

namespace repartee::bench {
namespace {

using nlohmann::json;
constexpr int pcm_bytes_per_ms = 24 * 2;
constexpr double interrupt_after_ms_min = 500, interrupt_after_ms_max = 2500;
constexpr double interruption_noticed_ms_max = 1000;  // a reply that goes on for longer than that was not interrupted

double ms_between(TimePoint from, TimePoint to) { return std::chrono::duration<double, std::milli>(to - from).count(); }
TimePoint after_ms(TimePoint from, double ms) {
  return from + std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
}

// Every event begins with its type (realtime/protocol/server_events.cpp), so the many need no parser.
std::string_view type_of(std::string_view text) {
  constexpr std::string_view key = R"("type":")";
  const auto at = text.substr(0, 16).find(key);
  if (at == std::string_view::npos) return {};
  const auto begin = at + key.size();
  return text.substr(begin, text.find('"', begin) - begin);
}

double delta_ms(std::string_view text) {
  constexpr std::string_view key = R"("delta":")";
  const auto at = text.find(key);
  if (at == std::string_view::npos) return 0;
  const auto begin = at + key.size(), end = text.find('"', begin);
  return static_cast<double>((end - begin) / 4 * 3) / pcm_bytes_per_ms;
}

void add_field(Distribution& to, const json& row, const char* field) {
  if (const auto at = row.find(field); at != row.end() && at->is_number()) to.add(at->get<double>());
}

}  // namespace

Caller::Caller(const CallerOptions& options, const Speech& speech, Measures& measures, unsigned seed)
    : options_(options), speech_(speech), measures_(measures), random_(seed) {}

void Caller::pause(TimePoint now) {
  phase_ = Phase::pausing;
  const double mean_ms = static_cast<double>(options_.pause.count());
  pause_until_ = after_ms(now, uniform(0.5, 1.5) * mean_ms);
}

void Caller::speak(const std::vector<Utterance>& utterances) {
  utterance_ = &utterances[std::uniform_int_distribution<std::size_t>(0, utterances.size() - 1)(random_)];
  at_frame_ = 0;
  speech_end_.reset();
  phase_ = Phase::speaking;
}

std::string_view Caller::frame_to_send(TimePoint now) {
  if (!is_configured()) return {};
  after_tick(now);
  return phase_ == Phase::speaking ? next_speech_frame(now) : std::string_view(speech_.silence);
}

void Caller::after_tick(TimePoint now) {
  const auto waited = now - last_progress_;
  if (phase_ == Phase::pausing && now >= pause_until_ && !options_.is_idle) {
    has_interrupted_ = false;
    speak(speech_.utterances);
  } else if (phase_ == Phase::awaiting && waited > options_.patience) {
    if (measures_.is_counting) ++measures_.replies_missing;
    speech_end_.reset();
    pause(now);
  } else if (phase_ == Phase::listening && reply_.interrupt_at && now >= *reply_.interrupt_at) {
    reply_.interrupt_at.reset();
    has_interrupted_ = true;
    speak(speech_.interruptions);
  } else if (phase_ == Phase::listening && waited > options_.patience) {
    if (measures_.is_counting) ++measures_.errors["a reply that did not end"];
    pause(now);
  }
}

std::string_view Caller::next_speech_frame(TimePoint now) {
  const std::size_t at = at_frame_++;
  if (at == utterance_->first_loud_frame && has_interrupted_ && reply_.first_audio && !reply_.is_done) {
    reply_.interrupted_at = now;
    if (measures_.is_counting) ++measures_.interruptions;
  }
  if (at == utterance_->last_loud_frame) speech_end_ = now;
  if (measures_.is_counting) measures_.user_audio_ms += frame_ms;
  last_progress_ = now;
  if (at_frame_ == utterance_->frames.size()) phase_ = Phase::awaiting;
  return utterance_->frames[at];
}

void Caller::on_binary(std::string_view audio, TimePoint now) {
  on_audio(speech_.format == WireFormat::opus ? frame_ms : static_cast<double>(audio.size()) / pcm_bytes_per_ms, now);
}

void Caller::on_audio(double ms, TimePoint now) {
  last_progress_ = now;
  if (measures_.is_counting) {
    ++measures_.reply_frames;
    measures_.reply_audio_ms += ms;
  }
  if (!reply_.first_audio) {
    reply_.first_audio = reply_.played_until = now;
    on_reply_begun(now);
  } else {
    measure_gap(ms, now);
  }
  reply_.played_until = after_ms(std::max(reply_.played_until, now), ms);
  reply_.last_audio = now;
}

void Caller::measure_gap(double ms, TimePoint now) {
  if (!measures_.is_counting) return;
  measures_.frame_gap.add(ms_between(*reply_.last_audio, now) - ms);
  if (now <= reply_.played_until) return;
  ++measures_.reply_dry_frames;
  measures_.dry.add(ms_between(reply_.played_until, now));
}

void Caller::on_reply_begun(TimePoint now) {
  if (!speech_end_) {
    if (measures_.is_counting) ++measures_.replies_early;
    return;
  }
  const double waited_ms = ms_between(*speech_end_, now);
  speech_end_.reset();
  if (measures_.is_counting) {
    measures_.first_audio.add(waited_ms);
    ++(waited_ms <= static_cast<double>(options_.on_time.count()) ? measures_.replies_on_time : measures_.replies_late);
  }
  // A quick server may answer while the recording's last silent frames are still being sent.
  phase_ = Phase::listening;
  if (uniform(0, 1) < options_.interrupt_share)
    reply_.interrupt_at = after_ms(now, uniform(interrupt_after_ms_min, interrupt_after_ms_max));
}

void Caller::on_text(std::string_view text, TimePoint now) {
  if (measures_.is_counting) {
    ++measures_.events;
    measures_.event_bytes += text.size();
  }
  const std::string_view type = type_of(text);
  if (type == "response.output_audio.delta") return on_audio(delta_ms(text), now);
  if (type == "response.created") reply_ = {};
  else if (type == "response.done") on_response_done(text, now);
  else if (type == "repartee.turn") on_turn(text, now);
  else if (type == "repartee.state" && text.find(R"("to":"interrupted")") != std::string_view::npos) reply_.decided_at = now;
  else if (type == "error") on_error(text);
  else if (type == "session.created") phase_ = Phase::created;
  else if (type == "session.updated" && phase_ == Phase::configuring) {
    last_progress_ = now;
    pause(now);
    pause_until_ = after_ms(now, uniform(0, 1) * static_cast<double>(options_.pause.count()));  // so that calls are out of step
  }
}

void Caller::on_response_done(std::string_view text, TimePoint now) {
  reply_.is_done = true;
  if (!reply_.interrupted_at || !measures_.is_counting) return;
  const json event = json::parse(text, nullptr, false);
  if (event.is_discarded()) return;
  const TimePoint interrupted_at = *reply_.interrupted_at;
  reply_.interrupted_at.reset();
  if (event["response"].value("status", "") == "cancelled") {
    measures_.barge_in_stop.add(ms_between(interrupted_at, *reply_.last_audio));
    if (reply_.decided_at) measures_.stop_after_decision.add(ms_between(*reply_.decided_at, *reply_.last_audio));
  } else if (ms_between(interrupted_at, now) > interruption_noticed_ms_max) {
    ++measures_.interruptions_missed;
  } else {
    ++measures_.replies_over_anyway;
  }
}

void Caller::on_turn(std::string_view text, TimePoint now) {
  last_progress_ = now;
  if (phase_ == Phase::listening) pause(now);
  const json row = json::parse(text, nullptr, false);
  if (!measures_.is_counting || row.is_discarded() || row.value("revision", 1) > 1) return;
  ++measures_.turns_by_status[row.value("status", "")];
  add_field(measures_.endpointing, row, "endpointing_ms");
  add_field(measures_.asr, row, "asr_latency_ms");
  add_field(measures_.llm, row, "llm_latency_ms");
  add_field(measures_.tts, row, "tts_latency_ms");
  add_field(measures_.total, row, "total_latency_ms");
  const auto total = row.find("total_latency_ms"), endpointing = row.find("endpointing_ms");
  if (total != row.end() && endpointing != row.end() && total->is_number() && endpointing->is_number())
    measures_.added.add(total->get<double>() - endpointing->get<double>());
}

void Caller::on_error(std::string_view text) {
  const json event = json::parse(text, nullptr, false);
  if (event.is_discarded() || !event.contains("error")) return;
  const json& error = event["error"];
  const auto code = error.find("code");
  ++measures_.errors[code != error.end() && code->is_string() ? code->get<std::string>() : error.value("type", "error")];
}

}  // namespace repartee::bench
