// What a Session does about each client event.
#include "realtime/session.hpp"

namespace repartee::realtime {
namespace ev = server_events;

void Session::handle(const SessionUpdate& event) {
  SessionConfigLimits limits;
  limits.turn_detection_defaults = options_.config.turn_detection;
  auto updated = apply_session_update(config_, event.session_json, limits);
  if (!updated) {
    ProtocolError error = updated.error();
    error.event_id = event_id_;
    return refuse(std::move(error));
  }
  if (updated->voice != config_.voice && voice_locked(updated->voice))
    return refuse("cannot_update_voice", "the voice cannot change once the conversation has assistant audio", "session.audio.output.voice");
  const bool detection_changed = updated->turn_detection.kind != config_.turn_detection.kind;
  config_ = std::move(*updated);
  if (detection_changed && utterance_) fire(Event::speech_dropped);
  input_.configure(config_);
  forget_prepared_replies();
  send(ev::session_updated(identity(), config_));
}

void Session::handle(const InputAudioAppend& event) { on_audio(event.bytes); }

void Session::handle(const InputAudioCommit&) {
  if (!utterance_ || input_.buffer().length_ms() < 100) {
    return refuse("input_audio_buffer_commit_empty", "the input audio buffer holds less than 100 ms of audio; send more before committing");
  }
  const bool push_to_talk = config_.turn_detection.kind == TurnDetectionKind::none;
  end_utterance(!push_to_talk && config_.turn_detection.create_response);
}

void Session::handle(const InputAudioClear&) {
  if (utterance_) fire(Event::speech_dropped);
  input_.forget_speech();
  send(ev::input_audio_cleared());
}

void Session::handle(const OutputAudioClear&) {
  if (machine_.state() != State::processing && machine_.state() != State::speaking) return;   // nothing plays
  cancel_reason_ = "client_cancelled";
  fire(Event::cancel_requested);
}

void Session::handle(ResponseCreate& event) {
  if (event.voice && voice_locked(*event.voice))
    return refuse("cannot_update_voice", "the voice cannot change once the conversation has assistant audio", "response.audio.output.voice");
  for (std::size_t i = 0; event.input && i < event.input->size(); ++i) {
    Item& item = (*event.input)[i];
    if (item.kind != ItemKind::reference) continue;
    const Item* meant = conversation_.find(item.id);
    if (!meant) return refuse("item_not_found", "no item with this id", "response.input[" + std::to_string(i) + "].id");
    item = *meant;
  }
  const State state = machine_.state();
  if (may_follow_response()) {
    next_request_ = event;
    reply_after_current_ = true;
    return;
  }
  if (state == State::processing || state == State::speaking) return perform(Action::refuse_reply);
  if (state == State::listening && utterance_) {
    request_ = event;
    return fire(Event::reply_requested);   // deferred: it follows the utterance
  }
  // The part heard of a reply that is being cut is settled with its own turn, before this one begins.
  if (state == State::interrupted) heard_timer_.reset();
  request_ = event;
  fire(Event::reply_requested);
}

void Session::handle(const ResponseCancel& event) {
  const bool active = voicing_ && (!voicing_->response().ended() || machine_.state() == State::speaking);
  const bool waiting = machine_.state() == State::processing;
  if ((!active && !waiting) || (active && !event.response_id.empty() && event.response_id != voicing_->response().id()))
    return refuse("response_cancel_not_active", "no active response to cancel");
  cancel_reason_ = "client_cancelled";
  fire(Event::cancel_requested);
}

void Session::handle(const Playback& event) { note_heard(event.item_id, event.played_ms, false); }

}  // namespace repartee::realtime
