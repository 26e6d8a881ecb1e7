// HTTP and WebSocket on one port, plain or TLS. Boost.Beast parses HTTP; after an upgrade the raw bytes go to a websocketpp engine over
// its iostream transport, so that the write buffer, the limits and the timers are ours. This folder is the only code that includes
// Beast or websocketpp.
// Thread contract: a connection lives on one loop; its handlers run there. Peer::send and close may be called on that loop only.
// A handler that throws is answered for: 500, or close 1011. A Respond or accept that is forgotten (destroyed uncalled) answers 500.
// ~Server ends all connections and waits for running loops (not from a loop's thread); afterwards no handler is called. Metrics must
// outlive it, the loops too.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/asio_loops.hpp"
#include "core/metrics.hpp"
#include "core/result.hpp"

namespace repartee::transport {

struct Request {
  std::string method, target;                  // target as sent: "/v1/realtime?model=default"
  std::string path;                            // decoded, without the query; always begins with '/', no "..", no NUL
  std::map<std::string, std::string> query;    // decoded; the last of equal names wins
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
  std::string remote_address;  // "127.0.0.1"
  bool tls = false;
  std::shared_ptr<const void> room = {};  // of a large body: others wait for its place until the last copy of this is gone
  std::string header(std::string_view name) const;  // empty when absent
};
// A body too large to be held at once. Its pieces are asked for one after another, as fast as the peer takes them, and no more once the
// connection is gone.
class BodyStream : public std::enable_shared_from_this<BodyStream> {
 public:
  virtual ~BodyStream() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // On the connection's loop; must not block. `done` on that loop, once, perhaps later. Nothing before size_bytes are there, or an error:
  // the connection is cut.
  virtual void next(Loop& loop, std::function<void(Result<std::string>)> done) = 0;
};

struct Response {
  int status = 200;
  std::map<std::string, std::string> headers;  // Content-Length is set by the server
  std::string body;
  std::shared_ptr<BodyStream> stream = {};     // in place of body
};
// May be called once, from any thread, now or later.
using Respond = std::function<void(Response)>;

// An open WebSocket, seen from the server's logic.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void send_text(std::string_view text) = 0;
  virtual void send_binary(std::string_view bytes) = 0;
  virtual void close(int code, std::string_view reason) = 0;  // RFC 6455 codes; idempotent
  virtual std::size_t buffered_bytes() const = 0;             // not yet taken by the kernel
  virtual const std::string& remote_address() const = 0;
};

// What a WebSocket's owner hears; destroyed by the transport after on_close.
class PeerHandler {
 public:
  virtual ~PeerHandler() = default;
  virtual void on_open(std::shared_ptr<Peer> peer) = 0;
  virtual void on_text(std::string_view text) = 0;
  virtual void on_binary(std::string_view bytes) = 0;
  virtual void on_close(int code, std::string_view reason) = 0;  // exactly once; 1006 when the connection was lost
};

// The answer to an upgrade request: a handler and the chosen subprotocol, or a refusal.
struct Accept {
  std::unique_ptr<PeerHandler> handler;  // null: refused
  std::string subprotocol;               // empty: none
  Response refusal;                      // used when handler is null
};

// A path where bodies may be larger than elsewhere.
struct LargeBodies {
  std::string method, path;  // the whole path
  std::size_t bytes_max = 0;
};

struct Options {
  std::string address = "127.0.0.1";
  unsigned short port = 8080;                   // 0: any free one
  std::string tls_cert_file{}, tls_key_file{};  // PEM; both or neither
  std::size_t connections_max = 20000;
  std::size_t connections_per_address_max = 1024;  // loopback is not counted; 0: no limit
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t body_bytes_max = 1024 * 1024;
  std::vector<LargeBodies> large_bodies{};  // all of them beyond body_bytes_max count into the next
  std::size_t large_bodies_at_once = 4;     // one more is refused with 503
  std::chrono::milliseconds large_body_timeout{300'000};
  std::size_t message_bytes_max = 2 * 1024 * 1024;
  std::size_t send_buffer_bytes_max = 1024 * 1024;  // a peer that reads slower than this is dropped (1008)
  std::chrono::milliseconds header_timeout{10'000}, body_timeout{30'000}, keep_alive_timeout{30'000};
  std::chrono::milliseconds ping_interval{20'000}, pong_timeout{20'000}, close_timeout{2'000};
};

struct Handlers {
  std::function<void(Loop&, Request, Respond)> on_request;  // on the connection's loop
  // On the connection's loop. `requested_subprotocols` in the client's order. May answer later, from the same loop.
  std::function<void(Loop&, Request, std::vector<std::string> requested_subprotocols, std::function<void(Accept)>)> on_upgrade;
  // Before a large body is read: `done`, on the same loop, with the refusal, or nothing. The request has no body yet. Empty: all are read.
  std::function<void(Loop&, const Request& head, std::function<void(std::optional<Response> refusal)> done)> may_send_large_body = {};
};

class Server {
 public:
  Server(AsioLoops& loops, Options options, Handlers handlers, Metrics& metrics);
  ~Server();
  Status listen();                               // binds; unavailable "port 8080 is taken" ...
  // Connections that come from now on get this certificate, those that are there keep theirs. Any thread. An error changes nothing;
  // conflict: it listens without TLS.
  Status reload_tls(const std::string& cert_file, const std::string& key_file);
  unsigned short port() const;                   // the bound one
  void stop_accepting();                         // existing connections go on
  void close_all(int code, std::string reason);  // any thread; peers get a close frame, then at most close_timeout
  std::size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::transport
