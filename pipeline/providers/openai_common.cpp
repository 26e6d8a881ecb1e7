#include "pipeline/providers/openai_common.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

constexpr std::size_t message_chars_max = 200;

Errc class_of(int status) {
  switch (status) {
    case 401: return Errc::unauthenticated;
    case 403: return Errc::permission_denied;
    case 404: return Errc::not_found;
    case 408: return Errc::deadline_exceeded;
    case 429: return Errc::resource_exhausted;
    default: return status >= 400 && status < 500 ? Errc::invalid_argument : Errc::unavailable;
  }
}

std::string message_in(std::string_view body, const std::string& key) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("error")) return {};
  const auto& error = json["error"];
  std::string text;
  if (error.is_string()) text = error.get<std::string>();
  if (error.is_object() && error.contains("message") && error["message"].is_string()) text = error["message"].get<std::string>();
  for (std::size_t at = 0; !key.empty() && (at = text.find(key)) != std::string::npos;) text.replace(at, key.size(), "***");
  text = normalise_spaces(text);
  text.resize(utf8_cut(text, message_chars_max));
  return text;
}

}  // namespace

HttpRequest openai_post(const OpenAiEndpoint& endpoint, std::string_view path, std::string content_type, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.url = endpoint.base_url;
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += path;
  request.headers.emplace_back("Content-Type", std::move(content_type));
  if (!endpoint.key.empty()) request.headers.emplace_back("Authorization", "Bearer " + endpoint.key);
  request.body = std::move(body);
  request.connect_timeout = endpoint.connect_timeout;
  return request;
}

Error error_of_status(std::string_view provider, int status, std::string_view body, const std::string& key) {
  std::string text = std::string(provider) + " answered with status " + std::to_string(status);
  if (status == 400 || status == 404 || status == 422) {
    if (const std::string message = message_in(body, key); !message.empty()) text += ": " + message;
  }
  return {class_of(status), std::move(text)};
}

Duration time_left(const Loop& loop, TimePoint deadline, Duration timeout) {
  const Duration left = deadline == no_deadline ? timeout : std::min(timeout, deadline - loop.now());
  return std::max<Duration>(left, Millis(1));
}

}  // namespace repartee::pipeline
