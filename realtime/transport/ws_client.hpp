// A small blocking WebSocket client (ws:// and wss://), for `repartee talk`, the load client and the tests.
// Thread contract: one thread; every call returns within its timeout. Pings are answered while receive() runs.
#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::transport {

class WsClient {
 public:
  struct Options {
    std::map<std::string, std::string> headers{};  // {"Authorization", "Bearer ..."}
    std::vector<std::string> subprotocols{};
    bool tls_verify = true;
    std::string tls_ca_file{};                  // empty: the system's
    std::chrono::milliseconds timeout{10'000};  // of connecting, of one send and of closing, each
    std::size_t message_bytes_max = 16 * 1024 * 1024;
  };
  struct Message {
    bool is_text = true;
    std::string data;
  };
  struct Url {
    bool tls = false;
    std::string host, port, target;  // host without brackets; target begins with '/'
  };
  static Result<Url> parse_url(std::string_view url);

  WsClient();
  ~WsClient();  // drops the connection
  // unauthenticated for 401, permission_denied for 403, not_found for 404; otherwise unavailable, with what the server said.
  Status connect(const std::string& url, Options options);
  Status send_text(std::string_view text);
  Status send_binary(std::string_view bytes);
  std::optional<Message> receive(std::chrono::milliseconds wait_max);  // nothing: none came in that time, or it is closed
  void close(int code = 1000, std::string_view reason = {});           // with the handshake; messages on their way are lost
  bool is_open() const;
  int close_code() const;  // of the peer's close frame; 1006 when there was none
  std::string close_reason() const;
  std::string subprotocol() const;  // what the server chose

 private:
  struct Channel;
  template <class Stream>
  class ChannelOver;
  std::unique_ptr<Channel> channel_;
};

}  // namespace repartee::transport
