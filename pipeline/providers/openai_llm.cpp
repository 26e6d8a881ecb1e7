#include "pipeline/providers/openai_llm.hpp"

#include <nlohmann/json.hpp>

#include "pipeline/providers/chat_stream.hpp"
#include "pipeline/providers/closing_handle.hpp"
#include "pipeline/sse_parser.hpp"

namespace repartee::pipeline {
namespace {

using nlohmann::json;

// After [DONE] the response normally ends at once; waiting for it keeps the connection for the next request.
constexpr Millis after_done_max{100};

const char* name_of(Role role) {
  switch (role) {
    case Role::system: return "system";
    case Role::assistant: return "assistant";
    case Role::tool: return "tool";
    case Role::user: return "user";
  }
  return "user";
}

json message_of(const ChatMessage& message) {
  json out = {{"role", name_of(message.role)}, {"content", message.text}};
  if (message.role == Role::tool) out["tool_call_id"] = message.call_id;
  if (message.tool_calls.empty()) return out;
  if (message.text.empty()) out["content"] = nullptr;
  json& calls = out["tool_calls"] = json::array();
  for (const ToolCall& call : message.tool_calls)
    calls.push_back({{"id", call.call_id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments_json}}}});
  return out;
}

void add_tools(json& body, const LlmRequest& request) {
  if (request.tools.empty()) return;
  json& tools = body["tools"] = json::array();
  for (const ToolSpec& tool : request.tools) {
    json function = {{"name", tool.name}};
    if (!tool.description.empty()) function["description"] = tool.description;
    json parameters = json::parse(tool.parameters_json, nullptr, false);
    if (parameters.is_object() && !parameters.empty()) function["parameters"] = std::move(parameters);
    tools.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  const std::string& choice = request.tool_choice;
  if (choice == "auto" || choice == "none" || choice == "required") body["tool_choice"] = choice;
  else body["tool_choice"] = {{"type", "function"}, {"function", {{"name", choice}}}};
  if (request.parallel_tool_calls) body["parallel_tool_calls"] = *request.parallel_tool_calls;
}

std::string body_of(const OpenAiLlmOptions& options, const LlmRequest& request, const std::vector<ChatMessage>& context) {
  json messages = json::array();
  for (const ChatMessage& message : context) messages.push_back(message_of(message));
  json body = {{"model", options.model},
               {"messages", std::move(messages)},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}},
               {"max_tokens", request.output_tokens_max.value_or(options.output_tokens_max)}};
  add_tools(body, request);
  if (options.temperature >= 0) body["temperature"] = options.temperature;
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

// One generation. Lives as long as its handle, and through the callback in which that is destroyed.
class Generation final : public std::enable_shared_from_this<Generation> {
 public:
  Generation(Loop& loop, const OpenAiLlmOptions& options, LlmCallbacks callbacks, std::size_t input_chars)
      : loop_(loop), options_(options), callbacks_(std::move(callbacks)), input_chars_(input_chars) {}

  void start(HttpClient& http, HttpRequest http_request, const LlmRequest& request) {
    const std::weak_ptr<Generation> weak = weak_from_this();
    const auto expire = [weak](const char* what) {
      return [weak, what] {
        if (auto self = weak.lock()) self->end(Error{Errc::deadline_exceeded, std::string(self->options_.name) + what});
      };
    };
    first_token_timer_ = loop_.after(time_left(loop_, request.first_token_deadline, options_.first_token_timeout), expire(": no first token in time"));
    timer_ = loop_.after(time_left(loop_, request.deadline, options_.timeout), expire(": the reply took too long"));
    stream_ = http.fetch(loop_, std::move(http_request),
                         {.on_head = [weak](const HttpHead& head) { if (auto self = weak.lock()) self->head_ = head; },
                          .on_body = [weak](std::string_view bytes) { if (auto self = weak.lock()) self->on_body(bytes); },
                          .on_end = [weak](Status status) { if (auto self = weak.lock()) self->on_http_end(std::move(status)); }});
  }

