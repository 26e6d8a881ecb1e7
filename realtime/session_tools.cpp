// Function calling: what the model calls is shown to the client, whose results join the conversation and the turn's row. The calls and the
// reply to their results are rounds of one turn.
#include <algorithm>

#include "core/ids.hpp"
#include "realtime/session.hpp"

namespace repartee::realtime {

ResponseOutlets Session::response_outlets(bool out_of_band) {
  ResponseOutlets outlets;
  outlets.send = [this](std::string_view json) { send(json); };
  outlets.send_binary = [this](std::span<const std::uint8_t> bytes) {
    peer_->send_binary({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  if (out_of_band) return outlets;
  outlets.add_item = [this](Item& item) {
    // Some servers number their calls anew in every answer; here an id names one call.
    if (item.kind == ItemKind::function_call && conversation_.find_call(item.call_id, ItemKind::function_call))
      item.call_id = new_id("call");
    return conversation_.add(item).value_or("");
  };
  outlets.update_item = [this](const Item& item) {
    if (Item* kept = conversation_.find(item.id)) *kept = item;
  };
  outlets.on_call = [this](const Item& item) {
    if (turn_)
      turn_->tool_called(
          {.call_id = item.call_id, .name = item.name, .arguments = item.arguments, .called = loop_.now(), .returned = {}, .output = {}});
  };
  return outlets;
}

void Session::on_tool_call(const pipeline::ReplyToolPiece& piece) {
  if (voicing_ && !failure_) voicing_->response().tool_call(piece);
}

// Each call is answered once, and only what the client was told to execute.
bool Session::accept_tool_output(const Item& output) {
  const Item* call = conversation_.find_call(output.call_id, ItemKind::function_call);
  if (!call)
    return refuse("invalid_tool_call_id", "there is no function call with this call_id in the conversation", "item.call_id"), false;
  if (call->status != ItemStatus::completed)
    return refuse("tool_call_incomplete", "this function call was cut short and is not to be executed", "item.call_id"), false;
  if (conversation_.find_call(output.call_id, ItemKind::function_call_output))
    return refuse("tool_call_already_answered", "this function call has its output already", "item.call_id"), false;
  return true;
}

void Session::note_tool_output(const Item& output) {
  const TimePoint now = loop_.now();
  if (turn_ && turn_->tool_returned(output.call_id, output.output, now)) return;
  for (Revisable& past : revisable_) {
    if (!repartee::realtime::note_tool_output(past.calls, output.call_id, output.output, now)) continue;
    ++past.row.revision;
    past.row.tool_calls_json = tool_calls_json(past.calls, past.zero);
    return submit_turn(past.row);
  }
}

// May a response.create that comes now wait for the reply under way? Once that is over for the client, or its calls have their results.
bool Session::may_follow_response() const {
  const State state = machine_.state();
  if ((state != State::speaking && state != State::processing) || !voicing_ || failure_) return false;
  const Response& response = voicing_->response();
  if (response.ended()) return true;
  if (!response.calls_tools() || !reply_ || !reply_->text_ended() || !turn_) return false;
  return std::ranges::all_of(turn_->tool_calls(), [](const TurnToolCall& call) { return call.returned.has_value(); });
}

void Session::close_round() {
  if (!turn_) return;
  settle_heard();
  if (reply_) turn_->reply_times(*reply_);
  turn_->close_round();
  reply_.reset();
  voicing_.reset();
  pump_timer_.reset();
}

}  // namespace repartee::realtime
