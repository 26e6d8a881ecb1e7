// What a Session does about each client event.
#include <algorithm>

#include "core/ids.hpp"
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
  const bool detection_changed = updated->turn_detection.kind != config_.turn_detection.kind;
  config_ = std::move(*updated);
  if (detection_changed && utterance_) fire(Event::speech_dropped);
  input_.configure(config_);
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

void Session::handle(const ItemCreate& event) {
  Item item = event.item;
  if (item.id.empty()) item.id = new_id("item");
  if (item.kind == ItemKind::function_call && item.call_id.empty()) item.call_id = new_id("call");
  if (conversation_.find(item.id)) return refuse("item_id_taken", "an item with this id exists already", "item.id");
  if (item.kind == ItemKind::function_call_output && !accept_tool_output(item)) return;
  const auto previous = conversation_.add(item, event.previous_item_id);
  if (!previous) return refuse("item_not_found", "no item with this id", "previous_item_id");
  send(ev::item_added(item, *previous));
  send(ev::item_done(item, *previous));
  if (item.kind == ItemKind::function_call_output) note_tool_output(item);
  if (item.role == ItemRole::user && item.kind == ItemKind::message) next_user_text_ += (next_user_text_.empty() ? "" : " ") + text_of(item);
}

void Session::handle(const ItemRetrieve& event) {
  const Item* item = conversation_.find(event.item_id);
  if (!item) return refuse("item_not_found", "no item with this id", "item_id");
  send(ev::item_retrieved(*item));
}

void Session::handle(const ItemDelete& event) {
  if (!conversation_.remove(event.item_id)) return refuse("item_not_found", "no item with this id", "item_id");
  send(ev::item_deleted(event.item_id));
}

void Session::handle(const ItemTruncate& event) {
  const Item* item = conversation_.find(event.item_id);
  if (!item) return refuse("item_not_found", "no item with this id", "item_id");
  if (item->role != ItemRole::assistant) return refuse("invalid_value", "only an assistant's message can be truncated", "item_id");
  if (event.content_index != 0) return refuse("invalid_value", "there is only content 0", "content_index");
  note_heard(event.item_id, event.audio_end_ms, true);
}

void Session::handle(const ResponseCreate& event) {
  if (auto error = refuse_output_format(event, config_.output_format)) {
    error->event_id = event_id_;
    return refuse(std::move(*error));
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

// The client's account of what was heard: of the reply being cut, or of one just recorded.
void Session::note_heard(const std::string& item_id, std::int64_t ms, bool from_truncate) {
  if (voicing_ && voicing_->response().item_id() == item_id) {
    const std::int64_t heard = std::clamp<std::int64_t>(ms, 0, voicing_->playout().sent_ms());
    const State state = machine_.state();
    if (from_truncate) {
      client_truncated_ = true;
      send(ev::item_truncated(item_id, 0, heard));
    }
    if (state == State::interrupted || from_truncate) client_heard_ms_ = heard;
    if (state == State::interrupted) fire(utterance_ ? Event::heard_settled : Event::heard_settled_quiet);
    return;
  }
  revise_heard(item_id, ms);   // an older item's word times are gone: its text stays as it is
  if (from_truncate) send(ev::item_truncated(item_id, 0, ms));
}

void Session::revise_heard(const std::string& item_id, std::int64_t ms) {
  const auto at = std::find_if(revisable_.begin(), revisable_.end(), [&](const Revisable& r) { return r.item_id == item_id; });
  if (at == revisable_.end()) return;
  const std::int64_t heard = std::clamp<std::int64_t>(ms, 0, at->sent_ms);
  if (at->heard_before_ms + heard == at->row.heard_ms) return;
  ++at->row.revision;
  at->row.heard_ms = at->heard_before_ms + heard;
  const std::string words = Playout::heard_text(at->words, heard);
  at->row.heard_response = at->heard_before + (at->heard_before.empty() || words.empty() ? "" : " ") + words;
  if (Item* item = conversation_.find(item_id)) item->content = {{PartType::output_audio, words, true}};
  submit_turn(at->row);
}

}  // namespace repartee::realtime
