#include "realtime/transport/ws_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace repartee::transport {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<tcp::socket>;
using std::chrono::steady_clock;

Error connect_error(const boost::system::error_code& ec) {
  const auto code = ec == asio::error::timed_out ? Errc::deadline_exceeded : Errc::unavailable;
  return {code, "cannot connect: " + ec.message()};
}

Error refusal(int status, const std::string& body) {
  Errc code = Errc::unavailable;
  if (status == 400) code = Errc::invalid_argument;
  else if (status == 401) code = Errc::unauthenticated;
  else if (status == 403) code = Errc::permission_denied;
  else if (status == 404) code = Errc::not_found;
  return {code, "the server answered " + std::to_string(status) + (body.empty() ? "" : ": " + body)};
}

}  // namespace

struct WsClient::Channel {
  virtual ~Channel() = default;
  virtual Status connect(const Url& url) = 0;
  virtual Status send(bool is_text, std::string_view data) = 0;
  virtual std::optional<Message> receive(std::chrono::milliseconds wait_max) = 0;
  virtual void close(int code, std::string_view reason) = 0;
  virtual websocket::close_reason reason() const = 0;

  bool open = false;
  std::string subprotocol;
};

template <class Stream>
class WsClient::ChannelOver final : public WsClient::Channel {
 public:
  ChannelOver(Options options, std::shared_ptr<asio::ssl::context> tls)
      : options_(std::move(options)), tls_(std::move(tls)), ws_(make_stream()) {}
  ~ChannelOver() override {
    boost::system::error_code ignored;
    beast::get_lowest_layer(ws_).close(ignored);
    io_.restart();
    io_.run();  // operations under way end, their handlers touch this
  }

  Status connect(const Url& url) override {
    tcp::resolver resolver(io_);
    boost::system::error_code ec;
    const auto endpoints = resolver.resolve(url.host, url.port, ec);
    if (ec) return connect_error(ec);
    auto& socket = beast::get_lowest_layer(ws_);
    ec = wait([&](auto done) { asio::async_connect(socket, endpoints, [done](const auto& e, const auto&) { done(e); }); });
    if (ec) return connect_error(ec);
    socket.set_option(tcp::no_delay(true), ec);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      SSL_set_tlsext_host_name(ws_.next_layer().native_handle(), url.host.c_str());
      if (options_.tls_verify) ws_.next_layer().set_verify_callback(asio::ssl::host_name_verification(url.host));
      ec = wait([&](auto done) { ws_.next_layer().async_handshake(asio::ssl::stream_base::client, done); });
      if (ec) return Error{Errc::unavailable, "TLS failed: " + ec.message()};
    }
    return shake_hands(url);
  }

  Status send(bool is_text, std::string_view data) override {
    if (!open) return Error{Errc::unavailable, "the connection is closed"};
    ws_.text(is_text);
    const auto ec =
        wait([&](auto done) { ws_.async_write(asio::buffer(data.data(), data.size()), [done](const auto& e, std::size_t) { done(e); }); });
    if (!ec) return {};
    open = false;
    return Error{ec == asio::error::timed_out ? Errc::deadline_exceeded : Errc::unavailable, "cannot send: " + ec.message()};
  }

  std::optional<Message> receive(std::chrono::milliseconds wait_max) override {
    if (!received_ && !reading_ && open) start_reading();
    run_until(received_, steady_clock::now() + wait_max, reading_);
    if (!received_) return std::nullopt;
    received_ = false;
    Message message{ws_.got_text(), beast::buffers_to_string(buffer_.data())};
    buffer_.consume(buffer_.size());
    return message;
  }

  void close(int code, std::string_view reason) override {
    if (!open) return;
    open = false;
    const websocket::close_reason why(static_cast<websocket::close_code>(code), beast::string_view(reason.data(), reason.size()));
    wait([&](auto done) { ws_.async_close(why, done); });
  }

  websocket::close_reason reason() const override { return ws_.reason(); }

 private:
  websocket::stream<Stream> make_stream() {
    if constexpr (std::is_same_v<Stream, TlsStream>) return websocket::stream<Stream>(io_, *tls_);
    else return websocket::stream<Stream>(io_);
  }

  Status shake_hands(const Url& url) {
    ws_.read_message_max(options_.message_bytes_max);
    ws_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      for (const auto& [name, value] : options_.headers) request.set(name, value);
      std::string offered;
      for (const auto& name : options_.subprotocols) offered += (offered.empty() ? "" : ", ") + name;
      if (!offered.empty()) request.set(beast::http::field::sec_websocket_protocol, offered);
    }));
    const bool is_v6 = url.host.find(':') != std::string::npos;
    const std::string host = (is_v6 ? "[" + url.host + "]" : url.host) + ":" + url.port;
    websocket::response_type answer;
    const auto ec = wait([&](auto done) { ws_.async_handshake(answer, host, url.target, done); });
    if (ec == websocket::error::upgrade_declined) return refusal(static_cast<int>(answer.result_int()), answer.body());
    if (ec) return connect_error(ec);
    const auto chosen = answer[beast::http::field::sec_websocket_protocol];
    subprotocol.assign(chosen.data(), chosen.size());
    open = true;
    return {};
  }

  // Starts an operation and runs the loop until it ends; past the timeout the connection is given up.
  template <class Start>
  boost::system::error_code wait(Start&& start) {
    bool done = false, always = true;
    boost::system::error_code result;
    start([&](const boost::system::error_code& ec) {
      result = ec;
      done = true;
    });
    run_until(done, steady_clock::now() + options_.timeout, always);
    if (done) return result;
    boost::system::error_code ignored;
    beast::get_lowest_layer(ws_).close(ignored);
    run_until(done, steady_clock::time_point::max(), always);  // it ends at once now; its handler refers to this frame
    return asio::error::timed_out;
  }

  void run_until(const bool& done, steady_clock::time_point deadline, const bool& under_way) {
    io_.restart();
    while (!done && under_way) {
      const auto now = steady_clock::now();
      if (now >= deadline) return;
      if (deadline == steady_clock::time_point::max()) io_.run_one();
      else io_.run_one_until(deadline);
    }
  }

  void start_reading() {
    reading_ = true;
    ws_.async_read(buffer_, [this](const boost::system::error_code& ec, std::size_t) {
      reading_ = false;
      if (ec) open = false;
      else received_ = true;
    });
  }

  asio::io_context io_{1};
  const Options options_;
  const std::shared_ptr<asio::ssl::context> tls_;
  websocket::stream<Stream> ws_;
  beast::flat_buffer buffer_;
  bool reading_ = false;   // an async_read is under way, perhaps since an earlier receive()
  bool received_ = false;  // buffer_ holds a whole message
};

