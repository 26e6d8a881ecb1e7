// The parts of http_reader.hpp that need no parser: targets and responses.
#include <ctime>
#include <optional>

#include "realtime/transport/http_reader.hpp"

namespace repartee::transport {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      result += static_cast<char>(*high * 16 + *low);
      i += 2;
    }
  }
  if (result.find('\0') != std::string::npos) return std::nullopt;
  return result;
}

bool climbs(std::string_view path) {  // has a segment ".."
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (path.substr(at, end - at) == "..") return true;
    at = end + 1;
  }
  return false;
}

std::string http_date(std::time_t now) {
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Entity";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

bool is_safe_field(std::string_view name, std::string_view value) {
  constexpr std::string_view breaks("\r\n\0", 3);
  return !name.empty() && name.find_first_of("\r\n: ") == std::string_view::npos && value.find_first_of(breaks) == std::string_view::npos;
}

}  // namespace

std::string Request::header(std::string_view name) const {
  const auto it = headers.find(std::string(name));
  return it == headers.end() ? std::string() : it->second;
}

bool parse_target(std::string_view target, std::string& path, std::map<std::string, std::string>& query) {
  if (const auto scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {  // absolute form
    const auto slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  if (!target.starts_with('/')) return false;
  target = target.substr(0, target.find('#'));
  const auto question = target.find('?');
  auto decoded = percent_decode(target.substr(0, question), false);
  if (!decoded || climbs(*decoded)) return false;
  path = std::move(*decoded);
  if (question == std::string_view::npos) return true;
  for (auto rest = target.substr(question + 1); !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::string() : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value) return false;
    if (!name->empty()) query[std::move(*name)] = std::move(*value);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

std::string write_response(const Response& response, bool keep_alive, bool is_head) {
  const bool has_no_body = response.status == 204 || response.status == 304;
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + ' ' + reason_phrase(response.status) +
                     "\r\nServer: repartee\r\nDate: " + http_date(std::time(nullptr)) + "\r\n";
  for (const auto& [name, value] : response.headers) {
    if (is_safe_field(name, value)) text += name + ": " + value + "\r\n";
  }
  const std::uint64_t length = response.stream ? response.stream->size_bytes() : response.body.size();
  if (!has_no_body) text += "Content-Length: " + std::to_string(length) + "\r\n";
  text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (!is_head && !has_no_body && !response.stream) text += response.body;
  return text;
}

Response error_response(int status, std::string_view message) {
  const char* type = status >= 500 ? "server_error" : "invalid_request_error";
  std::string code(reason_phrase(status));
  for (char& c : code) c = c == ' ' ? '_' : static_cast<char>(c | 0x20);  // letters and spaces only
  // The messages are the server's own: no quotes, nothing to escape.
  return {status,
          {{"Content-Type", "application/json"}},
          R"({"error":{"type":")" + std::string(type) + R"(","code":")" + code + R"(","message":")" + std::string(message) +
              R"(","param":null}})"};
}

}  // namespace repartee::transport
