#include "pipeline/providers/chat_stream.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

using nlohmann::json;

constexpr std::string_view think_begin = "<think>";
constexpr std::string_view think_end = "</think>";
constexpr int tokens_max = 100'000'000;  // a count beyond is nonsense

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

FinishReason finish_reason(const std::string& name) {
  if (name == "length") return FinishReason::length;
  if (name == "content_filter") return FinishReason::content_filter;
  if (name == "tool_calls" || name == "function_call") return FinishReason::tool_calls;
  return FinishReason::stop;
}

std::optional<int> count_in(const json& usage, const char* name) {
  const json* value = member(usage, name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double count = value->get<double>();
  if (!(count >= 0 && count <= tokens_max)) return std::nullopt;
  return static_cast<int>(count);
}

const json* text_member(const json& object, const char* name) {
  const json* value = member(object, name);
  return value != nullptr && value->is_string() ? value : nullptr;
}

// Arguments are a JSON text; some servers send the object itself.
std::string arguments_of(const json& function) {
  const json* arguments = member(function, "arguments");
  if (arguments == nullptr || arguments->is_null()) return {};
  return arguments->is_string() ? arguments->get<std::string>() : arguments->dump();
}

}  // namespace

std::string ThinkFilter::push(std::string_view text) {
  if (state_ == State::after) return std::string(text);
  held_ += text;
  if (state_ == State::before) {
    const std::string_view begun = trim(held_);
    if (begun.size() < think_begin.size() && think_begin.starts_with(begun)) return {};
    if (!begun.starts_with(think_begin)) return finish();
    state_ = State::inside;
  }
  const std::size_t end = held_.find(think_end);
  if (end == std::string::npos) {
    if (held_.size() > think_end.size()) held_.erase(0, held_.size() - think_end.size());  // enough to see the mark cut in two
    return {};
  }
  std::string rest = held_.substr(end + think_end.size());
  rest.erase(0, std::min(rest.find_first_not_of(" \r\n\t"), rest.size()));
  held_.clear();
  state_ = State::after;
  return rest;
}

std::string ThinkFilter::finish() {
  std::string rest = state_ == State::inside ? std::string{} : std::move(held_);  // an open section stays unsaid
  held_.clear();
  state_ = State::after;
  return rest;
}

Result<std::string> ChatStream::push(std::string_view data) {
  if (trim(data) == "[DONE]") {
    done_ = true;
    return std::string{};
  }
  return read(data, "delta");
}

Result<std::string> ChatStream::push_whole(std::string_view body) {
  auto text = read(body, "message");
  if (text.ok() && !finish_) return Error{Errc::data_corrupt, "the answer is no chat completion"};
  return text;
}

Result<std::string> ChatStream::read(std::string_view data, const char* part) {
  const json chunk = json::parse(data, nullptr, false);
  if (!chunk.is_object()) return Error{Errc::data_corrupt, "the answer is not JSON"};
  if (const json* error = member(chunk, "error"); error != nullptr && !error->is_null()) return Error{Errc::unavailable, "the server broke the answer off with an error"};
  if (const json* usage = member(chunk, "usage")) {
    if (const auto count = count_in(*usage, "prompt_tokens")) input_tokens_ = count;
    if (const auto count = count_in(*usage, "completion_tokens")) output_tokens_ = count;
  }
  const json* choices = member(chunk, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty()) return std::string{};  // usage only
  const json& choice = choices->front();
  if (const json* reason = member(choice, "finish_reason"); reason != nullptr && reason->is_string()) finish_ = finish_reason(reason->get<std::string>());
  const json* content = member(choice, part);
  if (content != nullptr) {
    if (const auto status = read_tool_calls(*content); !status) return status.error();
    content = member(*content, "content");
  }
  if (content == nullptr || !content->is_string()) return std::string{};
  std::string text = filter_.push(content->get<std::string>());
  output_chars_ += text.size();
  return text;
}

// Servers number their calls with `index`, or only give each an id, or send every call whole.
Status ChatStream::read_tool_calls(const nlohmann::json& message) {
  const json* list = member(message, "tool_calls");
  if (list == nullptr || !list->is_array()) return {};
  for (std::size_t position = 0; position < list->size(); ++position) {
    const json& piece = (*list)[position];
    const json* id = text_member(piece, "id");
    const json* index = member(piece, "index");
    const std::int64_t server_index = index != nullptr && index->is_number_integer() ? index->get<std::int64_t>() : id == nullptr && !calls_.empty() ? calls_.back().server_index : static_cast<std::int64_t>(position);
    auto call = std::find_if(calls_.rbegin(), calls_.rend(), [&](const Call& known) { return known.server_index == server_index; });
    const json* function = member(piece, "function");
    const json* name = function == nullptr ? nullptr : text_member(*function, "name");
    const bool begins = call == calls_.rend() || (id != nullptr && !id->get_ref<const std::string&>().empty() && *id != call->id);
    ToolCallPiece out;
    if (begins) {
      if (name == nullptr || name->get_ref<const std::string&>().empty()) return Error{Errc::data_corrupt, "the model calls a tool without naming it"};
      if (calls_.size() >= calls_max) return Error{Errc::resource_exhausted, "the model calls too many tools at once"};
      calls_.push_back({server_index, id == nullptr ? std::string{} : id->get<std::string>()});
      out.index = static_cast<int>(calls_.size()) - 1;
      out.call_id = calls_.back().id;
      out.name = name->get<std::string>();
    } else {
      out.index = static_cast<int>(calls_.rend() - call) - 1;
    }
    if (function != nullptr) out.arguments = arguments_of(*function);
    output_chars_ += out.name.size() + out.arguments.size();
    tool_pieces_.push_back(std::move(out));
  }
  return {};
}

LlmEnd ChatStream::end(std::size_t input_chars) const {
  const auto estimate = [](std::size_t chars) { return static_cast<int>((chars + 3) / 4); };
  return {.finish = finish_.value_or(FinishReason::stop),
          .input_tokens = input_tokens_.value_or(estimate(input_chars)),
          .output_tokens = output_tokens_.value_or(estimate(output_chars_))};
}

}  // namespace repartee::pipeline
