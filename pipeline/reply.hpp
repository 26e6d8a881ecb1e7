// One reply being made: LLM tokens -> clauses -> speech. Destroying it is the interruption: the language model's stream, the synthesis
// under way and everything queued end at once.
// A held reply works ahead (speculation) and keeps what it makes until release().
// Thread contract: made, used and destroyed on the session's loop; callbacks run there, never from inside the constructor or release()'s
// caller's callback. It may be destroyed from inside its own callbacks.
// Errors: on_end hears exactly once how it went. Deadlines are enforced here, whatever a provider does.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/clause_splitter.hpp"
#include "pipeline/passage_lookup.hpp"
#include "pipeline/providers.hpp"

namespace repartee::pipeline {

struct ReplyOptions {
  LlmProvider* llm = nullptr;          // null: `text` is said as it stands (a greeting, an apology)
  LlmRequest request;
  std::function<StreamPtr(PassageLookup::Done)> look_up = {};   // asked for request.passages before the language model is; empty: as they are
  std::string text;
  TtsProvider* tts = nullptr;          // null: a text reply
  std::string voice;                   // the provider's own id
  std::string owner;                   // whose words are spoken: TtsRequest::owner
  double speed = 1.0;
  bool held = false;
  Duration first_token_timeout = std::chrono::seconds(10), llm_timeout = std::chrono::seconds(60), tts_timeout = std::chrono::seconds(15);
  std::int64_t ahead_ms_max = 20'000;  // no further clause is synthesised while this much audio waits to be played
  std::size_t text_bytes_max = 64 * 1024;   // a model that never stops is stopped
  std::size_t arguments_bytes_max = 256 * 1024;   // of all its tool calls
  std::int64_t unhurried_ms_min = 5'000;   // while this much waits to be played, the next clause lets other calls' work go first
  std::uint64_t caller = 0;            // JobOwner::caller of its jobs
  std::size_t clauses_at_once_max = 2; // synthesised side by side, so that no gap follows a short first one; handed over in order
};

struct ReplyTimes {                    // steady clock; absent: did not happen
  std::optional<TimePoint> llm_start, llm_first_token, llm_end, tts_start, tts_first_audio, tts_end;
};

struct ReplyCacheHits {
  int llm = 0, tts = 0;                // answers, clauses
};

struct ReplyPiece {                    // in playing order; words count from the first sample of this clause
  Samples samples;                     // at the TTS provider's rate
  std::vector<WordTime> words;
  bool clause_begins = false;
  std::shared_ptr<const PhraseEncodings> encodings = {};   // as SpeechChunk's: this is a whole clause
};

struct ReplyToolPiece {
  int index = 0;                       // of the call in this reply
  std::string call_id, name;           // of the call, with every piece
  std::string arguments;               // the next part of their JSON text
  bool complete = false;               // the last piece: the call may be executed
};

struct ReplyCallbacks {
  std::function<void(std::string_view)> on_text;   // the text as generated, in pieces
  std::function<void(ReplyPiece)> on_speech;
  std::function<void(Status)> on_end;              // everything was handed over, or why not
  std::function<std::int64_t()> waiting_ms;        // audio handed over and not yet played
  std::function<void(ReplyToolPiece)> on_tool_call = {};   // in order; calls that were cut short have no complete piece
  std::function<void(const std::vector<Passage>&)> on_passages = {};   // before any text, where some were found
};

class Reply {
 public:
  Reply(Loop& loop, ReplyOptions options, ReplyCallbacks callbacks);
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  void release();                      // stop holding; hands over, posted, what was made so far
  bool held() const { return options_.held; }
  void more_wanted();                  // playback went on: perhaps the next clause may be synthesised

  const std::string& text() const { return text_; }       // generated so far
  const ReplyTimes& times() const { return times_; }
  const LlmEnd& usage() const { return usage_; }          // estimated until the model's own account came
  int tts_characters() const { return tts_characters_; }  // synthesised: what came from the cache does not count
  const ReplyCacheHits& cache_hits() const { return cache_hits_; }
  const PassagesFound& passages_found() const { return found_; }
  bool text_ended() const { return text_ended_; }

 private:
  void take_passages(PassagesFound found);
  void start_llm();
  void take_text(std::string_view piece);
  void take_tool_call(ToolCallPiece piece);
  void complete_tool_calls(FinishReason finish);
  void note_first_token();
  void end_text(Result<LlmEnd> end);
  void queue_clauses(std::vector<std::string> clauses);
  struct Synthesis {                   // a clause being spoken; the front one is handed over as it comes, later ones wait
    StreamPtr stream, timer;
    std::shared_ptr<Urgency> urgency = std::make_shared<Urgency>();
    std::deque<ReplyPiece> ready;
    std::optional<Status> ended;
    bool begun = false;
    int characters = 0;
  };
  void speak_next();
  void start_synthesis(std::string clause);
  Priority urgency() const;
  void hurry();
  void take_chunk(Synthesis& clause, SpeechChunk chunk);
  void end_clause(Synthesis& clause, Status status);
  void hand_over();
  void finish(Status status);
  void finish_if_done();
  void emit(std::function<void()> event);

  Loop& loop_;
  ReplyOptions options_;
  ReplyCallbacks callbacks_;
  ClauseSplitter splitter_;
  std::deque<std::string> clauses_;
  std::deque<std::function<void()>> held_events_;
  std::string text_;
  std::vector<ToolCall> tool_calls_;   // made so far; the last one may lack the end of its arguments
  std::size_t arguments_bytes_ = 0;
  PassagesFound found_;
  ReplyTimes times_;
  LlmEnd usage_;
  int tts_characters_ = 0;
  ReplyCacheHits cache_hits_;
  bool text_ended_ = false, ended_ = false, first_clause_ = true;
  // Everything posted or called back asks this first: a destroyed reply is silent.
  std::shared_ptr<Reply*> alive_;
  std::deque<std::unique_ptr<Synthesis>> speaking_;
  StreamPtr lookup_;
  StreamPtr llm_stream_;               // members die bottom-up: the token source goes first, so nothing feeds a dead synthesiser
  StreamPtr token_timer_, llm_timer_, start_timer_;
};

}  // namespace repartee::pipeline
