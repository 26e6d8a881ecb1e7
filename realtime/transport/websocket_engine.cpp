// Compiled as C++17, see the header.
#include "realtime/transport/websocket_engine.hpp"

#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/core.hpp>
#include <websocketpp/server.hpp>

namespace repartee::transport {
namespace {

struct EngineConfig : websocketpp::config::core {
  using type = EngineConfig;
  using base = websocketpp::config::core;
  using concurrency_type = websocketpp::concurrency::none;
  using request_type = base::request_type;
  using response_type = base::response_type;
  using message_type = base::message_type;
  using con_msg_manager_type = base::con_msg_manager_type;
  using endpoint_msg_manager_type = base::endpoint_msg_manager_type;
  using elog_type = websocketpp::log::basic<concurrency_type, websocketpp::log::elevel>;
  using alog_type = websocketpp::log::basic<concurrency_type, websocketpp::log::alevel>;
  using rng_type = base::rng_type;
  struct transport_config : base::transport_config {
    using concurrency_type = type::concurrency_type;
    using elog_type = type::elog_type;
    using alog_type = type::alog_type;
    using request_type = type::request_type;
    using response_type = type::response_type;
  };
  using transport_type = websocketpp::transport::iostream::endpoint<transport_config>;
  static const websocketpp::log::level elog_level = websocketpp::log::elevel::none;
  static const websocketpp::log::level alog_level = websocketpp::log::alevel::none;
  static const size_t connection_read_buffer_size = 4096;  // lives in every connection: an idle call must stay small
};
using Endpoint = websocketpp::server<EngineConfig>;
using ConnectionPtr = Endpoint::connection_ptr;
using ErrorCode = websocketpp::lib::error_code;
namespace opcode = websocketpp::frame::opcode;
namespace close_status = websocketpp::close::status;

class Link final : public WebsocketLink {
 public:
  Link(ConnectionPtr connection, const std::string& subprotocol, WebsocketEvents& events)
      : connection_(std::move(connection)), subprotocol_(subprotocol), events_(events) {
    connection_->set_write_handler([this](websocketpp::connection_hdl, const char* data, size_t size) {
      events_.ws_write({data, size});
      return ErrorCode();
    });
    connection_->set_vector_write_handler(
        [this](websocketpp::connection_hdl, const std::vector<websocketpp::transport::buffer>& buffers) { return write(buffers); });
    connection_->set_validate_handler([this](websocketpp::connection_hdl) {
      ErrorCode ec;
      connection_->select_subprotocol(subprotocol_, ec);
      return !ec;
    });
    connection_->set_open_handler([this](websocketpp::connection_hdl) { open_ = true; });
    connection_->set_message_handler([this](websocketpp::connection_hdl, const Endpoint::message_ptr& message) {
      const bool is_text = message->get_opcode() == opcode::text;
      // The library lets a text pass whose last fragment ends within a character (found by fuzzing).
      if (is_text && !websocketpp::utf8_validator::validate(message->get_payload())) return close(close_status::invalid_payload, "text that is not UTF-8");
      events_.ws_message(is_text, message->get_payload());
    });
    connection_->set_ping_handler([this](websocketpp::connection_hdl, const std::string&) { return events_.ws_control(); });
    connection_->set_pong_handler([this](websocketpp::connection_hdl, const std::string&) { events_.ws_control(); });
    connection_->set_close_handler([this](websocketpp::connection_hdl) { closed(); });
  }
  ~Link() override {
    // The handlers capture this, and the connection may outlive the link by a frame of its own call stack.
    connection_->set_write_handler(nullptr);
    connection_->set_vector_write_handler(
        [](websocketpp::connection_hdl, const std::vector<websocketpp::transport::buffer>&) { return ErrorCode(); });
    connection_->set_message_handler(nullptr);
    connection_->set_ping_handler(nullptr);
    connection_->set_pong_handler(nullptr);
    connection_->set_close_handler(nullptr);
  }

  // The client's request was parsed and checked already; the engine gets a clean one, so that nothing is parsed twice differently.
  bool shake_hands(const std::string& key) {
    std::string request =
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: " +
        key + "\r\n";
    if (!subprotocol_.empty()) request += "Sec-WebSocket-Protocol: " + subprotocol_ + "\r\n";
    request += "\r\n";
    connection_->start();
    connection_->read_all(request.data(), request.size());
    return open_;
  }

  void feed(std::string_view bytes) override {
    const ConnectionPtr alive = connection_;
    connection_->read_all(bytes.data(), bytes.size());
  }
  bool send(bool is_text, std::string_view data) override {
    return !connection_->send(data.data(), data.size(), is_text ? opcode::text : opcode::binary);
  }
  void ping() override {
    ErrorCode ec;
    connection_->ping("", ec);
  }
  void close(int code, std::string_view reason) override {
    const ConnectionPtr alive = connection_;
    ErrorCode ec;
    connection_->close(static_cast<close_status::value>(code), std::string(reason), ec);
    if (ec && connection_->get_state() == websocketpp::session::state::open) {
      connection_->close(close_status::internal_endpoint_error, "", ec);  // a code that may not be sent
    }
  }
  void lost() override {
    const ConnectionPtr alive = connection_;
    connection_->eof();
    if (!closed_) {  // it was not reading: a broken frame stops it
      closed_ = true;
      events_.ws_closed(close_status::abnormal_close, "connection lost");
    }
  }

 private:
  ErrorCode write(const std::vector<websocketpp::transport::buffer>& buffers) {
    for (const auto& buffer : buffers)
      if (buffer.len > 0) events_.ws_write({buffer.buf, buffer.len});  // a frame without payload has an empty second part
    return ErrorCode();
  }
  void closed() {
    if (closed_) return;
    closed_ = true;
    const int remote = connection_->get_remote_close_code();
    if (remote != close_status::abnormal_close && remote != close_status::blank) {
      events_.ws_closed(remote, connection_->get_remote_close_reason());
    } else {
      events_.ws_closed(connection_->get_local_close_code(), connection_->get_local_close_reason());
    }
  }

  const ConnectionPtr connection_;
  const std::string subprotocol_;
  WebsocketEvents& events_;
  bool open_ = false;
  bool closed_ = false;
};

}  // namespace

struct WebsocketEngine::Impl {
  Endpoint endpoint;
};

WebsocketEngine::WebsocketEngine(const Options& options) : impl_(std::make_unique<Impl>()) {
  impl_->endpoint.clear_access_channels(websocketpp::log::alevel::all);
  impl_->endpoint.clear_error_channels(websocketpp::log::elevel::all);
  impl_->endpoint.set_max_message_size(options.message_bytes_max);
  impl_->endpoint.set_user_agent(options.server_name);
  // The library finds out the byte order at its first use and keeps it in an unguarded static: that happens here, before the loops run.
  websocketpp::lib::net::_htonll(0);
}
WebsocketEngine::~WebsocketEngine() = default;

std::unique_ptr<WebsocketLink> WebsocketEngine::open(const std::string& key, const std::string& subprotocol, WebsocketEvents& events) {
  auto link = std::make_unique<Link>(impl_->endpoint.get_connection(), subprotocol, events);
  if (!link->shake_hands(key)) return nullptr;
  return link;
}

}  // namespace repartee::transport
