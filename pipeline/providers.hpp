// What the pipeline needs from engines; one adapter per engine or vendor in providers/.
// Thread contract: every call is made on the session's loop, every callback runs on that loop, never from inside the call that
// started it. Destroying the returned handle cancels the work at once, and no callback runs afterwards; a handle may be destroyed
// from inside its own callback. Providers are shared by all sessions and outlive them.
// Errors: on_end / done gets exactly one Result. deadline_exceeded, unavailable, resource_exhausted may be retried or failed over.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audio.hpp"
#include "core/loop.hpp"
#include "core/result.hpp"
#include "core/worker_pool.hpp"

namespace repartee::pipeline {

// ---- speech to text: whole utterances; partial captions come by asking again while the utterance grows ----
struct AsrRequest {
  SharedSamples samples;                 // 16 kHz mono, ends ~300 ms after the last speech
  Priority priority = Priority::final_transcript;
  TimePoint deadline = no_deadline;
  std::string language = "en";
  JobOwner job = {};                     // whose turn of the engine's threads it takes; a speculation may become urgent
};
struct Transcript {
  std::string text;                      // trimmed; empty: nothing was said
};
class AsrProvider {
 public:
  virtual ~AsrProvider() = default;
  virtual std::string_view name() const = 0;
  virtual bool is_metered() const { return false; }   // each call may cost money: no captions
  virtual StreamPtr transcribe(Loop& loop, AsrRequest request, std::function<void(Result<Transcript>)> done) = 0;
};

// ---- reply text ----
enum class Role { system, user, assistant, tool };
struct ToolSpec {                        // a function of the client's that the model may call
  std::string name, description;
  std::string parameters_json = "{}";    // JSON Schema of its arguments
};
struct ToolCall {
  std::string call_id, name;
  std::string arguments_json;
};
struct ChatMessage {
  Role role = Role::user;
  std::string text;                      // an assistant's text is what was heard, not what was generated; a tool's is its output
  std::vector<ToolCall> tool_calls = {}; // an assistant's
  std::string call_id = {};              // which call a tool's output answers
};
struct Passage {                         // from the knowledge store, by the retriever
  std::string document_id, filename, text;
  int ordinal = 0;
  double score = 0;
  std::vector<float> sentence_scores = {};  // how well each of split_sentences(text) fits the question, 0..1; empty: not known
};
struct LlmRequest {
  std::string clone_name;
  std::string persona;                   // the clone's persona prompt
  std::string instructions;              // the session's own instructions, may be empty
  std::vector<ChatMessage> messages;     // oldest first, already cut to the context window; the last one is the user's, if any
  std::vector<Passage> passages;         // best first
  std::string owner;                     // whose data the answer comes from (a user's id): cached for nobody else; empty: everybody's
  std::vector<ToolSpec> tools;
  std::string tool_choice = "auto";      // auto, none, required, or the name of the function to call
  std::optional<bool> parallel_tool_calls;   // absent: as the model likes
  std::optional<int> output_tokens_max;
  TimePoint first_token_deadline = no_deadline;
  TimePoint deadline = no_deadline;
};
enum class FinishReason { stop, length, content_filter, tool_calls };
struct LlmEnd {
  FinishReason finish = FinishReason::stop;
  int input_tokens = 0, output_tokens = 0;   // as the provider counts; estimated (4 characters a token) where it does not say
  bool from_cache = false;                    // nothing was generated: no tokens, no cost
};
struct ToolCallPiece {
  int index = 0;                         // of the call within the answer: several may be made side by side
  std::string call_id, name;             // with the first piece of a call
  std::string arguments;                 // the next part of its JSON text
};
struct LlmCallbacks {
  std::function<void(std::string_view)> on_text;  // in pieces, in order
  std::function<void(ToolCallPiece)> on_tool_call = {};
  std::function<void(Result<LlmEnd>)> on_end;
};
class LlmProvider {
 public:
  virtual ~LlmProvider() = default;
  virtual std::string_view name() const = 0;
  virtual bool is_metered() const { return false; }   // each call may cost money: nothing is asked on speculation
  virtual StreamPtr generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) = 0;
};

