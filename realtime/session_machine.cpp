#include "realtime/session_machine.hpp"

namespace repartee::realtime {
namespace {

struct Cell {
  State to;
  std::array<Action, actions_per_step_max> actions{};   // padded with none
  std::size_t count() const {
    std::size_t n = 0;
    while (n < actions.size() && actions[n] != Action::none) ++n;
    return n;
  }
};

using enum Action;
constexpr State I = State::idle, L = State::listening, P = State::processing, S = State::speaking, X = State::interrupted, E = State::error;

// Rows in the order of Event, columns in the order of State.
constexpr std::array<std::array<Cell, states_count>, events_count> table{{
    // idle | listening | processing | speaking | interrupted | error
    /* speech_started */
    {{{L, {open_turn, begin_utterance}}, {L}, {L, {stop_reply, begin_utterance}}, {S}, {X, {begin_utterance}}, {L, {open_turn, begin_utterance}}}},
    /* speech_dropped */
    {{{I}, {I, {discard_utterance, discard_turn}}, {P}, {S, {discard_utterance}}, {X, {discard_utterance}}, {E}}},
    /* barge_in_confirmed */
    {{{I}, {L}, {L, {stop_reply, begin_utterance}}, {X, {begin_utterance, stop_reply, cut_playback}}, {X}, {E}}},
    /* endpoint */
    {{{I}, {P, {commit_utterance, start_reply}}, {P}, {S, {commit_utterance, defer_reply}}, {P, {settle_heard, record_turn, open_turn, commit_utterance, start_reply}}, {E}}},
    /* endpoint_no_reply */
    {{{I}, {I, {commit_utterance}}, {P}, {S, {commit_utterance}}, {I, {settle_heard, record_turn, open_turn, commit_utterance}}, {E}}},
    /* backchannel */
    {{{I}, {L}, {P}, {S, {discard_utterance}}, {X}, {E}}},
    /* transcript_empty */
    {{{I}, {L}, {I, {stop_reply, discard_turn}}, {S}, {X}, {E}}},
    /* reply_requested */
    {{{P, {open_turn, start_reply}}, {L, {defer_reply}}, {P, {refuse_reply}}, {S, {refuse_reply}}, {P, {settle_heard, record_turn, open_turn, start_reply}}, {P, {open_turn, start_reply}}}},
    /* first_frame_sent */
    {{{I}, {L}, {S}, {S}, {X}, {E}}},
    /* reply_finished */
    {{{I}, {L}, {I, {record_turn}}, {I, {record_turn}}, {X}, {E}}},
    /* tools_called */
    {{{I}, {L}, {I, {close_round}}, {I, {close_round}}, {X}, {E}}},
    /* cancel_requested */
    {{{I}, {L}, {I, {stop_reply, record_turn}}, {X, {stop_reply, cut_playback}}, {X}, {E}}},
    /* heard_settled */
    {{{I}, {L}, {P}, {S}, {L, {settle_heard, record_turn, open_turn}}, {E}}},
    /* heard_settled_quiet */
    {{{I}, {L}, {P}, {S}, {I, {settle_heard, record_turn}}, {E}}},
    /* failed */
    {{{I}, {E, {discard_utterance, report_failure, record_turn}}, {E, {report_failure, record_turn}}, {E, {report_failure, record_turn}}, {X}, {E}}},
    /* recovered */
    {{{I}, {L}, {P}, {S}, {X}, {I}}},
    /* closed */
    {{{I, {record_turn, end_session}}, {I, {discard_utterance, record_turn, end_session}}, {I, {stop_reply, record_turn, end_session}},
      {I, {stop_reply, settle_heard, record_turn, end_session}}, {I, {settle_heard, record_turn, end_session}}, {I, {end_session}}}},
}};

const Cell& cell(State state, Event event) { return table[static_cast<std::size_t>(event)][static_cast<std::size_t>(state)]; }

}  // namespace

Step SessionMachine::look_up(State state, Event event) {
  const Cell& c = cell(state, event);
  return {state, c.to, std::span(c.actions.data(), c.count())};
}

Step SessionMachine::on(Event event) {
  const Step step = look_up(state_, event);
  state_ = step.to;
  return step;
}

std::string SessionMachine::table_markdown() {
  std::string out = "| event |";
  for (std::size_t s = 0; s < states_count; ++s) out += " " + std::string(to_string(static_cast<State>(s))) + " |";
  out += "\n|---|";
  for (std::size_t s = 0; s < states_count; ++s) out += "---|";
  out += "\n";
  for (std::size_t e = 0; e < events_count; ++e) {
    out += "| " + std::string(to_string(static_cast<Event>(e))) + " |";
    for (std::size_t s = 0; s < states_count; ++s) {
      const Step step = look_up(static_cast<State>(s), static_cast<Event>(e));
      if (!step.moved() && step.actions.empty()) { out += " - |"; continue; }
      out += step.moved() ? " -> **" + std::string(to_string(step.to)) + "**" : " stays";
      for (std::size_t a = 0; a < step.actions.size(); ++a) out += (a == 0 ? ": " : ", ") + std::string(to_string(step.actions[a]));
      out += " |";
    }
    out += "\n";
  }
  return out;
}

std::string_view to_string(State state) {
  constexpr std::array<std::string_view, states_count> names{"idle", "listening", "processing", "speaking", "interrupted", "error"};
  return names[static_cast<std::size_t>(state)];
}

std::string_view to_string(Event event) {
  constexpr std::array<std::string_view, events_count> names{
      "speech_started",   "speech_dropped", "barge_in_confirmed", "endpoint",      "endpoint_no_reply",   "backchannel", "transcript_empty", "reply_requested",
      "first_frame_sent", "reply_finished", "tools_called",      "cancel_requested",   "heard_settled", "heard_settled_quiet", "failed",      "recovered",        "closed"};
  return names[static_cast<std::size_t>(event)];
}

std::string_view to_string(Action action) {
  constexpr std::array<std::string_view, 16> names{"none",         "open_turn",    "begin_utterance", "discard_utterance", "commit_utterance",
                                                   "start_reply",  "stop_reply",   "cut_playback",    "settle_heard",      "record_turn",       "close_round",
                                                   "discard_turn", "defer_reply",  "refuse_reply",    "report_failure",    "end_session"};
  return names[static_cast<std::size_t>(action)];
}

}  // namespace repartee::realtime
