#include "realtime/session.hpp"

#include <array>
#include <utility>

#include "core/log.hpp"
#include "pipeline/knowledge_scope.hpp"
#include "realtime/client_description.hpp"
#include "realtime/protocol/append_fast_path.hpp"

namespace repartee::realtime {
namespace ev = server_events;

namespace {

pipeline::RetrievalRequest whose_knowledge(const SessionStart& start, const std::string& house_user_id, std::size_t passages_max) {
  return {.question = {}, .user_id = pipeline::knowledge_owner(start.clone.user_id, start.user_id, house_user_id), .echo_id = start.clone.id,
          .scope = start.clone.knowledge_scope, .passages_max = passages_max};
}

}  // namespace

Session::Session(SessionServices services, const SessionOptions& options, SessionStart start, std::shared_ptr<transport::Peer> peer)
    : services_(std::move(services)),
      loop_(services_.loop),
      options_(options),
      start_(std::move(start)),
      peer_(std::move(peer)),
      config_(options.config),
      input_(loop_, options.input, services_.vad, config_,
             {.on_signal = [this](pipeline::TurnSignal signal) { on_signal(signal); }, .on_window = [this] { on_window(); }}),
      rates_(options.rates),
      lookup_(loop_, services_.retriever, options.lookup, whose_knowledge(start_, services_.house_user_id, options.passages_max)) {
  config_.model = start_.model_asked;
  turn_providers_.asr = services_.asr.name();
}

Session::~Session() = default;

void Session::open() {
  opened_at_ = loop_.now();
  services_.metrics.active.add(1);
  if (!start_.wishes_json.empty()) {   // checked when the key was made; an older server may have known other fields
    if (auto wished = apply_session_update(config_, start_.wishes_json)) config_ = std::move(*wished);
    input_.configure(config_);
  }
  greeting_due_ = start_.greet && !start_.clone.greeting.empty();
  row_ = session_record();
  if (start_.restored) take_up(*start_.restored);
  services_.sink.record_session(row_);
  services_.sink.record_audit({.user_id = start_.user_id, .action = "session.open", .resource = "session/" + id(), .ip_address = start_.remote_address,
                               .user_agent = start_.user_agent, .timestamp = std::chrono::system_clock::now()});
  log::info("session", "opened", {{"session", id()}, {"clone", start_.clone.name}, {"address", start_.remote_address}});
  send(ev::session_created(identity(), config_));
  send(ev::repartee_session(id(), start_.resume, start_.restored ? std::optional(ev::ResumeResult{.restored = true}) : std::nullopt));
  start_.restored.reset();
  follow_clone();
  warning_timer_ = loop_.after(std::max(session_max() - options_.session_end_warning, Duration::zero()), [this] {
    send(ev::error({"server_error", "session_expires_soon", "this session ends in " + std::to_string(to_ms(options_.session_end_warning) / 1000) + " s; open a new one to go on", "", ""}));
  });
  end_timer_ = loop_.after(session_max(), [this] { peer_->close(1000, "the session reached its longest time"); });
}

void Session::on_text(std::string_view text) {
  std::array<char, append_room_bytes> room;   // nearly all that comes is a frame of audio: decoded here, and looked at at once
  if (const auto append = read_plain_append(text, room)) {
    event_id_ = append->event_id;
    on_audio(append->bytes);
    event_id_.clear();
    return greet_if_due();
  }
  auto event = parse_client_event(text);
  const bool is_audio = event && std::holds_alternative<InputAudioAppend>(event->body);
  if (!is_audio && !may_go_on(rates_.control_event(loop_.now()), "events")) return;
  if (!event) return refuse(event.error());
  event_id_ = event->event_id;
  std::visit([this](auto& body) { handle(body); }, event->body);
  event_id_.clear();
  greet_if_due();
}

void Session::on_binary(std::string_view bytes) {
  on_audio(bytes);
  greet_if_due();
}

void Session::on_close(std::string_view reason) {
  if (ended_) return;
  row_.end_reason = reason.empty() ? "client_closed" : std::string(reason);
  if (end_status_.empty()) end_status_ = "cancelled";
  cancel_reason_ = "disconnected";
  fire(Event::closed);
}

// ---- the machine ----

void Session::fire(Event event) {
  const Step step = machine_.on(event);
  if (step.moved()) {
    const int turn_index = turn_ ? turn_->index() : turns_started_;
    log::debug("session", "state", {{"session", id()}, {"from", to_string(step.from)}, {"to", to_string(step.to)}, {"event", to_string(event)}});
    if (event != Event::closed) send(ev::repartee_state(to_string(step.from), to_string(step.to), turn_index, at_ms()));
  }
  for (const Action action : step.actions) perform(action);
}

void Session::perform(Action action) {
  switch (action) {
    case Action::none: return;
    case Action::open_turn: return open_turn();
    case Action::begin_utterance: return begin_utterance();
    case Action::discard_utterance: return discard_utterance();
    case Action::commit_utterance: return commit_utterance();
    case Action::start_reply: return start_reply();
    case Action::stop_reply: return stop_reply();
    case Action::cut_playback: return cut_playback();
    case Action::settle_heard: return settle_heard();
    case Action::record_turn: return record_turn();
    case Action::close_round: return close_round();
    case Action::discard_turn:
      if (turn_ && turn_->awaits_tools()) return;   // it was open before this, and still is
      if (cancel_reason_.empty()) cancel_reason_ = "nothing_said";
      return record_turn();   // which leaves no row where there is nothing to tell
    case Action::defer_reply:
      (machine_.state() == State::speaking ? reply_after_current_ : reply_wanted_) = true;
      return;
    case Action::refuse_reply: return refuse("conversation_already_has_active_response", "a response is being made; cancel it or wait for response.done");
    case Action::report_failure: return report_failure();
    case Action::end_session: return end_session();
  }
}

void Session::open_turn() {
  idle_since_ms_.reset();
  // While tools run, what the user adds belongs to their turn, unless something of it was heard: then it is an answer to that.
  if (turn_ && turn_->awaits_tools() && turn_->was_heard() && (utterance_ || !next_user_text_.empty())) record_turn();
  if (turn_) return turn_->add_user_text(std::exchange(next_user_text_, {}));
  adopt_clone();
  turn_.emplace(turns_started_++, loop_.now(), std::chrono::system_clock::now());
  turn_->add_user_text(std::exchange(next_user_text_, {}));
  end_status_.clear();
  cancel_reason_.clear();
}

// The reply under way ends here: what was speculated is thrown away, what was shown is closed as cancelled.
void Session::stop_reply() {
  set_answer_aside();
  prepared_reply_.reset();
  reply_wanted_ = false;
  next_request_.reset();
  if (turn_ && reply_) turn_->reply_times(*reply_);
  reply_.reset();
  const std::string reason = cancel_reason_.empty() ? "turn_detected" : cancel_reason_;
  const bool turn_goes_on = machine_.state() == State::listening;   // with what the user adds
  cancel_reason_ = turn_goes_on ? "" : reason;
  if (!voicing_) return;
  voicing_->response().done(ResponseStatus::cancelled, reason == "disconnected" ? "" : reason, usage());   // nobody is there to be told why
  // Nothing of it was heard: it leaves no trace in the conversation.
  if (voicing_->playout().sent_ms() == 0 && machine_.state() != State::interrupted) {
    conversation_.remove(voicing_->response().item_id());
    voicing_.reset();
    pump_timer_.reset();
  }
}

void Session::cut_playback() {
  pump_timer_.reset();
  if (voicing_) {
    cut_heard_ms_ = voicing_->playout().heard_ms(loop_.now());
    voicing_->playout().cut();
  }
  end_status_ = "interrupted";
  // Posted even when the client's account is there already: the machine is in the middle of a step.
  const Duration wait = client_heard_ms_ ? Duration::zero() : options_.heard_wait;
  heard_timer_ = loop_.after(wait, [this] { fire(utterance_ ? Event::heard_settled : Event::heard_settled_quiet); });
}

void Session::settle_heard() {
  heard_timer_.reset();
  if (!voicing_ || !turn_) return;
  Playout& playout = voicing_->playout();
  Response& response = voicing_->response();
  const bool audible = response.audio_out();
  std::int64_t heard = audible ? playout.heard_ms(loop_.now()) : 0;
  if (end_status_ == "interrupted" && audible) {
    if (cut_heard_ms_) heard = *cut_heard_ms_;
    if (client_heard_ms_) heard = std::min(*client_heard_ms_, playout.sent_ms());
  }
  const std::string text = audible ? playout.heard_text(heard) : response.text();
  turn_->heard(text, heard);
  if (Item* item = conversation_.find(response.item_id()); item && audible) {
    item->content = {{PartType::output_audio, text, true}};
    if (end_status_ == "interrupted") item->status = ItemStatus::incomplete;
  }
  if (end_status_ == "interrupted" && audible && !client_truncated_) send(ev::item_truncated(response.item_id(), 0, heard));
}

void Session::record_turn() {
  reply_wanted_ = false;
  if (!turn_) return;
  if (end_status_.empty()) end_status_ = failure_ ? "failed" : cancel_reason_.empty() ? "completed" : "cancelled";
  if (voicing_ && end_status_ != "interrupted") settle_heard();
  if (reply_) turn_->reply_times(*reply_);
  reply_.reset();
  pump_timer_.reset();
  turn_->looked_up(lookup_.take_costs());
  if (turn_->has_content()) {
    TurnRecord row = turn_->finish(end_status_, cancel_reason_, turn_providers_, services_.prices, std::chrono::system_clock::now());
    row.session_id = id();
    row.user_id = start_.user_id;
    row.echo_id = start_.clone.id;
    services_.metrics.turn_ended(row, turn_->delays(), turn_providers_.llm);
    keep_revisable(row);
    submit_turn(std::move(row));
  } else {
    --turns_started_;
  }
  voicing_.reset();
  turn_.reset();
  client_heard_ms_.reset();
  cut_heard_ms_.reset();
  client_truncated_ = false;
  failure_.reset();
  end_status_.clear();
  cancel_reason_.clear();
}

// Late news of the turn may still come: how much of its last reply was heard, what its tools gave back.
void Session::keep_revisable(const TurnRecord& row) {
  const bool audible = voicing_ && voicing_->response().audio_out();
  if (!audible && turn_->tool_calls().empty()) return;
  Revisable kept;
  kept.row = row;
  kept.heard_before = turn_->heard_before();
  kept.heard_before_ms = turn_->heard_before_ms();
  kept.calls = turn_->tool_calls();
  kept.zero = turn_->zero();
  if (audible) {
    kept.item_id = voicing_->response().item_id();
    kept.words = voicing_->playout().words();
    kept.sent_ms = voicing_->playout().sent_ms();
  }
  revisable_.push_back(std::move(kept));
  if (revisable_.size() > options_.revisable_turns_max) revisable_.pop_front();
}

void Session::submit_turn(TurnRecord row) {
  if (row.revision == 1) {
    ++row_.total_turns;
    if (row.status == "interrupted") ++row_.interrupted_turns;
    row_.total_cost = row_.total_cost + row.total_cost();
    if (row.total_latency_ms) {
      latency_sum_ms_ += static_cast<double>(*row.total_latency_ms);
      row_.average_latency_ms = latency_sum_ms_ / ++latency_count_;
    }
  }
  row_.state = to_string(machine_.state());
  row_.last_active_at = std::chrono::system_clock::now();
  services_.sink.record_session(row_);
  log::info("session", "turn", {{"session", id()}, {"turn", row.turn_index}, {"status", row.status}, {"voice_to_voice_ms", row.total_latency_ms},
                                {"endpointing_ms", row.endpointing_ms}, {"asr_ms", row.asr_latency_ms}, {"rag_ms", row.rag_latency_ms},
                                {"llm_ms", row.llm_latency_ms}, {"tts_ms", row.tts_latency_ms}});
  auto shown = std::make_shared<TurnRecord>(row);
  // The client hears of the turn once it cannot be lost any more; the loop outlives the sink.
  const bool taken = services_.sink.record_turn(std::move(row), [weak = weak_from_this(), shown, &loop = loop_] {
    loop.post([weak, shown] {
      if (auto self = weak.lock(); self && !self->ended_) self->send(ev::repartee_turn(*shown));
    });
  });
  if (!taken) log::error("session", "the recorder's queue is full: a turn is lost", {{"session", id()}});
}

void Session::report_failure() {
  if (failure_) send(ev::error({"server_error", to_string(failure_->code), failure_->message, "", ""}));
}

void Session::end_session() {
  if (ended_) return;
  ended_ = true;
  services_.metrics.active.add(-1);
  drop_answer();
  late_answers_.clear();
  prepared_reply_.reset();
  reply_.reset();
  voicing_.reset();
  utterance_.reset();
  for (auto* timer : {&pump_timer_, &heard_timer_, &silence_timer_, &warning_timer_, &end_timer_}) timer->reset();
  row_.state = "idle";
  row_.ended_at = row_.last_active_at = std::chrono::system_clock::now();
  services_.sink.record_session(row_);
  services_.sink.record_audit({.user_id = start_.user_id, .action = "session.close", .resource = "session/" + id(), .ip_address = start_.remote_address,
                               .user_agent = start_.user_agent, .timestamp = *row_.ended_at});
  log::info("session", "closed", {{"session", id()}, {"reason", row_.end_reason}, {"turns", row_.total_turns}});
}

// ---- small things ----

void Session::send(std::string_view json) {
  if (!ended_) peer_->send_text(json);
}

// False: too fast, which is told, or is the end.
bool Session::may_go_on(InputRates::Verdict verdict, const char* what) {
  if (verdict == InputRates::Verdict::fine) return true;
  if (verdict == InputRates::Verdict::refused) refuse("rate_limit_exceeded", std::string(what) + " come too fast; what came now was not taken");
  else peer_->close(1008, std::string(what) + " came too fast");
  return false;
}

void Session::refuse(ProtocolError error) {
  services_.metrics.protocol_errors.add();
  send(ev::error(error));
}

void Session::refuse(const char* code, std::string message, std::string param) {
  refuse({"invalid_request_error", code, std::move(message), std::move(param), event_id_});
}

SessionIdentity Session::identity() const {
  const auto expires = std::chrono::system_clock::to_time_t(start_.started_at + std::chrono::duration_cast<std::chrono::seconds>(session_max()));
  return {"sess_" + id(), expires, choose_voice(config_.voice).full_name()};
}

SessionRecord Session::session_record() const {
  SessionRecord row;
  row.id = id();
  row.user_id = start_.user_id;
  row.echo_id = start_.clone.id;
  row.asr_provider = turn_providers_.asr;
  choose_llm(&row.llm_provider);
  row.tts_provider = choose_voice(config_.voice).tts_name;
  row.started_at = row.last_active_at = start_.started_at;
  row.node = start_.node;
  row.client_json = client_description(start_.remote_address, start_.user_agent);
  return row;
}

std::int64_t Session::at_ms() const { return to_ms(loop_.now() - opened_at_); }

}  // namespace repartee::realtime
