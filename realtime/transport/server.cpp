#include "realtime/transport/server.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <utility>

#include "core/file_descriptor.hpp"
#include "core/log.hpp"
#include "realtime/transport/connection.hpp"
#include "realtime/transport/server_state.hpp"
#include "realtime/transport/tls_context.hpp"

namespace repartee::transport {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr Millis accept_retry_delay{100};  // descriptors are exhausted: spinning would starve the calls
constexpr int listen_backlog = 4096;
constexpr Millis cleanup_wait_max{5000};  // the destructor's patience with a loop that hangs

Result<tcp::endpoint> parse_endpoint(std::string address, unsigned short port) {
  if (address == "localhost") address = "127.0.0.1";
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
  boost::system::error_code ec;
  const auto ip = asio::ip::make_address(address, ec);
  if (ec) return Error{Errc::invalid_argument, "not an IP address to listen on: " + address};
  return tcp::endpoint(ip, port);
}

Error bind_error(const boost::system::error_code& ec, const Options& options) {
  const std::string port = std::to_string(options.port);
  if (ec == asio::error::address_in_use) return {Errc::unavailable, "port " + port + " is taken"};
  if (ec == asio::error::access_denied) return {Errc::permission_denied, "port " + port + " needs more rights than this user has"};
  return {Errc::unavailable, "cannot listen on " + options.address + " port " + port + ": " + ec.message()};
}

}  // namespace

TransportMetrics::TransportMetrics(Metrics& metrics)
    : connections(metrics.gauge("repartee_connections", "Open TCP connections")),
      peers(metrics.gauge("repartee_ws_connections", "Open WebSockets")),
      messages_in(metrics.counter("repartee_ws_messages_total", "WebSocket messages", {{"direction", "in"}})),
      messages_out(metrics.counter("repartee_ws_messages_total", "WebSocket messages", {{"direction", "out"}})),
      bytes_in(metrics.counter("repartee_transport_bytes_total", "Bytes of HTTP and WebSocket, without TLS", {{"direction", "in"}})),
      bytes_out(metrics.counter("repartee_transport_bytes_total", "Bytes of HTTP and WebSocket, without TLS", {{"direction", "out"}})),
      slow_peers(metrics.counter("repartee_ws_slow_peers_total", "WebSockets dropped because they read too slowly")) {
  for (int i = 0; i < 5; ++i) {
    responses_by_class[i] = &metrics.counter("repartee_http_requests_total", "HTTP requests by the class of their answer",
                                             {{"status", std::to_string(i + 1) + "xx"}});
  }
}

void TransportMetrics::count_response(int status) { responses_by_class[std::clamp(status / 100, 1, 5) - 1]->add(); }

// One that is not open if the loop can hold no more.
tcp::socket socket_on(asio::io_context& io, FileDescriptor descriptor, tcp protocol) {
  tcp::socket socket(io);
  boost::system::error_code ec;
  socket.assign(protocol, descriptor.get(), ec);
  if (!ec) descriptor.release();
  return socket;
}

// Its pending operations hold it by shared_ptr, so that it may be asked to stop from any thread. The acceptor lives on loop 0.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  explicit Acceptor(std::shared_ptr<ServerState> server)
      : server_(std::move(server)), io_(server_->loops[0]->loop.io()), acceptor_(io_), retry_(io_) {}

  Status listen() {
    auto endpoint = parse_endpoint(server_->options.address, server_->options.port);
    if (!endpoint) return endpoint.error();
    boost::system::error_code ec;
    acceptor_.open(endpoint->protocol(), ec);
    if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_.bind(*endpoint, ec);
    if (!ec) acceptor_.listen(listen_backlog, ec);
    if (ec) return bind_error(ec, server_->options);
    port_ = acceptor_.local_endpoint().port();
    accept();
    return {};
  }
  unsigned short port() const { return port_; }
  void stop() {  // on loop 0, or when that does not run
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

 private:
  void accept() {
    acceptor_.async_accept([self = shared_from_this()](const boost::system::error_code& ec, tcp::socket socket) {
      if (self->server_->stopping) return;
      if (ec) return self->back_off(ec);
      self->adopt(std::move(socket));
      self->accept();
    });
  }

  void back_off(const boost::system::error_code& ec) {
    if (ec == asio::error::operation_aborted) return;
    log::warn("transport", "cannot accept a connection", {{"error", ec.message()}});
    retry_.expires_after(accept_retry_delay);
    retry_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
      if (!cancelled && !self->server_->stopping) self->accept();
    });
  }

  // A descriptor is all that goes to the connection's loop, which makes a socket of its own from it.
  void adopt(tcp::socket socket) {
    boost::system::error_code ec;
    const auto remote = socket.remote_endpoint(ec);
    if (ec) return;  // it left already
    const std::string address = remote.address().to_string();
    if (!server_->addresses.enter(address)) return refuse(std::move(socket));
    if (server_->connections.fetch_add(1) >= server_->options.connections_max) {
      server_->forget(address);
      return refuse(std::move(socket));
    }
    socket.set_option(tcp::no_delay(true), ec);
    LoopState& home = *server_->loops[next_loop_++ % server_->loops.size()];
    asio::post(home.loop.io(), [server = server_, &home, address, descriptor = FileDescriptor(socket.release()), protocol = remote.protocol()]() mutable {
      std::make_shared<Connection>(server, home, socket_on(home.loop.io(), std::move(descriptor), protocol), address)->start();
    });
  }

  // One try to say why, without waiting for anything.
  void refuse(tcp::socket socket) {
    server_->metrics.count_response(503);
    if (server_->tls) return;
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    Response response = error_response(503, "too many connections");
    response.headers["Retry-After"] = "5";
    socket.write_some(asio::buffer(write_response(response, false, false)), ignored);
  }

  const std::shared_ptr<ServerState> server_;
  asio::io_context& io_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::size_t next_loop_ = 0;
  unsigned short port_ = 0;
};

