// The conversation's items as the client sees them: made, read, deleted, truncated to what was heard; spoken ones are recognised.
#include <algorithm>
#include <utility>

#include "core/ids.hpp"
#include "realtime/session.hpp"

namespace repartee::realtime {
namespace ev = server_events;
namespace {
constexpr std::size_t trailing_samples = 300 * asr_rate_hz / 1000;  // what the recogniser wants to hear after the last word
}

void Session::handle(ItemCreate& event) {
  Item& item = event.item;
  if (item.id.empty()) item.id = new_id("item");
  if (item.kind == ItemKind::function_call && item.call_id.empty()) item.call_id = new_id("call");
  if (conversation_.find(item.id)) return refuse("item_id_taken", "an item with this id exists already", "item.id");
  if (item.kind == ItemKind::function_call && conversation_.find_call(item.call_id, ItemKind::function_call))
    return refuse("tool_call_id_taken", "a function call with this call_id exists already", "item.call_id");
  if (item.kind == ItemKind::function_call_output && !accept_tool_output(item)) return;
  const bool spoken = std::ranges::any_of(item.content, [](const ContentPart& part) { return part.type == PartType::input_audio; });
  std::string audio;
  for (ContentPart& part : item.content) audio += std::exchange(part.audio, {});
  auto samples = spoken ? decode_item_audio(audio) : Result<SharedSamples>(SharedSamples{});
  if (!samples) return refuse("invalid_audio", samples.error().message, "item.content");
  const auto previous = conversation_.add(item, event.previous_item_id);
  if (!previous) return refuse("item_not_found", "no item with this id", "previous_item_id");
  send(ev::item_added(item, *previous));
  send(ev::item_done(item, *previous));
  if (item.kind == ItemKind::function_call_output) note_tool_output(item);
  forget_prepared_replies();
  if (spoken) recognise_item(item.id, std::move(*samples));
  if (item.role == ItemRole::user && item.kind == ItemKind::message && !text_of(item).empty())
    next_user_text_ += (next_user_text_.empty() ? "" : " ") + text_of(item);
}

void Session::handle(const ItemRetrieve& event) {
  const Item* item = conversation_.find(event.item_id);
  if (!item) return refuse("item_not_found", "no item with this id", "item_id");
  send(ev::item_retrieved(*item));
}

void Session::handle(const ItemDelete& event) {
  if (!conversation_.remove(event.item_id)) return refuse("item_not_found", "no item with this id", "item_id");
  forget_prepared_replies();
  send(ev::item_deleted(event.item_id));
}

void Session::handle(const ItemTruncate& event) {
  const Item* item = conversation_.find(event.item_id);
  if (!item) return refuse("item_not_found", "no item with this id", "item_id");
  if (item->role != ItemRole::assistant) return refuse("invalid_value", "only an assistant's message can be truncated", "item_id");
  if (event.content_index != 0) return refuse("invalid_value", "there is only content 0", "content_index");
  note_heard(event.item_id, event.audio_end_ms, true);
}

// The whole utterance at once, in the session's input format.
Result<SharedSamples> Session::decode_item_audio(std::string_view bytes) const {
  if (config_.input_format.codec == Codec::opus)
    return Error{Errc::invalid_argument, "audio in an item is pcm, pcmu or pcma: Opus packets are streamed"};
  auto ingress = pipeline::Ingress::create(to_input_format(config_));
  if (!ingress) return ingress.error();
  auto decoded = ingress->push({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  if (!decoded) return decoded.error();
  const auto ms = static_cast<std::int64_t>(decoded->size()) * 1000 / asr_rate_hz;
  if (ms > options_.input.utterance_ms_max)
    return Error{Errc::invalid_argument, "audio in an item is at most " + std::to_string(options_.input.utterance_ms_max / 1000) + " s"};
  auto samples = std::make_shared<Samples>(decoded->begin(), decoded->end());
  samples->resize(samples->size() + trailing_samples, 0);
  return SharedSamples(std::move(samples));
}

// Like an utterance that was committed while another one is spoken: a reply waits for its words.
void Session::recognise_item(const std::string& item_id, SharedSamples samples) {
  auto answer = std::make_shared<Answer>();
  answer->item_id = item_id;
  late_answers_.push_back(answer);
  recognise(answer, std::move(samples), Priority::final_transcript);
}

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
  revise_heard(item_id, ms);  // an older item's word times are gone: its text stays as it is
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
