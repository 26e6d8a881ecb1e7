// Session while its connection is away and when it is back, and a conversation that is taken up again from the store.
#include "core/ids.hpp"
#include "realtime/resumable_peer.hpp"
#include "realtime/session.hpp"

namespace repartee::realtime {
namespace ev = server_events;
namespace {

constexpr std::size_t restored_turns_max = 400;   // of the newest; two items each

Item message(ItemRole role, PartType type, const std::string& text) {
  Item item;
  item.id = new_id("item");
  item.role = role;
  item.content.push_back({type, text, true});
  return item;
}

}  // namespace

// Recognition and the reply under way go on; nothing is played to nobody.
void Session::connection_lost() {
  away_ = true;
  pump_timer_.reset();
  if (voicing_) voicing_->playout().pause(loop_.now());
}

void Session::connection_resumed(const Resumption& resumption) {
  if (ended_) return;
  away_ = false;
  if (voicing_) voicing_->playout().resume(loop_.now(), resumption.missed_since);
  send(ev::repartee_session(id(), start_.resume, ev::ResumeResult{resumption.replayed, resumption.lost, false}));
  if (machine_.state() != State::interrupted) pump();
}

void Session::say_last(const std::string& code, const std::string& message) { send(ev::error({"server_error", code, message, "", ""})); }

// The history holds what was heard; turns are counted on.
void Session::take_up(const ConversationRecord& before) {
  const auto& turns = before.turns;
  for (std::size_t i = turns.size() - std::min(turns.size(), restored_turns_max); i < turns.size(); ++i) {
    if (!turns[i].user_transcript.empty()) conversation_.add(message(ItemRole::user, PartType::input_text, turns[i].user_transcript));
    if (!turns[i].heard_response.empty()) conversation_.add(message(ItemRole::assistant, PartType::output_text, turns[i].heard_response));
  }
  for (const auto& turn : turns) turns_started_ = std::max(turns_started_, turn.turn_index + 1);
  const SessionRecord& row = before.session;
  row_.started_at = row.started_at;
  row_.total_turns = row.total_turns;
  row_.interrupted_turns = row.interrupted_turns;
  row_.total_cost = row.total_cost;
  row_.average_latency_ms = row.average_latency_ms;
  if (row.average_latency_ms) {
    latency_count_ = row.total_turns;
    latency_sum_ms_ = *row.average_latency_ms * latency_count_;
  }
}

}  // namespace repartee::realtime