Result<WsClient::Url> WsClient::parse_url(std::string_view url) {
  Url parts;
  if (url.starts_with("wss://")) parts.tls = true;
  else if (!url.starts_with("ws://")) return Error{Errc::invalid_argument, "a WebSocket URL begins with ws:// or wss://"};
  url.remove_prefix(parts.tls ? 6 : 5);
  const auto slash = std::min(url.find_first_of("/?"), url.size());
  auto authority = url.substr(0, slash);
  parts.target = url.substr(slash);
  if (!parts.target.starts_with('/')) parts.target.insert(0, "/");
  parts.port = parts.tls ? "443" : "80";
  const auto bracket = authority.find(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    parts.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  parts.host = authority;
  if (parts.host.empty() || parts.port.empty() || parts.port.find_first_not_of("0123456789") != std::string::npos) {
    return Error{Errc::invalid_argument, "the URL has no proper host and port"};
  }
  return parts;
}

WsClient::WsClient() = default;
WsClient::~WsClient() = default;

Status WsClient::connect(const std::string& url, Options options) {
  auto parts = parse_url(url);
  if (!parts) return parts.error();
  if (!parts->tls) {
    channel_ = std::make_unique<ChannelOver<tcp::socket>>(std::move(options), nullptr);
    return channel_->connect(*parts);
  }
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  boost::system::error_code ec;
  if (!options.tls_verify) tls->set_verify_mode(asio::ssl::verify_none, ec);
  else tls->set_verify_mode(asio::ssl::verify_peer, ec);
  if (!options.tls_ca_file.empty()) tls->load_verify_file(options.tls_ca_file, ec);
  else tls->set_default_verify_paths(ec);
  if (ec) return Error{Errc::invalid_argument, "cannot read the certificates to trust: " + ec.message()};
  channel_ = std::make_unique<ChannelOver<TlsStream>>(std::move(options), std::move(tls));
  return channel_->connect(*parts);
}

Status WsClient::send_text(std::string_view text) {
  return channel_ ? channel_->send(true, text) : Status(Error{Errc::unavailable, "not connected"});
}
Status WsClient::send_binary(std::string_view bytes) {
  return channel_ ? channel_->send(false, bytes) : Status(Error{Errc::unavailable, "not connected"});
}
std::optional<WsClient::Message> WsClient::receive(std::chrono::milliseconds wait_max) {
  return channel_ ? channel_->receive(wait_max) : std::nullopt;
}
void WsClient::close(int code, std::string_view reason) {
  if (channel_) channel_->close(code, reason);
}
bool WsClient::is_open() const { return channel_ && channel_->open; }
int WsClient::close_code() const {
  const int code = channel_ ? channel_->reason().code : 0;
  return code == 0 ? 1006 : code;
}
std::string WsClient::close_reason() const {
  if (!channel_) return {};
  const auto why = channel_->reason();
  return {why.reason.data(), why.reason.size()};
}
std::string WsClient::subprotocol() const { return channel_ ? channel_->subprotocol : std::string(); }

}  // namespace repartee::transport
