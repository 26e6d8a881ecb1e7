// The meaning of a streamed chat completion: event data in, text and the end out. Knows the ways in which servers differ: no usage,
// a first delta with a role only, null content, a whole completion instead of a stream, <think> sections (not spoken).
// Thread contract: a value.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

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
  static constexpr std::size_t calls_max = 32;              // of one answer; more is nonsense
  // One event's data. The text it adds; data_corrupt when it is not JSON, unavailable and others when it is an error.
  Result<std::string> push(std::string_view data);
  // A body that is one whole completion.
  Result<std::string> push_whole(std::string_view body);
  std::string finish_text() { return filter_.finish(); }
  // What the last push brought of tool calls; each call's first piece has its name. Calls are numbered in the order in which they appear.
  std::vector<ToolCallPiece> take_tool_calls() { return std::exchange(tool_pieces_, {}); }

  bool done() const { return done_; }                           // [DONE] was seen
  bool complete() const { return done_ || finish_.has_value(); }  // the reply's end was seen
  // Counts the server did not give are estimated from `input_chars` and the text that came.
  LlmEnd end(std::size_t input_chars) const;

 private:
  struct Call {
    std::int64_t server_index = 0;
    std::string id;
  };
  Result<std::string> read(std::string_view data, const char* part);
  Status read_tool_calls(const nlohmann::json& message);

  ThinkFilter filter_;
  bool done_ = false;
  std::optional<FinishReason> finish_;
  std::optional<int> input_tokens_, output_tokens_;
  std::size_t output_chars_ = 0;
  std::vector<Call> calls_;
  std::vector<ToolCallPiece> tool_pieces_;
};

}  // namespace repartee::pipeline