  void close() {
    closed_ = true;
    stream_.reset();
    timer_.reset();
    first_token_timer_.reset();
  }

 private:
  bool failed_status() const { return head_.status < 200 || head_.status > 299; }
  bool whole_body() const { return head_.content_type.starts_with("application/json"); }

  void on_body(std::string_view bytes) {
    if (closed_ || chat_.done()) return;
    if (failed_status()) {
      if (body_.size() < error_body_bytes_max) body_ += bytes;
    } else if (whole_body()) {
      body_ += bytes;
    } else if (auto events = sse_.push(bytes)) {
      on_events(*events);
    } else {
      end(events.error());
    }
  }

  void on_events(const std::vector<SseEvent>& events) {
    for (const SseEvent& event : events) {
      if (closed_ || chat_.done()) return;
      auto text = chat_.push(event.data);
      if (!text) return end(text.error());
      say(*text);
      tell_tool_calls();
    }
    if (closed_ || !chat_.done()) return;
    first_token_timer_.reset();
    timer_ = loop_.after(after_done_max, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->complete();
    });
  }

  void on_http_end(Status status) {
    if (closed_) return;
    if (failed_status() && status.ok()) return end(error_of_status(options_.name, head_.status, body_, options_.endpoint.key));
    if (status.ok() && whole_body()) {
      auto text = chat_.push_whole(body_);
      if (!text) return end(text.error());
      say(*text);
      tell_tool_calls();
    } else {
      on_events(sse_.finish());
    }
    if (closed_) return;
    if (chat_.complete()) return complete();
    end(status.ok() ? Error{Errc::unavailable, options_.name + ": the stream ended in the middle of the reply"} : status.error());
  }

  void complete() {
    say(chat_.finish_text());
    if (!closed_) end(chat_.end(input_chars_));
  }

  void say(const std::string& text) {
    if (text.empty() || closed_) return;
    first_token_timer_.reset();
    if (callbacks_.on_text) callbacks_.on_text(text);
  }

  void tell_tool_calls() {
    for (ToolCallPiece& piece : chat_.take_tool_calls()) {
      if (closed_) return;
      first_token_timer_.reset();
      if (callbacks_.on_tool_call) callbacks_.on_tool_call(std::move(piece));
    }
  }

  void end(Result<LlmEnd> result) {
    if (closed_) return;
    const auto keep = shared_from_this();
    close();
    if (callbacks_.on_end) callbacks_.on_end(std::move(result));
  }

  Loop& loop_;
  const OpenAiLlmOptions& options_;
  const LlmCallbacks callbacks_;
  const std::size_t input_chars_;
  StreamPtr stream_, timer_, first_token_timer_;
  HttpHead head_;
  SseParser sse_;
  ChatStream chat_;
  std::string body_;  // of an error, or of an answer that is no stream
  bool closed_ = false;
};

}  // namespace

StreamPtr OpenAiLlm::generate(Loop& loop, LlmRequest request, LlmCallbacks callbacks) {
  const std::vector<ChatMessage> context = context_for(request, options_.context);
  std::size_t input_chars = 0;
  for (const ChatMessage& message : context) input_chars += message.text.size();
  HttpRequest http_request = openai_post(options_.endpoint, "/chat/completions", "application/json", body_of(options_, request, context));
  http_request.headers.emplace_back("Accept", "text/event-stream");
  http_request.idle_timeout = http_request.total_timeout = options_.timeout + options_.first_token_timeout;  // the loop's timers come first
  http_request.body_bytes_max = options_.response_bytes_max;
  auto generation = std::make_shared<Generation>(loop, options_, std::move(callbacks), input_chars);
  generation->start(http_, std::move(http_request), request);
  return closing_handle(std::move(generation));
}

}  // namespace repartee::pipeline
