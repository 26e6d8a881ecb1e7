#include "realtime/response.hpp"

#include <algorithm>

#include "core/ids.hpp"

namespace repartee::realtime {
namespace ev = server_events;

Response::Response(ResponseView view, bool binary, ResponseOutlets outlets)
    : view_(std::move(view)), binary_(binary), outlets_(std::move(outlets)) {
  view_.id = new_id("resp");
  message_.place.item_id = new_id("item");
}

void Response::created() { outlets_.send(ev::response_created(view_)); }

bool Response::calls_tools() const {
  return !out_of_band() && std::ranges::any_of(calls_, [](const Call& call) { return call.item.status == ItemStatus::completed; });
}

// ---- any item ----

void Response::announce(Shown& shown, Item& item) {
  shown.begun = true;
  shown.place.response_id = view_.id;
  shown.place.item_id = item.id;
  shown.place.output_index = items_++;
  if (outlets_.add_item) shown.previous = outlets_.add_item(item);
  outlets_.send(ev::output_item_added(shown.place, item));
  if (outlets_.add_item) outlets_.send(ev::item_added(item, shown.previous));
}

void Response::conclude(Shown& shown, const Item& item) {
  shown.ended = true;
  if (outlets_.update_item) outlets_.update_item(item);
  if (outlets_.add_item) outlets_.send(ev::item_done(item, shown.previous));
  outlets_.send(ev::output_item_done(shown.place, item));
  const auto at = std::min(static_cast<std::size_t>(shown.place.output_index), view_.output.size());
  view_.output.insert(view_.output.begin() + static_cast<std::ptrdiff_t>(at), item);
}

// ---- the message ----

Item Response::message(ItemStatus status) const {
  Item item;
  item.id = message_.place.item_id;
  item.role = ItemRole::assistant;
  item.status = status;
  if (status != ItemStatus::in_progress)
    item.content.push_back({view_.audio_out ? PartType::output_audio : PartType::output_text, text_, true});
  return item;
}

void Response::begin_message() {
  Item added = message(ItemStatus::in_progress);
  announce(message_, added);
  outlets_.send(ev::content_part_added(message_.place, view_.audio_out));
}

void Response::text(std::string_view delta) {
  if (ended_ || delta.empty()) return;
  if (!message_.begun) begin_message();
  text_ += delta;
  outlets_.send(view_.audio_out ? ev::output_audio_transcript_delta(message_.place, delta) : ev::output_text_delta(message_.place, delta));
}

void Response::audio(std::span<const std::uint8_t> bytes) {
  if (ended_) return;
  if (binary_) return outlets_.send_binary(bytes);
  audio_json_ = ev::output_audio_delta(message_.place, bytes, std::move(audio_json_));
  outlets_.send(audio_json_);
}

void Response::words(const ev::Alignment& alignment) {
  if (!ended_ && !alignment.words.empty()) outlets_.send(ev::repartee_alignment(message_.place.item_id, alignment));
}

void Response::end_message(ResponseStatus status) {
  if (!message_.begun) return;
  if (view_.audio_out) {
    outlets_.send(ev::output_audio_done(message_.place));
    outlets_.send(ev::output_audio_transcript_done(message_.place, text_));
  } else {
    outlets_.send(ev::output_text_done(message_.place, text_));
  }
  outlets_.send(ev::content_part_done(message_.place, view_.audio_out, text_));
  conclude(message_, message(status == ResponseStatus::completed ? ItemStatus::completed : ItemStatus::incomplete));
}

// ---- function calls ----

void Response::tool_call(const pipeline::ReplyToolPiece& piece) {
  if (ended_) return;
  if (binary_ && message_.begun) waiting_.push_back(piece);
  else show_call(piece);
}

void Response::show_call(const pipeline::ReplyToolPiece& piece) {
  auto at = std::ranges::find_if(calls_, [&](const Call& call) { return call.reply_index == piece.index; });
  if (at == calls_.end()) {
    Call call;
    call.reply_index = piece.index;
    call.item.id = new_id("item");
    call.item.kind = ItemKind::function_call;
    call.item.status = ItemStatus::in_progress;
    call.item.name = piece.name;
    call.item.call_id = piece.call_id;
    announce(call, call.item);
    calls_.push_back(std::move(call));
    at = std::prev(calls_.end());
  }
  if (at->ended) return;
  if (!piece.arguments.empty()) {
    at->item.arguments += piece.arguments;
    outlets_.send(ev::function_call_arguments_delta(at->place, at->item.call_id, piece.arguments));
  }
  if (!piece.complete) return;
  if (at->item.arguments.empty()) at->item.arguments = "{}";  // a call without arguments: clients parse them all the same
  end_call(*at, ItemStatus::completed);
  if (outlets_.on_call) outlets_.on_call(at->item);
}

void Response::end_call(Call& call, ItemStatus status) {
  call.item.status = status;
  outlets_.send(ev::function_call_arguments_done(call.place, call.item.call_id, call.item.name, call.item.arguments));
  conclude(call, call.item);
}

// ---- the end ----

void Response::done(ResponseStatus status, std::string_view reason, const Usage& usage, std::string_view error_type,
                    std::string_view error_code) {
  if (ended_) return;
  end_message(status);
  if (status == ResponseStatus::completed || status == ResponseStatus::incomplete) {
    for (const auto& piece : waiting_) show_call(piece);
  }
  for (Call& call : calls_)
    if (!call.ended) end_call(call, ItemStatus::incomplete);
  ended_ = true;
  view_.status = status;
  view_.reason = reason;
  view_.error_type = error_type;
  view_.error_code = error_code;
  view_.usage = usage;
  outlets_.send(ev::response_done(view_));
}

}  // namespace repartee::realtime
