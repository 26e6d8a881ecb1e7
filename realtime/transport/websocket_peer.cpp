#include "realtime/transport/websocket_peer.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "core/log.hpp"
#include "realtime/transport/connection.hpp"

namespace repartee::transport {
namespace {

constexpr double control_frames_burst_max = 2000;
constexpr double control_frames_per_second_max = 100;
constexpr std::size_t close_reason_bytes_max = 123;  // RFC 6455, 5.5: a control frame holds 125 bytes, the code takes two

// Cuts at a character's border.
std::string_view fit_reason(std::string_view reason) {
  if (reason.size() <= close_reason_bytes_max) return reason;
  std::size_t end = close_reason_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
  return reason.substr(0, end);
}

}  // namespace

// What the server's logic holds, for as long as it likes; it outlives the connection.
class WebsocketPeer::Handle final : public Peer {
 public:
  Handle(WebsocketPeer& peer, std::string remote_address) : peer_(&peer), remote_address_(std::move(remote_address)) {}
  void send_text(std::string_view text) override {
    if (peer_) peer_->send(true, text);
  }
  void send_binary(std::string_view bytes) override {
    if (peer_) peer_->send(false, bytes);
  }
  void close(int code, std::string_view reason) override {
    if (peer_) peer_->close(code, reason);
  }
  std::size_t buffered_bytes() const override { return peer_ ? peer_->buffered_bytes() : 0; }
  const std::string& remote_address() const override { return remote_address_; }
  void detach() { peer_ = nullptr; }

 private:
  WebsocketPeer* peer_;
  const std::string remote_address_;
};

WebsocketPeer::WebsocketPeer(Connection& connection, std::unique_ptr<PeerHandler> handler)
    : connection_(connection),
      handler_(std::move(handler)),
      handle_(std::make_shared<Handle>(*this, connection.remote_address())),
      control_frames_(control_frames_per_second_max, control_frames_burst_max) {
  connection_.server().metrics.peers.add(1);
}

WebsocketPeer::~WebsocketPeer() { handle_->detach(); }

void WebsocketPeer::open(const std::string& key, const std::string& subprotocol) {
  link_ = connection_.home().engine.open(key, subprotocol, *this);
  if (!link_) {  // the handshake was checked before: cannot happen to an honest engine
    log::error("transport", "the WebSocket engine refused a handshake");
    return ws_closed(1006, "handshake refused");
  }
  connection_.server().metrics.count_response(101);
  wait_then_ping(connection_.server().options.ping_interval);
  guarded("on_open", [this] { handler_->on_open(handle_); });
}

template <class Call>
void WebsocketPeer::guarded(const char* callback, Call&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    log::error("transport", "a WebSocket handler threw", {{"callback", callback}, {"error", error.what()}});
    close(1011, "internal error");
  } catch (...) {
    log::error("transport", "a WebSocket handler threw", {{"callback", callback}});
    close(1011, "internal error");
  }
}

void WebsocketPeer::feed(char* bytes, std::size_t size) {
  if (closed_) return;
  awaits_pong_ = false;  // whatever comes shows that the peer lives
  link_->feed(bytes, size);
}

void WebsocketPeer::send(bool is_text, std::string_view data) {
  if (closed_ || overflow_ != Overflow::none) return;
  if (link_->send(is_text, data)) connection_.server().metrics.messages_out.add();
}

void WebsocketPeer::close(int code, std::string_view reason) {
  if (closed_ || asked_code_ != 0) return;
  asked_code_ = code;
  asked_reason_ = fit_reason(reason);
  connection_.arm(connection_.server().options.close_timeout, [this] { connection_.abort(); });
  link_->close(code, asked_reason_);
}

std::size_t WebsocketPeer::buffered_bytes() const { return connection_.buffered_bytes(); }

void WebsocketPeer::lost() {
  if (closed_) return;
  if (link_) link_->lost();
  else ws_closed(1006, "connection lost");
}

void WebsocketPeer::ws_write(std::string_view head, std::string_view body) {
  if (overflow_ == Overflow::noticed) return;
  connection_.write(head, body);
  if (overflow_ != Overflow::none || buffered_bytes() <= connection_.server().options.send_buffer_bytes_max) return;
  overflow_ = Overflow::noticed;
  boost::asio::post(connection_.home().loop.io(), [this, alive = connection_.shared_from_this()] { drop_slow(); });
}

void WebsocketPeer::drop_slow() {
  if (closed_) return;
  connection_.server().metrics.slow_peers.add();
  log::warn("transport", "a peer was dropped that reads too slowly",
            {{"remote_address", connection_.remote_address()}, {"buffered_bytes", buffered_bytes()}});
  connection_.drop_unsent();
  overflow_ = Overflow::closing;
  close(1008, "reads too slowly");
}

void WebsocketPeer::ws_message(bool is_text, std::string_view data) {
  connection_.server().metrics.messages_in.add();
  if (closed_ || asked_code_ != 0) return;
  if (is_text) guarded("on_text", [&] { handler_->on_text(data); });
  else guarded("on_binary", [&] { handler_->on_binary(data); });
}

bool WebsocketPeer::ws_control() {
  if (control_frames_.try_take(1, connection_.home().loop.now())) return true;
  close(1008, "too many control frames");
  return false;
}

void WebsocketPeer::ws_closed(int code, std::string_view reason) {
  closed_ = true;
  const bool is_ours = asked_code_ != 0 && code == 1006;  // we closed it, and the peer did not even answer
  code_ = is_ours ? asked_code_ : code;
  reason_ = is_ours ? asked_reason_ : std::string(reason);
  ping_timer_.reset();
  boost::asio::post(connection_.home().loop.io(), [this, alive = connection_.shared_from_this()] { deliver_close(); });
  connection_.end();
}

void WebsocketPeer::deliver_close() {
  if (!handler_) return;
  handle_->detach();
  connection_.server().metrics.peers.add(-1);
  const auto handler = std::move(handler_);
  guarded("on_close", [&] { handler->on_close(code_, reason_); });
}

void WebsocketPeer::wait_then_ping(Duration delay) {
  ping_timer_ = connection_.home().loop.after(delay, [this] { ping(); });
}

void WebsocketPeer::ping() {
  const auto& options = connection_.server().options;
  awaits_pong_ = true;
  link_->ping();
  ping_timer_ = connection_.home().loop.after(options.pong_timeout, [this, &options] {
    if (!awaits_pong_) return wait_then_ping(std::max(options.ping_interval - options.pong_timeout, std::chrono::milliseconds(0)));
    log::debug("transport", "a peer did not answer a ping", {{"remote_address", connection_.remote_address()}});
    connection_.abort();
  });
}

}  // namespace repartee::transport
