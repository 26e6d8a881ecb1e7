#include "realtime/response.hpp"

#include "core/ids.hpp"

namespace repartee::realtime {
namespace ev = server_events;

Response::Response(ResponseView view, bool binary, Send send, SendBinary send_binary)
    : view_(std::move(view)), binary_(binary), send_(std::move(send)), send_binary_(std::move(send_binary)) {
  view_.id = new_id("resp");
  place_.response_id = view_.id;
  place_.item_id = new_id("item");
}

void Response::created() { send_(ev::response_created(view_)); }

Item Response::item(ItemStatus status) const {
  Item item;
  item.id = place_.item_id;
  item.role = ItemRole::assistant;
  item.status = status;
  if (status != ItemStatus::in_progress) item.content.push_back({view_.audio_out ? PartType::output_audio : PartType::output_text, text_, true});
  return item;
}

Item Response::begin_item(std::string_view previous_item_id) {
  item_open_ = true;
  previous_item_id_ = previous_item_id;
  Item added = item(ItemStatus::in_progress);
  send_(ev::output_item_added(place_, added));
  if (!out_of_band_) send_(ev::item_added(added, previous_item_id_));
  send_(ev::content_part_added(place_, view_.audio_out));
  return added;
}

void Response::text(std::string_view delta) {
  if (ended_) return;
  text_ += delta;
  send_(view_.audio_out ? ev::output_audio_transcript_delta(place_, delta) : ev::output_text_delta(place_, delta));
}

void Response::audio(std::span<const std::uint8_t> bytes) {
  if (ended_) return;
  audio_sent_ = true;
  if (binary_) send_binary_(bytes);
  else send_(ev::output_audio_delta(place_, bytes));
}

void Response::words(const std::vector<ev::AlignedWord>& words) {
  if (!ended_ && !words.empty()) send_(ev::repartee_alignment(place_.item_id, words));
}

void Response::done(ResponseStatus status, std::string_view reason, const Usage& usage, std::string_view error_type, std::string_view error_code) {
  if (ended_) return;
  ended_ = true;
  if (item_open_) {
    const Item finished = item(status == ResponseStatus::completed ? ItemStatus::completed : ItemStatus::incomplete);
    if (view_.audio_out) {
      send_(ev::output_audio_done(place_));
      send_(ev::output_audio_transcript_done(place_, text_));
    } else {
      send_(ev::output_text_done(place_, text_));
    }
    send_(ev::content_part_done(place_, view_.audio_out, text_));
    if (!out_of_band_) send_(ev::item_done(finished, previous_item_id_));
    send_(ev::output_item_done(place_, finished));
    view_.output.push_back(finished);
  }
  view_.status = status;
  view_.reason = reason;
  view_.error_type = error_type;
  view_.error_code = error_code;
  view_.usage = usage;
  send_(ev::response_done(view_));
}

}  // namespace repartee::realtime
