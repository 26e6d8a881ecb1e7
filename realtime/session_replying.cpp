// The replying half of Session: responses, paced speech, playback's end, failure and its apology.
#include <utility>

#include "core/log.hpp"
#include "pipeline/question.hpp"
#include "realtime/session.hpp"
#include "realtime/tool_specs.hpp"

namespace repartee::realtime {
namespace ev = server_events;
namespace {

constexpr const char* apology = "Sorry, something went wrong on my side. Please try again.";

}  // namespace

void Session::start_reply() {
  reply_wanted_ = true;
  if (turn_) turn_->reply_requested(loop_.now());
  if (answer_ || !late_answers_.empty()) return;         // the transcript comes first: deliver_transcript goes on from there
  begin_response();
}

// What is said so far by the user of this turn but not yet in the conversation: the speculation's transcript.
std::string Session::transcript_so_far() const {
  if (!answer_ || answer_->committed() || !answer_->transcript || !*answer_->transcript) return {};
  return (*answer_->transcript)->text;
}

pipeline::LlmProvider* Session::choose_llm(std::string* name) const {
  auto at = services_.llms.find(start_.clone.llm_provider);
  if (at == services_.llms.end()) at = services_.llms.find(services_.llm_default);
  if (name) *name = at->first;
  return at->second;
}

// "provider/voice", a voice's own id, or an alias of another vendor's name; what is not ours becomes the clone's own voice.
Session::VoiceChoice Session::choose_voice(const std::string& asked) const {
  const auto find = [this](const std::string& provider, const std::string& voice) -> VoiceChoice {
    const auto at = services_.tts.find(provider);
    if (at == services_.tts.end()) return {};
    if (voice.empty()) return {at->second, provider, voice};
    for (const auto& info : at->second->voices())
      if (info.id == voice) return {at->second, provider, voice};
    return {};
  };
  const auto alias = services_.voice_aliases.find(asked);
  const std::string& name = alias == services_.voice_aliases.end() ? asked : alias->second;
  if (!name.empty()) {
    const auto slash = name.find('/');
    if (slash != std::string::npos) {
      if (auto choice = find(name.substr(0, slash), name.substr(slash + 1)); choice.tts) return choice;
    } else {
      for (const auto& [provider, tts] : services_.tts)
        if (auto choice = find(provider, name); choice.tts) return choice;
    }
  }
  if (auto choice = find(start_.clone.tts_provider, start_.clone.voice_id); choice.tts) return choice;
  if (auto choice = find(services_.tts_default, services_.voice_default); choice.tts) return choice;
  return find(services_.tts_default, "");
}

bool Session::voice_locked(const std::string& asked) const { return spoke_ && choose_voice(asked).full_name() != choose_voice(config_.voice).full_name(); }

Result<pipeline::ReplyOptions> Session::reply_options(bool held) {
  pipeline::ReplyOptions options;
  const ResponseCreate* wish = request_ ? &*request_ : nullptr;
  const VoiceChoice voice = choose_voice(wish && wish->voice ? *wish->voice : config_.voice);
  const bool audio_out = wish && wish->audio_out ? *wish->audio_out : config_.audio_out;
  turn_providers_.tts = audio_out ? voice.tts_name : "";
  options.tts = audio_out ? voice.tts : nullptr;
  options.voice = voice.voice;
  options.speed = config_.speed;
  options.held = held;
  options.caller = caller();
  options.first_token_timeout = options_.first_token_timeout;
  options.llm_timeout = options_.llm_timeout;
  options.tts_timeout = options_.tts_timeout;
  if (fixed_text_) {
    options.text = *fixed_text_;
    options.owner = start_.clone.is_public ? "" : start_.clone.user_id;
    turn_providers_.llm.clear();
    return options;
  }
  options.llm = choose_llm(&turn_providers_.llm);
  auto& request = options.request;
  request.clone_name = start_.clone.name;
  request.persona = start_.clone.persona_prompt;
  request.tools = tool_specs(wish && !wish->tools_json.empty() ? wish->tools_json : config_.tools_json);
  request.parallel_tool_calls = wish && wish->parallel_tool_calls ? wish->parallel_tool_calls : config_.parallel_tool_calls;
  request.tool_choice = tool_choice(wish && !wish->tool_choice_json.empty() ? wish->tool_choice_json : config_.tool_choice_json);
  if (turn_ && turn_->tool_calls().size() >= tool_calls_per_turn_max) request.tool_choice = "none";
  request.instructions = wish && wish->instructions ? *wish->instructions : config_.instructions;
  if (wish && wish->input) {
    request.messages = to_messages(*wish->input);
  } else {
    auto messages = conversation_.messages_within(config_.truncation, options_.context_tokens_max);
    if (!messages) return messages.error();
    request.messages = start_.history;
    request.messages.insert(request.messages.end(), messages->begin(), messages->end());
  }
  if (silent_ms_) request.messages.push_back({pipeline::Role::system, "The user has said nothing for " + std::to_string(*silent_ms_ / 1000) + " seconds. Speak to them."});
  if (auto text = transcript_so_far(); !text.empty()) request.messages.push_back({pipeline::Role::user, std::move(text)});
  const auto tokens_max = wish && wish->output_tokens_max ? wish->output_tokens_max : config_.output_tokens_max;
  request.output_tokens_max = std::min(tokens_max.value_or(options_.output_tokens_max), options_.output_tokens_max);
  // What a public clone says to anybody's first question may be said to others; what is said aloud may repeat what the user said.
  if (!start_.clone.is_public || !request.instructions.empty()) request.owner = start_.user_id;
  options.owner = start_.user_id;
  prepare_lookup(options);
  return options;
}

// The reply waits, for a while, for what the clone's documents say to the question.
void Session::prepare_lookup(pipeline::ReplyOptions& options) {
  if (silent_ms_ || !lookup_.useful()) return;
  std::string question = pipeline::question_of(options.request.messages);
  if (question.empty()) return;
  options.request.owner = start_.user_id;
  options.look_up = [this, question = std::move(question)](pipeline::PassageLookup::Done done) { return lookup_.find(question, std::move(done)); };
}

void Session::show_sources(const std::vector<pipeline::Passage>& passages) {
  std::vector<ev::SourcePassage> sources;
  for (const auto& passage : passages) sources.push_back({passage.document_id, passage.filename, passage.ordinal, passage.text, passage.score});
  send(ev::repartee_sources(turn_ ? turn_->index() : turns_started_, sources));
}

pipeline::ReplyCallbacks Session::reply_callbacks() {
  return {.on_text = [this](std::string_view text) { on_reply_text(text); },
          .on_speech = [this](pipeline::ReplyPiece piece) { on_reply_speech(std::move(piece)); },
          .on_end = [this](Status status) { on_reply_end(std::move(status)); },
          .waiting_ms = [this] { return voicing_ ? voicing_->waiting_ms(loop_.now()) : 0; },
          .on_tool_call = [this](pipeline::ReplyToolPiece piece) { on_tool_call(piece); },
          .on_passages = [this](const std::vector<pipeline::Passage>& passages) { show_sources(passages); }};
}

void Session::begin_response() {
  reply_wanted_ = false;
  auto chosen = reply_options(false);
  silent_ms_.reset();
  if (!chosen) return fail_turn(chosen.error());
  pipeline::ReplyOptions options = std::move(chosen).value();
  const ResponseCreate* wish = request_ ? &*request_ : nullptr;
  ResponseView view;
  view.conversation_id = wish && wish->out_of_band ? "" : "conv_" + id();
  view.audio_out = options.tts != nullptr;
  view.output_format = wish && wish->output_format ? *wish->output_format : config_.output_format;
  view.voice = choose_voice(wish && wish->voice ? *wish->voice : config_.voice).full_name();
  view.output_tokens_max = wish && wish->output_tokens_max ? wish->output_tokens_max : config_.output_tokens_max;
  if (wish) view.metadata_json = wish->metadata_json;
  const AudioFormat output_format = view.output_format;
  auto response = std::make_unique<Response>(std::move(view), config_.output_binary, response_outlets(wish && wish->out_of_band));
  const int rate_hz = options.tts ? options.tts->rate_hz() : asr_rate_hz;
  voicing_ = std::make_unique<Voicing>(options_.voicing, output_format, rate_hz, std::move(response));
  voicing_->response().created();
  tell_limits();
  if (turn_) {
    turn_->mark_answered();
    turn_->next_round_begins();
  }
  if (prepared_reply_ && !wish && !fixed_text_) {
    reply_ = std::move(prepared_reply_);
    reply_->release();
  } else {
    reply_ = std::make_unique<pipeline::Reply>(loop_, std::move(options), reply_callbacks());
  }
  prepared_reply_.reset();
  request_.reset();
  fixed_text_.reset();
}

void Session::tell_limits() {
  if (!services_.limit_left) return;
  const auto left = services_.limit_left(start_.user_id, start_.remote_address);
  if (left.limit > 0) send(ev::rate_limits_updated({{"requests", left.limit, left.remaining, left.reset_seconds}}));
}

void Session::on_reply_text(std::string_view text) {
  if (voicing_) voicing_->response().text(text);
}

void Session::on_reply_speech(pipeline::ReplyPiece piece) {
  if (!voicing_) return;
  voicing_->push(std::move(piece));
  pump();
}

void Session::on_reply_end(Status status) {
  if (!voicing_) return;
  if (turn_ && reply_ && !failure_) turn_->reply_times(*reply_);
  if (!status && !failure_) return fail_turn(status.error());
  if (!voicing_->response().audio_out()) {
    if (failure_) return conclude_failure();
    end_response();
    return reply_played();
  }
  voicing_->finish();
  pump();
}

// Sends what is due and arms the timer for what is due next.
void Session::pump() {
  pump_timer_.reset();
  if (!voicing_ || away_) return;
  Playout& playout = voicing_->playout();
  const bool first = !playout.first_frame_at();
  if (services_.load) voicing_->set_opus_complexity(services_.load->opus_complexity(options_.voicing.opus.complexity));
  const bool sent = voicing_->send_due(loop_.now());
  if (first && sent) {
    spoke_ = true;
    if (turn_ && !failure_) turn_->first_frame(loop_.now());
    fire(Event::first_frame_sent);
    if (!voicing_) return;
  }
  if (reply_) reply_->more_wanted();
  if (playout.all_sent()) {
    if (!failure_) end_response();
    const auto end = playout.end_of_playback();
    pump_timer_ = loop_.after(end ? *end - loop_.now() : Duration::zero(), [this] { playback_ended(); });
    return;
  }
  if (const auto due = playout.next_due(loop_.now())) pump_timer_ = loop_.after(std::max(*due - loop_.now(), Duration::zero()), [this] { pump(); });
}

void Session::playback_ended() {
  pump_timer_.reset();
  if (failure_) return conclude_failure();
  reply_played();
}

void Session::end_response() {
  const auto finish = reply_ ? reply_->usage().finish : pipeline::FinishReason::stop;
  const bool too_long = finish == pipeline::FinishReason::length, filtered = finish == pipeline::FinishReason::content_filter;
  voicing_->response().done(too_long || filtered ? ResponseStatus::incomplete : ResponseStatus::completed,
                            too_long ? "max_output_tokens" : filtered ? "content_filter" : "", usage());
}

// The reply has ended and was played; what was put off until then comes now.
void Session::reply_played() {
  fire(voicing_ && voicing_->response().calls_tools() ? Event::tools_called : Event::reply_finished);
  if (std::exchange(reply_after_current_, false) && machine_.state() == State::idle && (answer_ || next_request_ || !next_user_text_.empty())) {
    request_ = std::exchange(next_request_, std::nullopt);
    if (request_ && utterance_ && !utterance_->announced) fire(Event::speech_started);   // who speaks already is heard out first
    return fire(Event::reply_requested);
  }
  if (machine_.state() == State::idle) idle_since_ms_ = input_.received_ms();
  // The user began to speak over the last words, not yet long enough to interrupt: now it is simply their turn.
  if (utterance_ && !utterance_->announced && machine_.state() == State::idle) fire(Event::speech_started);
}

// ---- failure ----

void Session::fail_turn(const Error& error) {
  log::warn("session", "turn failed", {{"session", id()}, {"code", to_string(error.code)}, {"why", error.message}});
  failure_ = error;
  if (turn_) turn_->mark_answered();
  if (!voicing_) {   // recognition failed: the client still gets a response, which fails
    prepared_reply_.reset();
    fixed_text_ = "";
    begin_response();
  }
  const auto speaker = services_.tts.find(services_.apology_tts);
  if (!voicing_->response().audio_out() || speaker == services_.tts.end()) return conclude_failure();
  pipeline::ReplyOptions options;
  options.text = apology;
  options.tts = speaker->second;
  options.tts_timeout = options_.tts_timeout;
  voicing_->change_speech_rate(speaker->second->rate_hz());
  reply_ = std::make_unique<pipeline::Reply>(loop_, std::move(options), reply_callbacks());
}

void Session::conclude_failure() {
  voicing_->response().done(ResponseStatus::failed, "", usage(), "server_error", to_string(failure_->code));
  fire(Event::failed);
  fire(Event::recovered);
}

Usage Session::usage() const {
  Usage usage;
  if (reply_) {
    usage.input_text_tokens = reply_->usage().input_tokens;
    usage.output_text_tokens = reply_->usage().output_tokens;
  }
  if (voicing_) usage.output_audio_tokens = voicing_->playout().sent_ms() / 50;   // the protocol's audio tokens: 50 ms each
  return usage;
}

void Session::greet_if_due() {
  if (!greeting_due_ || machine_.state() != State::idle) return;
  greeting_due_ = false;
  fixed_text_ = start_.clone.greeting;
  fire(Event::reply_requested);
}

}  // namespace repartee::realtime
