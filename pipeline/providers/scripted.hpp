// Deterministic providers for tests and load: they say given lines in turn, after given delays, and fail on demand.
// Thread contract: those of the provider interfaces; no threads of their own, all time comes from Loop::after. The turn through the lines
// is shared by all sessions.
#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

enum class ScriptedFailure {
  none,
  hang,  // nothing ever comes; only the caller's own deadline ends it
  drip,  // all of it comes, each piece after ten times its delay (at least 1 s)
  fail,  // `error` instead of anything
  half,  // the first half, then `error`
};

struct ScriptedScript {
  std::vector<std::string> lines;             // taken in turn; empty: one of the provider's own
  Duration first_delay = Duration::zero();    // until the first piece (ASR: the transcript)
  Duration piece_delay = Duration::zero();    // between pieces; zero: all at once
  ScriptedFailure failure = ScriptedFailure::none;
  Errc error = Errc::unavailable;
  unsigned fail_every = 1;                    // the failure strikes each n-th call; others work
};

// Counts the calls and picks what each one does.
class ScriptedTurns {
 public:
  struct Turn {
    std::string line;
    ScriptedFailure failure = ScriptedFailure::none;
  };
  Turn next(const ScriptedScript& script);
  std::size_t calls() const { return calls_; }

 private:
  std::atomic<std::size_t> calls_{0};
};

struct ScriptedAsrOptions {
  ScriptedScript script;
  int silence_level = 0;                      // an utterance whose every sample is below is transcribed as nothing; 0: never
};
class ScriptedAsr final : public AsrProvider {
 public:
  using Options = ScriptedAsrOptions;
  explicit ScriptedAsr(Options options = {}) : options_(std::move(options)) {}
  std::string_view name() const override { return "scripted"; }
  StreamPtr transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) override;
  std::size_t calls() const { return turns_.calls(); }

 private:
  const Options options_;
  ScriptedTurns turns_;
};

struct ScriptedLlmOptions {
  ScriptedScript script;
  bool echo_user = false;                     // answer "You said: ..." instead of a line
  std::vector<ToolCall> tool_calls;           // made, after the line if `say_before_calls`, of what the request offers, unless the last message is a tool's
  bool say_before_calls = false;
  std::size_t arguments_piece_chars = 8;
};
class ScriptedLlm final : public LlmProvider {
 public:
  using Options = ScriptedLlmOptions;
  explicit ScriptedLlm(Options options = {}) : options_(std::move(options)) {}
  std::string_view name() const override { return "scripted"; }
  StreamPtr generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) override;  // a word a piece
  std::size_t calls() const { return turns_.calls(); }

 private:
  std::vector<ToolCallPiece> tool_call_pieces(const LlmRequest& request) const;
  const Options options_;
  ScriptedTurns turns_;
};

struct ScriptedTtsOptions {
  ScriptedScript script;                      // its lines are not used
  int rate_hz = 24000;
  Duration chunk = std::chrono::milliseconds(100);          // audio in one piece
  Duration per_char = std::chrono::milliseconds(60);        // audio a character, at speed 1; at least one piece
  int amplitude = 8000;
};
class ScriptedTts final : public TtsProvider {
 public:
  using Options = ScriptedTtsOptions;
  explicit ScriptedTts(Options options = {});
  std::string_view name() const override { return "scripted"; }
  int rate_hz() const override { return options_.rate_hz; }
  std::vector<VoiceInfo> voices() const override { return {{"scripted", "tone", "a buzzing voice for tests"}}; }
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override;
  std::size_t calls() const { return turns_.calls(); }

 private:
  const Options options_;
  const Samples voice_;                       // one second of buzz, made once, so that a load test does not pay for it
  ScriptedTurns turns_;
};

}  // namespace repartee::pipeline
