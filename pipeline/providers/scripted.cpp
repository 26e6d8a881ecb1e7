#include "pipeline/providers/scripted.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "pipeline/context_window.hpp"
#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/providers/word_times.hpp"

namespace repartee::pipeline {
namespace {

constexpr Duration drip_min = std::chrono::seconds(1);
constexpr int drip_factor = 10;

// Gives `pieces` out one by one, then ends. Each step is its own task on the loop.
class Script final : public std::enable_shared_from_this<Script> {
 public:
  struct Plan {
    std::size_t pieces = 0;
    ScriptedFailure failure = ScriptedFailure::none;
    Errc error = Errc::unavailable;
    Duration first_delay{}, piece_delay{};
    std::function<void(std::size_t)> give;  // one piece
    std::function<void(Status)> end;
  };
  Script(Loop& loop, Plan plan) : loop_(loop), plan_(std::move(plan)) {
    if (plan_.failure == ScriptedFailure::fail) plan_.pieces = 0;
    if (plan_.failure == ScriptedFailure::half) plan_.pieces /= 2;
  }

  void start() {
    if (plan_.failure != ScriptedFailure::hang) schedule(plan_.first_delay);
  }
  void close() {
    closed_ = true;
    timer_.reset();
  }

 private:
  void schedule(Duration delay) {
    if (plan_.failure == ScriptedFailure::drip) delay = std::max<Duration>(delay * drip_factor, drip_min);
    auto step = [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->step();
    };
    if (delay > Duration::zero()) {
      timer_ = loop_.after(delay, std::move(step));
    } else {
      loop_.post(std::move(step));
    }
  }

  void step() {
    const bool at_once = plan_.piece_delay <= Duration::zero() && plan_.failure != ScriptedFailure::drip;
    while (!closed_ && next_ < plan_.pieces) {
      plan_.give(next_++);
      if (!closed_ && !at_once && next_ < plan_.pieces) return schedule(plan_.piece_delay);
    }
    if (closed_) return;
    close();
    const bool fails = plan_.failure == ScriptedFailure::fail || plan_.failure == ScriptedFailure::half;
    plan_.end(fails ? Status{Error{plan_.error, "the script says to fail"}} : Status{});
  }

  Loop& loop_;
  Plan plan_;
  StreamPtr timer_;
  std::size_t next_ = 0;
  bool closed_ = false;
};

StreamPtr run_script(Loop& loop, const ScriptedScript& script, ScriptedFailure failure, std::size_t pieces, std::function<void(std::size_t)> give,
                     std::function<void(Status)> end) {
  auto run = std::make_shared<Script>(loop, Script::Plan{pieces, failure, script.error, script.first_delay, script.piece_delay, std::move(give), std::move(end)});
  run->start();
  return closing_handle(std::move(run));
}

std::vector<std::string> words_with_blanks(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size() - 1) + 1;
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

// A 140 Hz buzz whose loudness follows syllables, four a second: loud enough for a voice activity detector's energy stage, cheap to make.
Samples buzz(int rate_hz, int amplitude) {
  Samples samples(static_cast<std::size_t>(rate_hz));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / rate_hz * 2 * std::numbers::pi;
    double tone = 0;
    for (int harmonic = 1; harmonic <= 8; ++harmonic) tone += std::sin(t * 140 * harmonic) / harmonic;
    samples[i] = static_cast<std::int16_t>(amplitude / 2 * tone / 1.9 * (0.6 - 0.4 * std::cos(t * 4)));
  }
  return samples;
}

}  // namespace

ScriptedTurns::Turn ScriptedTurns::next(const ScriptedScript& script) {
  const std::size_t call = calls_++;
  const bool strikes = script.fail_every > 0 && (call + 1) % script.fail_every == 0;
  return {script.lines.empty() ? std::string{} : script.lines[call % script.lines.size()], strikes ? script.failure : ScriptedFailure::none};
}

StreamPtr ScriptedAsr::transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) {
  ScriptedTurns::Turn turn = turns_.next(options_.script);
  std::string text = turn.line.empty() ? "Hello, how are you today?" : std::move(turn.line);
  const auto silent = [&](std::int16_t sample) { return std::abs(static_cast<int>(sample)) < options_.silence_level; };
  if (options_.silence_level > 0 && (!request.samples || std::all_of(request.samples->begin(), request.samples->end(), silent))) text.clear();
  return run_script(loop, options_.script, turn.failure, 1, [](std::size_t) {}, [text, done = std::move(done)](Status status) {
    if (status) done(Transcript{text});
    else done(status.error());
  });
}

