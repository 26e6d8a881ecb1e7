// The meaning of a streamed chat completion: event data in, text and the end out. Knows the ways in which servers differ: no usage,
// a first delta with a role only, null content, a whole completion instead of a stream, <think> sections (not spoken).
// Thread contract: a value.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "pipeline/providers.hpp"

namespace repartee::pipeline {

// Leaves out a <think>...</think> section at the very beginning of a reply, however it is cut into pieces.
class ThinkFilter {
 public:
  std::string push(std::string_view text);  // what may be said of it
  std::string finish();                     // what was held back and is no section after all

 private:
  enum class State { before, inside, after };
  State state_ = State::before;
  std::string held_;
};

class ChatStream {
 public:
  // One event's data. The text it adds; data_corrupt when it is not JSON, unavailable and others when it is an error.
  Result<std::string> push(std::string_view data);
  // A body that is one whole completion.
  Result<std::string> push_whole(std::string_view body);
  std::string finish_text() { return filter_.finish(); }

  bool done() const { return done_; }                           // [DONE] was seen
  bool complete() const { return done_ || finish_.has_value(); }  // the reply's end was seen
  // Counts the server did not give are estimated from `input_chars` and the text that came.
  LlmEnd end(std::size_t input_chars) const;

 private:
  Result<std::string> read(std::string_view data, const char* part);

  ThinkFilter filter_;
  bool done_ = false;
  std::optional<FinishReason> finish_;
  std::optional<int> input_tokens_, output_tokens_;
  std::size_t output_chars_ = 0;
};

}  // namespace repartee::pipeline