// ---- sentence embeddings ----
struct EmbedRequest {
  std::vector<std::string> texts;        // at most texts_max() of the embedder
  std::string owner = {};                // whose texts they are (a user's id): remembered for nobody else; empty: not remembered
  Priority priority = Priority::background;
  TimePoint deadline = no_deadline;
};
struct Embeddings {
  std::vector<std::vector<float>> vectors;   // one a text, of length 1: their inner product is the cosine
  int input_tokens = 0;                  // 0: costs nothing
};
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual std::string_view name() const = 0;     // model included: vectors of different names are never compared
  virtual std::size_t dimension() const = 0;
  virtual std::size_t texts_max() const = 0;
  virtual bool is_metered() const { return false; }
  virtual StreamPtr embed(Loop& loop, EmbedRequest request, std::function<void(Result<Embeddings>)> done) = 0;
};

// ---- knowledge: the passages that fit a question, among what the clone may use ----
struct RetrievalRequest {
  std::string question;
  std::string user_id;                   // the clone's owner, whose documents they are
  std::string echo_id;                   // documents of this clone, and by `scope` those of all the owner's clones
  std::string scope = "all";             // none | own | all: echos.knowledge_scope
  std::size_t passages_max = 5;
  TimePoint deadline = no_deadline;
};
struct Retrieval {
  std::vector<Passage> passages;         // best first; empty: nothing fits
  int input_tokens = 0;                  // of the embedder, where it is metered
  std::string embedder;                  // its name, for the price
  bool from_cache = false;
};
class Retriever {
 public:
  virtual ~Retriever() = default;
  // Can there be anything to find? Asked before any work; must not block.
  virtual bool has_knowledge(const std::string& user_id, const std::string& echo_id) const = 0;
  virtual StreamPtr retrieve(Loop& loop, RetrievalRequest request, std::function<void(Result<Retrieval>)> done) = 0;
};

class PhraseEncodings;                   // encoded_phrase.hpp

// ---- text to speech: one clause a call, audio in chunks as it comes ----
struct TtsRequest {
  std::string text;                      // one clause or sentence
  std::string voice;                     // the provider's own voice id; empty: its default
  double speed = 1.0;                    // 0.25 .. 1.5
  std::string owner;                     // as LlmRequest::owner
  Priority priority = Priority::next_audio;
  TimePoint deadline = no_deadline;
  JobOwner job = {};                     // as AsrRequest::job
};
struct VisemeTime {
  int id = 0;                            // see visemes.hpp
  std::int64_t start_ms = 0;             // from the first sample of the request's audio; it holds until the next
};
struct WordTime {
  std::string text;                      // as written in the request, with its punctuation
  std::int64_t start_ms = 0, end_ms = 0; // from the first sample of the request's audio
  std::vector<VisemeTime> visemes = {};  // the mouth while the word is said, in order, at rest where a pause follows; none: the voice does not tell
};
struct SpeechChunk {
  Samples samples;                       // at the provider's rate; the first one begins with speech (leading silence trimmed)
  std::vector<WordTime> words;           // all words of the request in order, exactly once; they may come before their audio
  bool from_cache = false;               // said before: nothing was synthesised
  std::shared_ptr<const PhraseEncodings> encodings = {};   // where packets of it are kept: the chunk is the request whole; null: nowhere
};
struct TtsCallbacks {
  std::function<void(SpeechChunk)> on_chunk;
  std::function<void(Status)> on_end;
};
struct VoiceInfo {
  std::string provider, id, description; // {"kokoro", "af_heart", "American English, female, warm"}
};
class TtsProvider {
 public:
  virtual ~TtsProvider() = default;
  virtual std::string_view name() const = 0;
  virtual int rate_hz() const = 0;
  virtual std::vector<VoiceInfo> voices() const = 0;
  virtual StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) = 0;
};

}  // namespace repartee::pipeline