std::vector<ToolCallPiece> ScriptedLlm::tool_call_pieces(const LlmRequest& request) const {
  std::vector<ToolCallPiece> pieces;
  if (request.tool_choice == "none" || (!request.messages.empty() && request.messages.back().role == Role::tool)) return pieces;
  int index = 0;
  for (const ToolCall& call : options_.tool_calls) {
    if (std::ranges::none_of(request.tools, [&](const ToolSpec& tool) { return tool.name == call.name; })) continue;
    pieces.push_back({index, call.call_id, call.name, ""});
    for (std::size_t at = 0; at < call.arguments_json.size(); at += options_.arguments_piece_chars)
      pieces.push_back({index, "", "", call.arguments_json.substr(at, options_.arguments_piece_chars)});
    ++index;
  }
  return pieces;
}

StreamPtr ScriptedLlm::generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) {
  ScriptedTurns::Turn turn = turns_.next(options_.script);
  std::string text = turn.line.empty() ? "This is a scripted answer. It is always the same, so that tests know what to expect." : std::move(turn.line);
  if (options_.echo_user && !request.messages.empty()) text = "You said: " + request.messages.back().text;
  std::size_t input_chars = request.persona.size() + request.instructions.size();
  for (const ChatMessage& message : request.messages) input_chars += message.text.size();
  auto calls = std::make_shared<const std::vector<ToolCallPiece>>(tool_call_pieces(request));
  if (!calls->empty() && !options_.say_before_calls) text.clear();
  const LlmEnd end{calls->empty() ? FinishReason::stop : FinishReason::tool_calls, static_cast<int>((input_chars + 3) / 4), estimate_tokens(text)};
  auto words = std::make_shared<const std::vector<std::string>>(words_with_blanks(text));
  return run_script(
      loop, options_.script, turn.failure, words->size() + calls->size(),
      [words, calls, on_text = std::move(callbacks.on_text), on_tool_call = std::move(callbacks.on_tool_call)](std::size_t i) {
        if (i < words->size() && on_text) on_text((*words)[i]);
        if (i >= words->size() && on_tool_call) on_tool_call((*calls)[i - words->size()]);
      },
      [end, on_end = std::move(callbacks.on_end)](Status status) {
        if (!on_end) return;
        if (status) on_end(end);
        else on_end(status.error());
      });
}

ScriptedTts::ScriptedTts(Options options) : options_(std::move(options)), voice_(buzz(options_.rate_hz, options_.amplitude)) {}

StreamPtr ScriptedTts::synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) {
  const ScriptedTurns::Turn turn = turns_.next(options_.script);
  const double spoken_ms = static_cast<double>(to_ms(options_.per_char)) * static_cast<double>(request.text.size()) / std::max(request.speed, 0.1);
  const auto chunk_ms = std::max<std::int64_t>(to_ms(options_.chunk), 1);
  const auto pieces = static_cast<std::size_t>(std::max(1.0, std::ceil(spoken_ms / static_cast<double>(chunk_ms))));
  auto words = std::make_shared<std::vector<WordTime>>(spread_words(request.text, 0, static_cast<std::int64_t>(pieces) * chunk_ms));
  const auto chunk_samples = static_cast<std::size_t>(chunk_ms * options_.rate_hz / 1000);
  return run_script(
      loop, options_.script, turn.failure, pieces,
      [this, words, chunk_samples, on_chunk = std::move(callbacks.on_chunk)](std::size_t piece) {
        SpeechChunk chunk;
        chunk.samples.reserve(chunk_samples);
        for (std::size_t at = piece * chunk_samples; chunk.samples.size() < chunk_samples;) {   // the second over and over
          const auto from = voice_.begin() + static_cast<std::ptrdiff_t>(at % voice_.size());
          const auto size = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(chunk_samples - chunk.samples.size()), voice_.end() - from);
          chunk.samples.insert(chunk.samples.end(), from, from + size);
          at += static_cast<std::size_t>(size);
        }
        if (piece == 0) chunk.words = std::move(*words);
        if (on_chunk) on_chunk(std::move(chunk));
      },
      [on_end = std::move(callbacks.on_end)](Status status) { if (on_end) on_end(std::move(status)); });
}

}  // namespace repartee::pipeline
