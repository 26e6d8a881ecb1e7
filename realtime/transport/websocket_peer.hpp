// The WebSocket phase of a connection: the engine, the server's handler, pings, and what bounds a hostile or slow peer.
// Thread contract: its connection's loop. Handlers may call send and close from inside their callbacks; on_close comes from a turn of
// the loop of its own, and the handler is destroyed after it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/rate_meter.hpp"
#include "realtime/transport/server.hpp"
#include "realtime/transport/websocket_engine.hpp"

namespace repartee::transport {

class Connection;

class WebsocketPeer final : private WebsocketEvents {
 public:
  WebsocketPeer(Connection& connection, std::unique_ptr<PeerHandler> handler);
  ~WebsocketPeer() override;
  void open(const std::string& key, const std::string& subprotocol);
  void feed(char* bytes, std::size_t size);  // unmasked in place
  void send(bool is_text, std::string_view data);
  void close(int code, std::string_view reason);
  void lost();           // the wire is gone
  void deliver_close();  // tells the handler and destroys it, if it was not told yet
  std::size_t buffered_bytes() const;

 private:
  class Handle;

  void ws_write(std::string_view head, std::string_view body) override;
  void ws_message(bool is_text, std::string_view data) override;
  bool ws_control() override;
  void ws_closed(int code, std::string_view reason) override;

  template <class Call>
  void guarded(const char* callback, Call&& call);
  void drop_slow();
  void wait_then_ping(Duration delay);
  void ping();

  Connection& connection_;
  std::unique_ptr<PeerHandler> handler_;
  std::shared_ptr<Handle> handle_;
  std::unique_ptr<WebsocketLink> link_;
  enum class Overflow { none, noticed, closing } overflow_ = Overflow::none;
  bool closed_ = false;
  int asked_code_ = 0;  // what close() was called with
  int code_ = 0;        // what on_close says
  std::string asked_reason_, reason_;

  StreamPtr ping_timer_;
  bool awaits_pong_ = false;
  RateMeter control_frames_;  // pings and pongs received
};

}  // namespace repartee::transport
