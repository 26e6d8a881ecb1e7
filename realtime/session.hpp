// One live conversation: performs what the session machine decides, on one loop. What arrives (client events, audio, transcripts, tokens,
// speech, timers) becomes events of the machine; its actions become protocol events, provider calls and rows.
// Thread contract: every member on the session's loop.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/limits.hpp"
#include "persistence/stores.hpp"
#include "pipeline/partial_agreement.hpp"
#include "pipeline/passage_lookup.hpp"
#include "pipeline/providers.hpp"
#include "pipeline/reply.hpp"
#include "realtime/conversation.hpp"
#include "realtime/input_rates.hpp"
#include "realtime/load_state.hpp"
#include "realtime/protocol/client_events.hpp"
#include "realtime/protocol/server_events.hpp"
#include "realtime/session_machine.hpp"
#include "realtime/session_metrics.hpp"
#include "realtime/transport/server.hpp"
#include "realtime/turn.hpp"
#include "realtime/utterance_input.hpp"
#include "realtime/voicing.hpp"

namespace repartee::realtime {

struct Resumption;

struct SessionOptions {
  SessionConfig config;                        // what a session starts with
  UtteranceInput::Options input;
  int interruption_voiced_ms = 160;            // voiced sound over a reply that makes it an interruption
  Duration heard_wait = Millis(300);           // how long after a cut the client may say what was heard
  Duration silence_timeout = std::chrono::seconds(1);   // no audio at all for this long ends an open utterance
  Duration partial_interval = Millis(500);
  Duration asr_timeout = std::chrono::seconds(8), first_token_timeout = std::chrono::seconds(10), llm_timeout = std::chrono::seconds(60),
           tts_timeout = std::chrono::seconds(15);
  int context_tokens_max = 6000, output_tokens_max = 1024;
  bool captions_when_metered = false;          // each caption is another call of the recogniser
  pipeline::PassageLookup::Options lookup;     // of passages in documents, before a reply
  std::size_t passages_max = 5;
  bool speculate_replies = true;               // begin the reply while endpointing; costs what is thrown away when the user goes on
  Voicing::Options voicing;
  Duration session_max = std::chrono::hours(2), session_end_warning = std::chrono::seconds(60);
  InputRates::Options rates;
  std::size_t revisable_turns_max = 4;         // turns whose heard part a late truncate may still correct
};

struct SessionServices {
  Loop& loop;
  pipeline::Vad& vad;
  pipeline::AsrProvider& asr;
  const std::map<std::string, pipeline::LlmProvider*>& llms;
  const std::map<std::string, pipeline::TtsProvider*>& tts;
  std::string llm_default, tts_default, voice_default;
  std::string apology_tts;                     // a local voice that speaks when the chosen one cannot; empty: none
  const std::map<std::string, std::string>& voice_aliases;
  persistence::TurnSink& sink;
  const PriceTable& prices;
  SessionMetrics& metrics;
  pipeline::Retriever* retriever = nullptr;    // null: clones know what their persona says, and no documents
  std::string house_user_id = {};              // clones of this owner (the server's own) know what their caller's documents say
  // What is left of the user's limit, told with every response (rate_limits.updated). Must not block. Empty: not told.
  std::function<LimitDecision(const std::string& user_id, const std::string& remote_address)> limit_left = {};
  persistence::CloneDirectory* clones = nullptr;   // where a change of the clone is heard of; null: it stays as it was
  const LoadState* load = nullptr;             // what to leave out while the machine has too much to do; null: nothing
};

struct SessionStart {
  std::string session_id, user_id, model_asked, node;
  CloneRecord clone;
  bool greet = false;                          // the clone speaks first
  std::vector<pipeline::ChatMessage> history = {};   // what was said in earlier conversations: read by the model, no items of this one
  std::string remote_address, user_agent;
  WallTime started_at{};
  Duration session_max{};                      // of the user's tier; zero, or more than the options say: theirs
  std::string wishes_json;                     // bound to the key that it was opened with: a session object; empty: none
  server_events::ResumeOffer resume;           // how to come back after a lost connection; no token: not possible
  std::optional<ConversationRecord> restored;  // an earlier conversation that this one goes on with
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(SessionServices services, const SessionOptions& options, SessionStart start, std::shared_ptr<transport::Peer> peer);
  ~Session();

