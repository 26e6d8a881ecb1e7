// The listening half of Session: audio in, turn signals, captions, recognition (speculative at a pause, adopted at the endpoint).
#include <utility>

#include "core/ids.hpp"
#include "realtime/session.hpp"

namespace repartee::realtime {
namespace ev = server_events;
namespace {
constexpr std::int64_t trailing_ms = 300;             // what the recogniser wants to hear after the last word
constexpr std::int64_t partial_audio_ms_min = 400;    // captions of less are guesses
constexpr std::int64_t caption_audio_ms_max = 20'000; // beyond, captions pause: each would cost the whole utterance again
}  // namespace

void Session::on_audio(std::string_view bytes) {
  if (bytes.empty() || !may_go_on(rates_.audio(loop_.now()), "audio")) return;
  const bool push_to_talk = config_.turn_detection.kind == TurnDetectionKind::none;
  const std::int64_t before_ms = input_.received_ms();
  if (auto status = input_.push(bytes); !status) return refuse("invalid_audio", status.error().message);
  rates_.audio_taken(input_.received_ms() - before_ms);
  if (push_to_talk && !utterance_) start_utterance(before_ms);
  if (utterance_ && input_.buffer().full()) end_utterance(config_.turn_detection.create_response && !push_to_talk);
  if (utterance_ && !silence_timer_ && !push_to_talk) watch_silence();
  if (idle_since_ms_) watch_idle();
}

// Nobody has spoken for idle_timeout_ms of received audio since the last reply was played: the clone speaks. The silence becomes an item.
void Session::watch_idle() {
  const TurnDetection& detection = config_.turn_detection;
  const std::int64_t now_ms = input_.received_ms();
  if (detection.kind != TurnDetectionKind::server_vad || !detection.idle_timeout_ms || machine_.state() != State::idle || turn_ || utterance_) return;
  if (now_ms - *idle_since_ms_ < *detection.idle_timeout_ms) return;
  Item item;
  item.id = new_id("item");
  item.content.push_back({PartType::input_audio, "", true});
  const std::string previous = conversation_.add(item).value_or("");
  send(ev::timeout_triggered(item.id, *idle_since_ms_, now_ms));
  send(ev::input_audio_committed(item.id, previous));
  send(ev::item_added(item, previous));
  send(ev::item_done(item, previous));
  silent_ms_ = now_ms - *idle_since_ms_;
  fire(Event::reply_requested);
}

// A phone that went into a tunnel sends nothing, not silence: after a while that ends the utterance too.
void Session::watch_silence() {
  silence_timer_ = loop_.after(options_.silence_timeout, [this] {
    silence_timer_.reset();
    if (!utterance_ || config_.turn_detection.kind == TurnDetectionKind::none) return;
    if (loop_.now() - input_.last_arrival() < options_.silence_timeout) return watch_silence();
    on_signal(pipeline::TurnSignal::endpoint);
  });
}

void Session::start_utterance(std::int64_t start_ms) {
  utterance_.emplace();
  utterance_->item_id = new_id("item");
  input_.buffer().begin(start_ms);
  utterance_->start_ms = input_.buffer().start_ms();
  utterance_->partial_at_ms = input_.received_ms();
  if (machine_.state() == State::speaking) return;    // withheld until the interruption is confirmed
  fire(Event::speech_started);
}

void Session::on_signal(pipeline::TurnSignal signal) {
  using pipeline::TurnSignal;
  switch (signal) {
    case TurnSignal::none: return;
    case TurnSignal::onset:
      if (!utterance_) start_utterance(input_.detector().speech_start_ms() - config_.turn_detection.prefix_padding_ms);
      return on_window();
    case TurnSignal::pause:
      if (machine_.state() == State::listening) begin_answer(true);
      return;
    case TurnSignal::resumed:
      input_.set_silence_needed_ms(silence_needed_ms(config_.turn_detection, ""));
      if (answer_ && !answer_->committed()) drop_answer();
      return on_window();
    case TurnSignal::endpoint:
      if (!utterance_) return;
      if (machine_.state() == State::speaking && config_.turn_detection.interrupt_response) {
        fire(Event::backchannel);
        return;
      }
      return end_utterance(config_.turn_detection.create_response);
  }
}

// After each window of speech: long enough over a reply to be meant? Time for the next caption?
void Session::on_window() {
  if (!utterance_ || !input_.detector().in_speech()) return;
  if (machine_.state() == State::speaking && config_.turn_detection.interrupt_response &&
      input_.detector().voiced_ms() >= options_.interruption_voiced_ms) {
    fire(Event::barge_in_confirmed);
  }
  if (utterance_ && utterance_->announced) ask_partial();
}

void Session::begin_utterance() {
  if (!utterance_ || utterance_->announced) return;
  utterance_->announced = true;
  if (config_.turn_detection.kind != TurnDetectionKind::none) send(ev::speech_started(utterance_->item_id, utterance_->start_ms));
}

void Session::discard_utterance() {
  drop_answer();
  utterance_.reset();
  input_.forget_speech();
}

void Session::end_utterance(bool reply_wanted) {
  const bool wanted = reply_wanted || reply_wanted_;
  fire(wanted ? Event::endpoint : Event::endpoint_no_reply);
}

// ---- captions ----

void Session::ask_partial() {
  const std::int64_t now_ms = input_.received_ms(), length_ms = input_.buffer().length_ms();
  if (options_.partial_interval <= Duration::zero() || (services_.asr.is_metered() && !options_.captions_when_metered)) return;
  if (services_.load && !services_.load->captions()) return;
  if (!config_.transcription || utterance_->partial_asr || now_ms - utterance_->partial_at_ms < to_ms(options_.partial_interval)) return;
  if (length_ms < partial_audio_ms_min || length_ms > caption_audio_ms_max) return;
  utterance_->partial_at_ms = now_ms;
  utterance_->partial_asr = services_.asr.transcribe(
      loop_, {.samples = input_.buffer().snapshot(now_ms), .priority = Priority::partial_transcript, .deadline = loop_.now() + 2 * options_.partial_interval, .job = {caller()}},
      [this](Result<pipeline::Transcript> partial) { on_partial(std::move(partial)); });
}

void Session::on_partial(Result<pipeline::Transcript> partial) {
  if (!utterance_) return;
  utterance_->partial_asr.reset();
  if (!partial) return;   // captions are the first thing to go under load
  lookup_.look_ahead(partial->text);
  const std::string delta = utterance_->caption.push(partial->text);
  if (!delta.empty()) send(ev::transcription_delta(utterance_->item_id, delta, config_.logprobs_wanted));
}

// ---- recognition ----

// Each attempt keeps its own life: a transcript that comes late still finds the utterance it belongs to.
void Session::begin_answer(bool speculative) {
  drop_answer();
  if (!utterance_) return;
  utterance_->partial_asr.reset();
  answer_ = std::make_shared<Answer>();
  const bool detected = config_.turn_detection.kind != TurnDetectionKind::none && input_.detector().speech_end_ms() > utterance_->start_ms;
  answer_->speech_end_ms = detected ? input_.detector().speech_end_ms() : input_.received_ms();
  recognise(answer_, input_.buffer().snapshot(answer_->speech_end_ms + trailing_ms), speculative ? Priority::speculation : Priority::final_transcript);
}

void Session::recognise(const std::shared_ptr<Answer>& answer, SharedSamples samples, Priority priority) {
  answer->audio_ms = static_cast<std::int64_t>(samples->size()) * 1000 / asr_rate_hz;
  answer->asr_start = loop_.now();
  pipeline::AsrRequest request{.samples = std::move(samples), .priority = priority, .deadline = loop_.now() + options_.asr_timeout, .job = {caller(), answer->urgency}};
  answer->asr = services_.asr.transcribe(loop_, std::move(request), [this, weak = std::weak_ptr(answer)](Result<pipeline::Transcript> transcript) {
    if (auto asked = weak.lock()) {
      asked->transcript.emplace(std::move(transcript));
      on_transcript(*asked);
    }
  });
  answer->asr_timer = loop_.after(options_.asr_timeout, [this, weak = std::weak_ptr(answer)] {
    if (auto asked = weak.lock()) {
      asked->transcript.emplace(Error{Errc::deadline_exceeded, "the recogniser did not answer in time"});
      on_transcript(*asked);
    }
  });
}

void Session::on_transcript(Answer& answer) {
  answer.asr.reset();
  answer.asr_timer.reset();
  answer.asr_end = loop_.now();
  if (answer.committed()) return &answer == answer_.get() ? deliver_transcript() : deliver_late(answer);
  const auto& transcript = *answer.transcript;
  if (transcript) input_.set_silence_needed_ms(silence_needed_ms(config_.turn_detection, transcript->text));
  if (!transcript || transcript->text.empty() || !config_.turn_detection.create_response) return;
  if (!options_.speculate_replies || choose_llm(nullptr)->is_metered()) return;
  if (auto options = reply_options(true)) answer.reply = std::make_unique<pipeline::Reply>(loop_, std::move(options).value(), reply_callbacks());
}

// What a reply was begun with is no longer what it answers to.
void Session::forget_prepared_replies() {
  if (answer_) answer_->reply.reset();
  prepared_reply_.reset();
}

// Speculation that came to nothing, counted as such.
void Session::drop_answer() {
  if (!answer_) return;
  if (turn_ && !answer_->committed()) {
    auto& waste = turn_->waste();
    ++waste.asr_runs;
    services_.metrics.speculations_wasted.add();
    if (answer_->reply) {
      ++waste.replies;
      waste.llm_output_tokens += answer_->reply->usage().output_tokens;
      waste.tts_characters += answer_->reply->tts_characters();
    }
  }
  answer_.reset();
}

// The reply is off, but what the user said in a committed utterance still counts.
void Session::set_answer_aside() {
  if (!answer_ || !answer_->committed()) return drop_answer();
  if (answer_->transcript) receive_transcript(*answer_);
  else late_answers_.push_back(answer_);
  answer_.reset();
}

void Session::deliver_late(Answer& answer) {
  receive_transcript(answer);
  std::erase_if(late_answers_, [&](const auto& late) { return late.get() == &answer; });
  if (reply_wanted_ && !answer_ && late_answers_.empty() && machine_.state() == State::processing) begin_response();
}

void Session::commit_utterance() {
  if (!utterance_) return;
  const bool detected = config_.turn_detection.kind != TurnDetectionKind::none;
  begin_utterance();   // an utterance over a reply that must not be interrupted was not announced yet
  if (answer_ && detected && answer_->speech_end_ms != input_.detector().speech_end_ms()) drop_answer();
  if (!answer_) begin_answer(false);
  answer_->urgency->raise(Priority::final_transcript);
  answer_->item_id = utterance_->item_id;
  if (machine_.state() == State::speaking && turn_) answer_->said_over_turn = turn_->index();
  if (turn_ && !answer_->said_over_turn) {
    turn_->speech_ended(input_.arrival_of(answer_->speech_end_ms));
    turn_->endpoint_decided(loop_.now());
    turn_->vad_evidence(static_cast<double>(input_.detector().voiced_ms()), input_.silence_needed_ms());
  }
  Item item;
  item.id = utterance_->item_id;
  item.content.push_back({PartType::input_audio, "", false});
  const std::string previous = conversation_.add(item).value_or("");
  if (detected) send(ev::speech_stopped(item.id, answer_->speech_end_ms));
  send(ev::input_audio_committed(item.id, previous));
  send(ev::item_added(item, previous));
  send(ev::item_done(item, previous));
  utterance_.reset();
  silence_timer_.reset();
  input_.forget_speech();
  if (!answer_->transcript) return;
  // Posted: the machine is in the middle of a step, and what follows moves it.
  loop_.post([self = weak_from_this(), weak = std::weak_ptr(answer_)] {
    const auto session = self.lock();
    const auto answer = weak.lock();
    if (session && answer && session->answer_ == answer) session->deliver_transcript();
  });
}

// A committed utterance's transcript joins the conversation and the turn. False: recognition failed.
bool Session::receive_transcript(Answer& answer) {
  const auto& transcript = *answer.transcript;
  if (!transcript) {
    if (config_.transcription)
      send(ev::transcription_failed(*answer.item_id, {"server_error", to_string(transcript.error().code), transcript.error().message, "", ""}));
    return false;
  }
  if (Item* item = conversation_.find(*answer.item_id)) {
    for (ContentPart& part : item->content)
      if (part.type == PartType::input_audio) part = {PartType::input_audio, transcript->text, true};
  }
  if (config_.transcription) send(ev::transcription_completed(*answer.item_id, transcript->text, answer.audio_ms, config_.logprobs_wanted));
  if (!turn_ || answer.said_over_turn == turn_->index()) {
    next_user_text_ += (next_user_text_.empty() ? "" : " ") + transcript->text;
  } else {
    turn_->asr_ran(answer.asr_start, answer.asr_end, answer.audio_ms);
    turn_->add_user_text(transcript->text);
  }
  return true;
}

void Session::deliver_transcript() {
  const auto answer = std::exchange(answer_, nullptr);
  const bool received = receive_transcript(*answer);
  if (machine_.state() != State::processing) {
    // Committed without a reply: the turn waits for the client's response.create, unless nothing was said.
    if (machine_.state() == State::idle && turn_ && !turn_->has_content()) record_turn();
    return;
  }
  if (!received) return fail_turn(answer->transcript->error());
  if (turn_->user_text().empty() && !request_ && late_answers_.empty()) return fire(Event::transcript_empty);
  if (!(*answer->transcript)->text.empty() && late_answers_.empty()) prepared_reply_ = std::move(answer->reply);
  if (reply_wanted_ && late_answers_.empty()) begin_response();
}

}  // namespace repartee::realtime
