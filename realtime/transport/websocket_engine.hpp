// The WebSocket protocol (RFC 6455) as bytes in, events out: no socket, no clock, no thread. It hides websocketpp, whose headers do
// not compile as C++20 with g++ 12; therefore this header stays within C++17 and knows nothing of core.
// Thread contract: an engine and all its links are used from one thread. A link calls its events only from inside its own members;
// events may call back into the link (send, close) but must not destroy it. Links live no longer than their engine.
// Memory: messages being read come from a pool of the engine; a link between messages holds a few hundred bytes.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace repartee::transport {

class WebsocketEvents {
 public:
  virtual ~WebsocketEvents() = default;
  virtual void ws_write(std::string_view head, std::string_view body) = 0;  // for the wire, in order: a whole frame in two parts
  virtual void ws_message(bool is_text, std::string_view data) = 0;         // text is valid UTF-8
  virtual bool ws_control() = 0;                                            // a ping or pong came; false: a ping is not answered
  virtual void ws_closed(int code, std::string_view reason) = 0;            // once; nothing follows; write what is left, then shut the wire
};

class WebsocketLink {
 public:
  virtual ~WebsocketLink() = default;
  virtual void feed(char* bytes, std::size_t size) = 0;  // unmasked in place: what was there is gone
  virtual bool send(bool is_text, std::string_view data) = 0;  // false: not open any more, or text that is not UTF-8
  virtual void ping() = 0;
  virtual void close(int code, std::string_view reason) = 0;  // reason of at most 123 bytes
  virtual void lost() = 0;                                    // the wire is gone
};

class WebsocketEngine {
 public:
  struct Options {
    std::size_t message_bytes_max = 2 * 1024 * 1024;
    std::string server_name = "repartee";
  };
  explicit WebsocketEngine(const Options& options);
  ~WebsocketEngine();
  // Answers the handshake (writes the 101 response). `key` is Sec-WebSocket-Key; null if the engine refuses it.
  std::unique_ptr<WebsocketLink> open(const std::string& key, const std::string& subprotocol, WebsocketEvents& events);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::transport