  void open();                                 // session.created
  void on_text(std::string_view text);
  void on_binary(std::string_view bytes);
  void on_close(std::string_view reason);      // the connection is gone; the row is closed

  // The connection was lost and may come back, or is back: session_resume.cpp.
  void connection_lost();
  void connection_resumed(const Resumption& resumption);
  void say_last(const std::string& code, const std::string& message);   // an error event before a close

  State state() const { return machine_.state(); }
  const std::string& id() const { return start_.session_id; }

 private:
  // What the user is saying now.
  struct Utterance {
    std::string item_id;
    std::int64_t start_ms = 0;                 // onset less the padding
    bool announced = false;                    // speech_started was sent
    pipeline::PartialAgreement caption;
    StreamPtr partial_asr;
    std::int64_t partial_at_ms = 0;            // input position of the last partial
  };
  // An attempt to answer an utterance: begun at a pause on speculation, adopted at the endpoint, or begun there.
  struct Answer {
    std::int64_t speech_end_ms = 0;
    TimePoint asr_start{}, asr_end{};
    std::int64_t audio_ms = 0;
    StreamPtr asr, asr_timer;
    std::shared_ptr<Urgency> urgency = std::make_shared<Urgency>();   // of its recognition
    std::optional<Result<pipeline::Transcript>> transcript;
    std::unique_ptr<pipeline::Reply> reply;    // held until the endpoint
    std::optional<std::string> item_id;        // set when committed: the user's item
    std::optional<int> said_over_turn;         // said over the reply of this turn, which may not be interrupted: belongs to the next one
    bool committed() const { return item_id.has_value(); }
  };
  struct VoiceChoice {
    pipeline::TtsProvider* tts = nullptr;
    std::string tts_name, voice;
    std::string full_name() const { return tts_name + "/" + voice; }
  };
  struct Revisable {                           // a recorded turn whose heard part may still be corrected
    std::string item_id;
    TurnRecord row;
    std::vector<Playout::Word> words;
    std::int64_t sent_ms = 0;
    std::string heard_before;                  // of the turn's earlier replies
    std::int64_t heard_before_ms = 0;
    std::vector<TurnToolCall> calls;           // their results may still come
    TimePoint zero{};
  };

  // session.cpp: the machine and its actions
  void fire(Event event);
  void perform(Action action);
  void open_turn();
  void begin_utterance();
  void discard_utterance();
  void commit_utterance();
  void stop_reply();
  void cut_playback();
  void settle_heard();
  void record_turn();
  void report_failure();
  void end_session();

  // session_clone.cpp
  void follow_clone();
  void adopt_clone();

  // session_listening.cpp: input, captions, recognition
  void on_audio(std::string_view bytes);
  void on_signal(pipeline::TurnSignal signal);
  void on_window();
  void start_utterance(std::int64_t start_ms);
  void end_utterance(bool reply_wanted);
  void watch_idle();
  void recognise(const std::shared_ptr<Answer>& answer, SharedSamples samples, Priority priority);
  Result<SharedSamples> decode_item_audio(std::string_view bytes) const;
  void recognise_item(const std::string& item_id, SharedSamples samples);
  void forget_prepared_replies();
  void ask_partial();
  void on_partial(Result<pipeline::Transcript> partial);
  void begin_answer(bool speculative);
  void on_transcript(Answer& answer);
  bool receive_transcript(Answer& answer);
  void deliver_transcript();
  void set_answer_aside();
  void deliver_late(Answer& answer);
  void drop_answer();
  void watch_silence();

  // session_replying.cpp: replies, playout, failure
  void start_reply();
  void begin_response();
  void tell_limits();
  Result<pipeline::ReplyOptions> reply_options(bool held);
  bool voice_locked(const std::string& asked) const;
  pipeline::ReplyCallbacks reply_callbacks();
  void prepare_lookup(pipeline::ReplyOptions& options);
  void show_sources(const std::vector<pipeline::Passage>& passages);
  std::string transcript_so_far() const;
  void on_reply_text(std::string_view text);
  void on_reply_speech(pipeline::ReplyPiece piece);
  void on_reply_end(Status status);
  void pump();
  void playback_ended();
  void fail_turn(const Error& error);
  void conclude_failure();
  Usage usage() const;
  VoiceChoice choose_voice(const std::string& asked) const;
  pipeline::LlmProvider* choose_llm(std::string* name) const;
  void greet_if_due();
  void end_response();
  void reply_played();

