// One HTTP/1.x request, bytes in, Request out: Boost.Beast's parser with limits and the checks it leaves to us (Host, path, Upgrade).
// Pure: no socket, no clock. Fed with garbage by the fuzzers.
// Thread contract: one thread at a time.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "realtime/transport/server.hpp"

namespace repartee::transport {

class HttpReader {
 public:
  struct Limits {
    std::size_t header_bytes_max = 16 * 1024;
    std::size_t body_bytes_max = 1024 * 1024;
    const std::vector<LargeBodies>* large_bodies = nullptr;  // outlives the reader
  };
  enum class State { header, body, done, failed };

  explicit HttpReader(const Limits& limits);
  ~HttpReader();
  std::size_t feed(std::string_view bytes);  // how many were taken; feed the rest again with what comes next
  State state() const;

  int error_status() const;  // failed: 400, 413, 431, 505
  const std::string& error_message() const;

  bool is_large_body() const;      // body: larger than elsewhere, or of unknown length where it may be
  const Request& head() const;     // body: the request without it
  bool expects_continue() const;  // body: the client waits for "100 Continue"
  bool keep_alive() const;        // done
  bool is_head() const;           // header read
  bool is_upgrade() const;        // done: asks for a WebSocket
  Request take();                 // done; once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The bytes of a response. Content-Length, Date, Server and Connection are set here; header fields that could split the response are left
// out.
std::string write_response(const Response& response, bool keep_alive, bool is_head);
Response error_response(int status, std::string_view message);  // {"error":{type, code, message, param}}

// What a WebSocket handshake needs beyond the Upgrade header; the refusal says why (400, 426), status 0: acceptable.
Response check_handshake(const Request& request);
std::vector<std::string> split_list(std::string_view header);  // "a, b" -> {"a", "b"}

// Splits and decodes a request target; false: not a path we would ever serve ("..", NUL, bad %xx).
bool parse_target(std::string_view target, std::string& path, std::map<std::string, std::string>& query);

}  // namespace repartee::transport
