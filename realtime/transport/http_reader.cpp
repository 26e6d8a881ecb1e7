#include "realtime/transport/http_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

#include "core/text.hpp"

namespace repartee::transport {
namespace {

namespace http = boost::beast::http;

// Beast bounds the header block but not a chunk's extensions.
constexpr std::size_t chunk_header_bytes_max = 4096;

std::string to_std(boost::beast::string_view text) { return {text.data(), text.size()}; }

int status_of(const boost::system::error_code& ec) {
  if (ec == http::error::header_limit) return 431;
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::bad_version) return 505;
  return 400;
}

}  // namespace

struct HttpReader::Impl {
  explicit Impl(const Limits& l) : limits(l) {}
  const Limits limits;
  bool is_large = false;
  http::request_parser<http::string_body> parser;
  State state = State::header;
  int error_status = 0;
  std::string error_message;
  Request request;

  void fail(int status, std::string message) {
    state = State::failed;
    error_status = status;
    error_message = std::move(message);
  }
  void check_head();
  void check_length();
  void finish();
};

// Before the body is waited for: what is wrong already needs no body.
void HttpReader::Impl::check_head() {
  const auto& head = parser.get();
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && head.version() >= 11)) return fail(400, "exactly one Host header is needed");
  request.method = to_std(head.method_string());
  request.target = to_std(head.target());
  if (!parse_target(request.target, request.path, request.query)) return fail(400, "the request target is not acceptable");
  for (const auto& field : head) {
    auto [it, is_new] = request.headers.emplace(to_lower(to_std(field.name_string())), to_std(field.value()));
    if (!is_new) it->second += ", " + to_std(field.value());
  }
  check_length();
}

// How large the body may be follows from the path, so it is known now, before anything of it is read.
void HttpReader::Impl::check_length() {
  std::size_t bytes_max = limits.body_bytes_max;
  if (limits.large_bodies)
    for (const auto& large : *limits.large_bodies)
      if (large.method == request.method && large.path == request.path) bytes_max = std::max(bytes_max, large.bytes_max);
  const auto length = parser.content_length();
  if (length && *length > bytes_max) return fail(413, "the body is larger than " + std::to_string(bytes_max) + " bytes");
  is_large = bytes_max > limits.body_bytes_max && (length ? *length > limits.body_bytes_max : parser.chunked());
  if (!length) parser.body_limit(bytes_max);
}

void HttpReader::Impl::finish() {
  state = State::done;
  request.body = std::move(parser.get().body());
}

HttpReader::HttpReader(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {
  std::size_t bytes_max = limits.body_bytes_max;
  if (limits.large_bodies)
    for (const auto& large : *limits.large_bodies) bytes_max = std::max(bytes_max, large.bytes_max);
  impl_->parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  impl_->parser.body_limit(bytes_max);  // of any path; check_length knows this one's
  impl_->parser.eager(false);
}
HttpReader::~HttpReader() = default;

std::size_t HttpReader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (impl_->state == State::header || impl_->state == State::body) {
    const auto rest = bytes.substr(taken);
    if (rest.empty() && !impl_->parser.is_done()) break;
    boost::system::error_code ec;
    const std::size_t n = impl_->parser.put(boost::asio::buffer(rest.data(), rest.size()), ec);
    taken += n;
    if (ec && ec != http::error::need_more) {
      impl_->fail(status_of(ec), ec.message());
      break;
    }
    if (impl_->state == State::header && impl_->parser.is_header_done()) {
      impl_->state = State::body;
      impl_->check_head();
      if (impl_->state == State::failed) break;
    }
    if (impl_->parser.is_done()) {
      impl_->finish();
    } else if (ec == http::error::need_more) {
      if (impl_->state == State::body && rest.size() - n > chunk_header_bytes_max) impl_->fail(400, "a chunk header is too long");
      break;
    }
  }
  return taken;
}

HttpReader::State HttpReader::state() const { return impl_->state; }
int HttpReader::error_status() const { return impl_->error_status; }
const std::string& HttpReader::error_message() const { return impl_->error_message; }
bool HttpReader::is_large_body() const { return impl_->is_large; }
const Request& HttpReader::head() const { return impl_->request; }
bool HttpReader::expects_continue() const {
  return impl_->parser.get().version() >= 11 && boost::beast::iequals(impl_->parser.get()[http::field::expect], "100-continue");
}
bool HttpReader::keep_alive() const { return impl_->parser.get().keep_alive(); }
bool HttpReader::is_head() const { return impl_->parser.is_header_done() && impl_->parser.get().method() == http::verb::head; }

bool HttpReader::is_upgrade() const {
  const auto& head = impl_->parser.get();
  return http::token_list(head[http::field::connection]).exists("upgrade") &&
         http::token_list(head[http::field::upgrade]).exists("websocket");
}

Request HttpReader::take() { return std::move(impl_->request); }

std::vector<std::string> split_list(std::string_view header) {
  std::vector<std::string> items;
  while (!header.empty()) {
    const auto comma = std::min(header.find(','), header.size());
    auto item = header.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return items;
}

Response check_handshake(const Request& request) {
  if (request.method != "GET") return error_response(400, "a WebSocket is opened with GET");
  if (request.header("sec-websocket-version") != "13") {
    Response refusal = error_response(426, "only version 13 of the WebSocket protocol is spoken");
    refusal.headers["Sec-WebSocket-Version"] = "13";
    return refusal;
  }
  const std::string key = request.header("sec-websocket-key");
  const bool is_base64_of_16_bytes =
      key.size() == 24 && key.ends_with("==") &&
      std::all_of(key.begin(), key.end() - 2, [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/'; });
  if (!is_base64_of_16_bytes) return error_response(400, "Sec-WebSocket-Key is missing or malformed");
  if (!request.body.empty()) return error_response(400, "an upgrade request has no body");
  return Response{.status = 0, .headers = {}, .body = {}};
}

}  // namespace repartee::transport
