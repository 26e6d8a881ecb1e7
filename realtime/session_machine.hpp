// The rules of a conversation: six states, the events that move them and what is to be done at each move. Pure: events in, actions out;
// no clock, no socket. One table (session_machine.cpp) defines every (state, event) pair; docs/session-machine.md is printed from it.
// Thread contract: none; used on the session's loop.
#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace repartee::realtime {

enum class State { idle, listening, processing, speaking, interrupted, error };
inline constexpr std::size_t states_count = 6;

enum class Event {
  speech_started,        // the user began to speak (push to talk: the first audio of an empty buffer)
  speech_dropped,        // what began came to nothing: the buffer was cleared
  barge_in_confirmed,    // the user has spoken over the reply long enough to mean it
  endpoint,              // the user is done, and a reply is wanted
  endpoint_no_reply,     // the user is done; the client will ask for the reply (create_response false, push to talk)
  backchannel,           // speech over the reply ended before it was confirmed: "uh-huh", a cough
  transcript_empty,      // nothing was said after all
  reply_requested,       // a typed item's response.create, or a greeting
  first_frame_sent,      // the reply became audible
  reply_finished,        // the last audio was played (a text reply: the last text was sent)
  tools_called,          // the same, of a reply that called tools: the turn goes on with what the client makes of their results
  cancel_requested,      // response.cancel, output_audio_buffer.clear
  heard_settled,         // after a cut: the heard part is known, and the user is speaking
  heard_settled_quiet,   // the same, and nobody is speaking
  failed,                // the turn failed; its apology, if any, has been played
  recovered,             // the client was told of the failure
  closed,                // the connection is gone
};
inline constexpr std::size_t events_count = 17;

enum class Action {
  none,
  open_turn,             // a new turn index (none if a turn without an answer is open: the speech joins it)
  begin_utterance,       // tell the client: speech_started; captions begin
  discard_utterance,     // forget what was said so far
  commit_utterance,      // tell the client: speech_stopped, committed, item added
  start_reply,           // recognise, retrieve, generate, speak (adopting what was speculated)
  stop_reply,            // cancel the reply under way; response.done cancelled
  cut_playback,          // drop what is not yet sent, wait shortly for the client's account of what was heard
  settle_heard,          // now: the history keeps what was heard
  record_turn,           // hand the turn to the recorder and close it
  close_round,           // the history keeps what was heard of this reply; the turn stays open
  discard_turn,          // no turn after all
  defer_reply,           // a reply follows the utterance under way, or the reply that is playing and may not be interrupted
  refuse_reply,          // error event: a response is active
  report_failure,        // error event
  end_session,           // release everything, close the session's row
};

inline constexpr std::size_t actions_per_step_max = 5;

struct Step {
  State from, to;
  std::span<const Action> actions;   // in order; empty: the event means nothing here
  bool moved() const { return from != to; }
};

class SessionMachine {
 public:
  State state() const { return state_; }
  Step on(Event event);              // moves, and says what to do

  static Step look_up(State state, Event event);   // the table's cell, without moving
  static std::string table_markdown();             // for the docs

 private:
  State state_ = State::idle;
};

std::string_view to_string(State state);
std::string_view to_string(Event event);
std::string_view to_string(Action action);

}  // namespace repartee::realtime