  // session_tools.cpp: function calls and their results
  void on_tool_call(const pipeline::ReplyToolPiece& piece);
  ResponseOutlets response_outlets(bool out_of_band);
  bool accept_tool_output(const Item& output);
  void note_tool_output(const Item& output);
  bool may_follow_response() const;
  void close_round();

  // session_client_events.cpp: one overload an event
  void handle(const SessionUpdate& event);
  void handle(const InputAudioAppend& event);
  void handle(const InputAudioCommit& event);
  void handle(const InputAudioClear& event);
  void handle(const OutputAudioClear& event);
  void handle(ItemCreate& event);
  void handle(const ItemRetrieve& event);
  void handle(const ItemDelete& event);
  void handle(const ItemTruncate& event);
  void handle(ResponseCreate& event);
  void handle(const ResponseCancel& event);
  void handle(const Playback& event);
  void note_heard(const std::string& item_id, std::int64_t ms, bool from_truncate);
  void revise_heard(const std::string& item_id, std::int64_t ms);

  void take_up(const ConversationRecord& before);
  void send(std::string_view json);
  bool may_go_on(InputRates::Verdict verdict, const char* what);
  void refuse(ProtocolError error);
  void refuse(const char* code, std::string message, std::string param = {});
  SessionIdentity identity() const;
  std::uint64_t caller() const { return std::hash<std::string>{}(start_.session_id) | 1; }   // of its jobs in the pool
  void keep_revisable(const TurnRecord& row);
  void submit_turn(TurnRecord row);
  SessionRecord session_record() const;
  std::int64_t at_ms() const;
  Duration session_max() const { return start_.session_max > Duration::zero() ? std::min(start_.session_max, options_.session_max) : options_.session_max; }

  SessionServices services_;
  Loop& loop_;
  const SessionOptions& options_;
  SessionStart start_;
  std::shared_ptr<transport::Peer> peer_;
  SessionConfig config_;
  TimePoint opened_at_{};
  std::string event_id_;                       // of the client event being handled, for errors

  SessionMachine machine_;
  Conversation conversation_;
  UtteranceInput input_;
  InputRates rates_;
  pipeline::PassageLookup lookup_;
  std::optional<Utterance> utterance_;
  std::shared_ptr<Answer> answer_;
  std::vector<std::shared_ptr<Answer>> late_answers_;   // committed, but the user spoke on before the transcript was there
  std::unique_ptr<pipeline::Reply> prepared_reply_;     // speculated and right: adopted by the response
  bool reply_wanted_ = false;                  // a reply follows as soon as the transcript is there
  bool reply_after_current_ = false;           // and this one as soon as the reply that is playing has ended
  std::optional<Turn> turn_;
  Providers turn_providers_;
  int turns_started_ = 0;
  std::string cancel_reason_, end_status_;     // of the turn being ended
  std::optional<ResponseCreate> request_;      // the client's wishes for the reply being started
  std::optional<ResponseCreate> next_request_; // and for the one after the reply that is still being played
  std::optional<std::string> fixed_text_;      // a greeting: said as it stands
  std::string next_user_text_;                 // typed, or said over a reply: the next turn's user part
  bool greeting_due_ = false;
  bool spoke_ = false;                         // audio was sent: the voice stays
  std::optional<std::int64_t> idle_since_ms_;  // input position at which the last reply had been played; none: somebody spoke since
  std::optional<std::int64_t> silent_ms_;      // the reply being started is due to this much silence

  std::optional<Error> failure_;               // the turn failed; what plays now is the apology
  std::optional<std::int64_t> client_heard_ms_;   // the client's own account of what was heard of the reply being cut
  std::optional<std::int64_t> cut_heard_ms_;      // ours, at the moment of the cut
  bool client_truncated_ = false;
  std::deque<Revisable> revisable_;
  std::optional<CloneRecord> next_clone_;      // it was changed: as of the next turn
  SessionRecord row_;
  double latency_sum_ms_ = 0;
  int latency_count_ = 0;
  bool ended_ = false;
  bool away_ = false;                          // nobody is connected: nothing is played

  std::unique_ptr<Voicing> voicing_;           // the response being shown and played
  std::unique_ptr<pipeline::Reply> reply_;     // what feeds it; dies before it
  StreamPtr clone_watch_;
  StreamPtr pump_timer_, heard_timer_, silence_timer_, warning_timer_, end_timer_;
};

}  // namespace repartee::realtime
