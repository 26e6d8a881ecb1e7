// Answers in JSON: the error form of http-api.md, and lists with a cursor.
// Thread contract: every function from any thread.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::api {

// One page of a list; each item is a JSON text.
struct JsonPage {
  std::vector<std::string> items;
  std::string next_cursor{};  // empty: there is no more
};
struct ListQuery {
  int limit = 50;
  std::string cursor{};  // what the last page's next_cursor said; opaque
};
constexpr int list_limit_max = 200;
constexpr std::size_t cursor_bytes_max = 4096;

transport::Response json_response(int status, std::string json);
transport::Response success_response(std::string_view message);  // {"success":true,"message":...}
// {"error":{"type","code","message","param"}} with the status that fits the code; `param` names the input at fault, or is empty.
transport::Response error_response(const Error& error, std::string_view param = {});
transport::Response error_response(int status, const Error& error, std::string_view param = {});
Error missing(const Error& error, std::string_view what);  // a not_found of the store as "there is no such <what>"; others as they are
transport::Response object_response(int status, std::string_view singular, std::string_view object);  // {"<singular>":<object>}
// {"<plural>":[...],"count":n,"next_cursor":null}
transport::Response list_response(std::string_view plural, const JsonPage& page);
Result<ListQuery> parse_list_query(const transport::Request& request);  // invalid_argument: limit or cursor

}  // namespace repartee::api
