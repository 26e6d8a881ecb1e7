#include "api/json_response.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

namespace repartee::api {
namespace {

struct ErrorForm {
  int status;
  const char* type;
};

ErrorForm form_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument: return {400, "invalid_request_error"};
    case Errc::not_found: return {404, "invalid_request_error"};
    case Errc::conflict: return {409, "invalid_request_error"};
    case Errc::unauthenticated: return {401, "authentication_error"};
    case Errc::permission_denied: return {403, "permission_error"};
    case Errc::resource_exhausted: return {429, "rate_limit_error"};
    case Errc::deadline_exceeded: return {504, "server_error"};
    case Errc::unavailable: return {503, "server_error"};
    default: return {500, "server_error"};
  }
}

}  // namespace

transport::Response json_response(int status, std::string json) {
  return {status,
          {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}},
          std::move(json)};
}

transport::Response success_response(std::string_view message) {
  return json_response(200, nlohmann::json{{"success", true}, {"message", message}}.dump());
}

transport::Response error_response(const Error& error, std::string_view param) {
  return error_response(form_of(error.code).status, error, param);
}

transport::Response error_response(int status, const Error& error, std::string_view param) {
  const nlohmann::json body{{"error",
                             {{"type", form_of(error.code).type},
                              {"code", to_string(error.code)},
                              {"message", error.message},
                              {"param", param.empty() ? nlohmann::json() : nlohmann::json(param)}}}};
  auto response = json_response(status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (error.code == Errc::unauthenticated) response.headers["WWW-Authenticate"] = "Bearer";
  if (status == 503 || status == 429) response.headers["Retry-After"] = "5";
  return response;
}

Error missing(const Error& error, std::string_view what) {
  return error.code == Errc::not_found ? Error{Errc::not_found, "there is no such " + std::string(what)} : error;
}

transport::Response object_response(int status, std::string_view singular, std::string_view object) {
  return json_response(status, "{\"" + std::string(singular) + "\":" + std::string(object) + "}");
}

transport::Response list_response(std::string_view plural, const JsonPage& page) {
  std::string body = "{\"" + std::string(plural) + "\":[";
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    if (i > 0) body += ',';
    body += page.items[i];
  }
  const nlohmann::json cursor = page.next_cursor.empty() ? nlohmann::json() : nlohmann::json(page.next_cursor);
  body += "],\"count\":" + std::to_string(page.items.size()) + ",\"next_cursor\":" + cursor.dump() + "}";
  return json_response(200, std::move(body));
}

Result<ListQuery> parse_list_query(const transport::Request& request) {
  ListQuery query;
  if (const auto it = request.query.find("limit"); it != request.query.end()) {
    const char* end = it->second.data() + it->second.size();
    const auto [rest, ec] = std::from_chars(it->second.data(), end, query.limit);
    if (ec != std::errc() || rest != end || query.limit < 1 || query.limit > list_limit_max) {
      return Error{Errc::invalid_argument, "limit is a whole number from 1 to " + std::to_string(list_limit_max)};
    }
  }
  if (const auto it = request.query.find("cursor"); it != request.query.end()) {
    if (it->second.size() > cursor_bytes_max) return Error{Errc::invalid_argument, "cursor is not one that this server gave"};
    query.cursor = it->second;
  }
  return query;
}

}  // namespace repartee::api
