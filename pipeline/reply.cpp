#include "pipeline/reply.hpp"

#include <utility>

#include "core/ids.hpp"
#include "pipeline/speakable_text.hpp"

namespace repartee::pipeline {
namespace {
constexpr int characters_per_token = 4;   // the usual estimate for English, where a provider does not count
}

Reply::Reply(Loop& loop, ReplyOptions options, ReplyCallbacks callbacks)
    : loop_(loop), options_(std::move(options)), callbacks_(std::move(callbacks)), alive_(std::make_shared<Reply*>(this)) {
  if (options_.llm) {
    if (options_.look_up) lookup_ = options_.look_up([this](PassagesFound found) { take_passages(std::move(found)); });
    else start_llm();
    return;
  }
  // Posted, so that no callback runs inside the constructor.
  start_timer_ = loop_.after(Duration::zero(), [this] {
    const std::string text = std::exchange(options_.text, {});
    const auto alive = alive_;
    take_text(text);
    if (*alive) end_text(LlmEnd{});
  });
}

Reply::~Reply() { *alive_ = nullptr; }

void Reply::take_passages(PassagesFound found) {
  lookup_.reset();
  found_ = std::move(found);
  options_.request.passages = found_.passages;
  const auto alive = alive_;
  if (!found_.passages.empty()) emit([this] { if (callbacks_.on_passages) callbacks_.on_passages(found_.passages); });
  if (*alive) start_llm();
}

void Reply::start_llm() {
  times_.llm_start = loop_.now();
  int input_characters = static_cast<int>(options_.request.persona.size() + options_.request.instructions.size());
  for (const auto& tool : options_.request.tools) input_characters += static_cast<int>(tool.name.size() + tool.description.size() + tool.parameters_json.size());
  for (const auto& message : options_.request.messages) input_characters += static_cast<int>(message.text.size());
  usage_.input_tokens = input_characters / characters_per_token;
  options_.request.first_token_deadline = loop_.now() + options_.first_token_timeout;
  options_.request.deadline = loop_.now() + options_.llm_timeout;
  token_timer_ = loop_.after(options_.first_token_timeout, [this] { end_text(Error{Errc::deadline_exceeded, "the language model did not begin in time"}); });
  llm_timer_ = loop_.after(options_.llm_timeout, [this] { end_text(Error{Errc::deadline_exceeded, "the language model did not end in time"}); });
  llm_stream_ = options_.llm->generate(loop_, std::move(options_.request),
                                       {.on_text = [this](std::string_view piece) { take_text(piece); },
                                        .on_tool_call = [this](ToolCallPiece piece) { take_tool_call(std::move(piece)); },
                                        .on_end = [this](Result<LlmEnd> end) { end_text(std::move(end)); }});
}

// Held events wait; others run now, since we are on the loop and not inside a caller's call.
void Reply::emit(std::function<void()> event) {
  if (options_.held || !held_events_.empty()) held_events_.push_back(std::move(event));   // order is kept while a release drains
  else event();
}

void Reply::release() {
  if (!options_.held) return;
  options_.held = false;
  for (const auto& spoken : speaking_) spoken->urgency->raise(spoken == speaking_.front() && !spoken->begun ? Priority::first_audio : Priority::next_audio);
  loop_.post([alive = alive_] {
    while (*alive && !(*alive)->held_events_.empty()) {
      auto event = std::move((*alive)->held_events_.front());
      (*alive)->held_events_.pop_front();
      event();
    }
  });
}

void Reply::take_text(std::string_view piece) {
  if (text_ended_ || piece.empty()) return;
  note_first_token();
  const auto alive = alive_;
  text_ += piece;
  usage_.output_tokens = static_cast<int>(text_.size()) / characters_per_token + 1;
  if (options_.tts) queue_clauses(splitter_.push(piece));
  emit([this, text = std::string(piece)] { callbacks_.on_text(text); });
  if (*alive && text_.size() > options_.text_bytes_max) end_text(LlmEnd{FinishReason::length, usage_.input_tokens, usage_.output_tokens});
}

void Reply::note_first_token() {
  if (times_.llm_first_token) return;
  times_.llm_first_token = loop_.now();
  token_timer_.reset();
}

void Reply::take_tool_call(ToolCallPiece piece) {
  const auto index = static_cast<std::size_t>(piece.index);
  if (text_ended_ || index > tool_calls_.size()) return;   // a provider numbers without gaps
  note_first_token();
  const auto alive = alive_;
  if (index == tool_calls_.size()) {
    if (piece.call_id.empty()) piece.call_id = new_id("call");
    tool_calls_.push_back({piece.call_id, piece.name, ""});
  }
  ToolCall& call = tool_calls_[index];
  call.arguments_json += piece.arguments;
  arguments_bytes_ += piece.arguments.size();
  usage_.output_tokens = static_cast<int>(text_.size() + arguments_bytes_) / characters_per_token + 1;
  emit([this, out = ReplyToolPiece{piece.index, call.call_id, call.name, std::move(piece.arguments), false}] {
    if (callbacks_.on_tool_call) callbacks_.on_tool_call(out);
  });
  if (*alive && arguments_bytes_ > options_.arguments_bytes_max) end_text(Error{Errc::resource_exhausted, "the model calls tools with too much"});
}

// Which calls are whole is known when the model has ended; of an answer that was cut off the last one is not.
void Reply::complete_tool_calls(FinishReason finish) {
  const bool cut = finish == FinishReason::length || finish == FinishReason::content_filter;
  const auto alive = alive_;
  const std::size_t whole = tool_calls_.size() - (cut && !tool_calls_.empty() ? 1 : 0);
  for (std::size_t i = 0; i < whole && *alive; ++i) {
    emit([this, out = ReplyToolPiece{static_cast<int>(i), tool_calls_[i].call_id, tool_calls_[i].name, "", true}] {
      if (callbacks_.on_tool_call) callbacks_.on_tool_call(out);
    });
  }
}

void Reply::end_text(Result<LlmEnd> end) {
  if (text_ended_) return;
  text_ended_ = true;
  times_.llm_end = loop_.now();
  token_timer_.reset();
  llm_timer_.reset();
  llm_stream_.reset();
  if (!end) return finish(end.error());
  if (end->input_tokens > 0) usage_.input_tokens = end->input_tokens;
  if (end->output_tokens > 0) usage_.output_tokens = end->output_tokens;
  usage_.finish = end->finish;
  if (end->from_cache) {
    usage_.input_tokens = usage_.output_tokens = 0;
    cache_hits_.llm = 1;
  }
  const auto alive = alive_;
  complete_tool_calls(usage_.finish);
  if (!*alive) return;
  if (options_.tts) queue_clauses(splitter_.finish());
  if (*alive) finish_if_done();
}

void Reply::queue_clauses(std::vector<std::string> clauses) {
  for (auto& clause : clauses) {
    auto spoken = speakable_text(clause);
    if (!spoken.empty()) clauses_.push_back(std::move(spoken));
  }
  speak_next();
}

void Reply::more_wanted() {
  hurry();
  speak_next();
}

// How much the next clause is waited for.
Priority Reply::urgency() const {
  if (options_.held) return Priority::speculation;
  if (first_clause_) return Priority::first_audio;
  return callbacks_.waiting_ms && callbacks_.waiting_ms() > options_.unhurried_ms_min ? Priority::later_audio : Priority::next_audio;
}

// Playback has come near to what was not urgent when it was asked for.
void Reply::hurry() {
  if (speaking_.empty()) return;
  const Priority now = urgency();
  for (const auto& spoken : speaking_) spoken->urgency->raise(now);
}

void Reply::speak_next() {
  while (!ended_ && !clauses_.empty() && speaking_.size() < options_.clauses_at_once_max) {
    if (!options_.held && callbacks_.waiting_ms && callbacks_.waiting_ms() > options_.ahead_ms_max) return;
    std::string clause = std::move(clauses_.front());
    clauses_.pop_front();
    start_synthesis(std::move(clause));
  }
}

void Reply::start_synthesis(std::string clause) {
  TtsRequest request;
  request.text = std::move(clause);
  request.voice = options_.voice;
  request.speed = options_.speed;
  request.owner = options_.owner;
  request.priority = urgency();
  request.deadline = loop_.now() + options_.tts_timeout;
  if (!times_.tts_start) times_.tts_start = loop_.now();
  first_clause_ = false;
  speaking_.push_back(std::make_unique<Synthesis>());
  Synthesis& spoken = *speaking_.back();
  request.job = {options_.caller, spoken.urgency};
  spoken.characters = static_cast<int>(request.text.size());
  tts_characters_ += spoken.characters;
  spoken.timer = loop_.after(options_.tts_timeout, [this, &spoken] { end_clause(spoken, Error{Errc::deadline_exceeded, "the voice did not speak in time"}); });
  spoken.stream = options_.tts->synthesize(loop_, std::move(request),
                                           {.on_chunk = [this, &spoken](SpeechChunk chunk) { take_chunk(spoken, std::move(chunk)); },
                                            .on_end = [this, &spoken](Status status) { end_clause(spoken, std::move(status)); }});
}

void Reply::take_chunk(Synthesis& clause, SpeechChunk chunk) {
  if (!times_.tts_first_audio && !chunk.samples.empty() && &clause == speaking_.front().get()) times_.tts_first_audio = loop_.now();
  if (!clause.begun && chunk.from_cache) {
    ++cache_hits_.tts;
    tts_characters_ -= clause.characters;
  }
  clause.ready.push_back({std::move(chunk.samples), std::move(chunk.words), !std::exchange(clause.begun, true), std::move(chunk.encodings)});
  hand_over();
}

void Reply::end_clause(Synthesis& clause, Status status) {
  clause.timer.reset();
  clause.stream.reset();
  clause.ended = std::move(status);
  times_.tts_end = loop_.now();
  hand_over();
}

// What the front clause has is handed over; a finished one makes room for the next.
void Reply::hand_over() {
  const auto alive = alive_;
  while (!speaking_.empty()) {
    Synthesis& front = *speaking_.front();
    while (!front.ready.empty()) {
      auto piece = std::make_shared<ReplyPiece>(std::move(front.ready.front()));
      front.ready.pop_front();
      emit([this, piece] { callbacks_.on_speech(std::move(*piece)); });
      if (!*alive || ended_) return;
    }
    if (!front.ended) break;
    const Status status = std::move(*front.ended);
    speaking_.pop_front();
    if (!status) return finish(status);
  }
  speak_next();
  finish_if_done();
}

void Reply::finish_if_done() {
  if (text_ended_ && clauses_.empty() && speaking_.empty()) finish({});
}

void Reply::finish(Status status) {
  if (ended_) return;
  ended_ = true;
  text_ended_ = true;
  llm_stream_.reset();
  speaking_.clear();
  token_timer_.reset();
  llm_timer_.reset();
  clauses_.clear();
  emit([this, status] { callbacks_.on_end(status); });
}

}  // namespace repartee::pipeline