struct Server::Impl {
  std::shared_ptr<ServerState> state;
  std::shared_ptr<Acceptor> acceptor;  // null until listen() succeeded

  void on_each_loop(const std::function<void(LoopState&)>& action) {
    for (auto& home : state->loops) {
      asio::post(home->loop.io(), [keep = state, action, &home = *home] { action(home); });
    }
  }
};

namespace {

std::vector<std::shared_ptr<Connection>> connections_of(const LoopState& home) {
  return {home.connections.begin(), home.connections.end()};  // a copy: ending one changes the set
}

void abort_all(LoopState& home) {
  for (const auto& connection : connections_of(home)) {
    connection->abort();
    connection->deliver_close();
  }
}

}  // namespace

Server::Server(AsioLoops& loops, Options options, Handlers handlers, Metrics& metrics) : impl_(std::make_unique<Impl>()) {
  impl_->state = std::make_shared<ServerState>(std::move(options), std::move(handlers), metrics);
  for (std::size_t i = 0; i < loops.size(); ++i) {
    impl_->state->loops.push_back(std::make_unique<LoopState>(loops.loop(i), impl_->state->options));
  }
}

// Afterwards no handler is called any more: running loops are waited for, stopped ones are cleaned up from here.
Server::~Server() {
  stop_accepting();
  if (!impl_->acceptor) return;
  std::vector<std::future<void>> cleaned;
  for (auto& home : impl_->state->loops) {
    if (home->loop.io().stopped()) {
      abort_all(*home);
      continue;
    }
    auto done = std::make_shared<std::promise<void>>();
    cleaned.push_back(done->get_future());
    asio::post(home->loop.io(), [keep = impl_->state, &home = *home, done] {
      abort_all(home);
      done->set_value();
    });
  }
  for (auto& future : cleaned) {
    if (future.wait_for(cleanup_wait_max) != std::future_status::ready)
      log::warn("transport", "a loop did not end its connections in time");
  }
}

Status Server::listen() {
  auto& state = *impl_->state;
  if (!state.options.tls_cert_file.empty() || !state.options.tls_key_file.empty()) {
    auto context = load_tls_context(state.options.tls_cert_file, state.options.tls_key_file);
    if (!context) return context.error();
    state.tls.replace(std::move(*context));
  }
  auto acceptor = std::make_shared<Acceptor>(impl_->state);
  if (Status status = acceptor->listen(); !status) return status;
  impl_->acceptor = std::move(acceptor);
  return {};
}

Status Server::reload_tls(const std::string& cert_file, const std::string& key_file) {
  auto& tls = impl_->state->tls;
  if (!tls) return Error{Errc::conflict, "the server began without TLS"};
  auto context = load_tls_context(cert_file, key_file);
  if (!context) return context.error();   // the old one stays
  tls.replace(std::move(*context));
  return {};
}

unsigned short Server::port() const { return impl_->acceptor ? impl_->acceptor->port() : 0; }

void Server::stop_accepting() {
  if (impl_->state->stopping.exchange(true) || !impl_->acceptor) return;
  auto& io = impl_->state->loops[0]->loop.io();
  if (io.stopped()) impl_->acceptor->stop();
  else asio::post(io, [acceptor = impl_->acceptor] { acceptor->stop(); });
}

void Server::close_all(int code, std::string reason) {
  impl_->on_each_loop([code, reason = std::move(reason)](LoopState& home) {
    for (const auto& connection : connections_of(home)) connection->close_all(code, reason);
  });
}

std::size_t Server::connections() const { return impl_->state->connections; }

}  // namespace repartee::transport
