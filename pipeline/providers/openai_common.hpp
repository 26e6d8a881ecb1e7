// What the three adapters for OpenAI-compatible servers share: the request's frame, errors by class, deadlines.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>

#include "core/loop.hpp"
#include "pipeline/http_client.hpp"

namespace repartee::pipeline {

struct OpenAiEndpoint {
  std::string base_url;  // up to and with /v1
  std::string key;       // bearer token; empty: none is sent
  Duration connect_timeout = std::chrono::seconds(2);
};

constexpr std::size_t error_body_bytes_max = 64 * 1024;

HttpRequest openai_post(const OpenAiEndpoint& endpoint, std::string_view path, std::string content_type, std::string body);

// A status that is not 2xx. 401 unauthenticated, 403 permission_denied, 404 not_found, 408 deadline_exceeded, 429 resource_exhausted, other 4xx
// invalid_argument, the rest unavailable. The server's own message is kept for 400, 404 and 422, shortened, with the key blacked out.
Error error_of_status(std::string_view provider, int status, std::string_view body, const std::string& key);

// How long from now until the earlier of `deadline` and now + `timeout`; at least a millisecond.
Duration time_left(const Loop& loop, TimePoint deadline, Duration timeout);

}  // namespace repartee::pipeline
