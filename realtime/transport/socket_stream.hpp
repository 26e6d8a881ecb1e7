// A TCP socket that speaks plain bytes or TLS, chosen once after it was accepted.
// Thread contract: the loop of its connection. Operations follow Asio: one read and one write at a time. The *_now members are for plain
// sockets: they never wait (would_block), need no buffer while there is nothing to read, and make no operation when the kernel takes it all.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <utility>

namespace repartee::transport {

class SocketStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  explicit SocketStream(Socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;  // one that is gone already says so at its first operation
    socket_.non_blocking(true, ignored);
  }

  Socket& socket() { return socket_; }
  bool is_tls() const { return tls_ != nullptr; }

  template <class Handler>
  void async_handshake(std::shared_ptr<boost::asio::ssl::context> context, Handler&& handler) {
    context_ = std::move(context);  // certificates may be reloaded meanwhile
    tls_ = std::make_unique<boost::asio::ssl::stream<Socket&>>(socket_, *context_);
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  template <class Buffer, class Handler>
  void async_read_some(const Buffer& buffer, Handler&& handler) {
    if (tls_) tls_->async_read_some(buffer, std::forward<Handler>(handler));
    else socket_.async_read_some(buffer, std::forward<Handler>(handler));
  }
  template <class Buffer, class Handler>
  void async_write_some(const Buffer& buffer, Handler&& handler) {
    if (tls_) tls_->async_write_some(buffer, std::forward<Handler>(handler));
    else socket_.async_write_some(buffer, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_wait(Socket::wait_type what, Handler&& handler) {
    socket_.async_wait(what, std::forward<Handler>(handler));
  }
  template <class Buffer>
  std::size_t read_now(const Buffer& buffer, boost::system::error_code& ec) {
    return socket_.read_some(buffer, ec);
  }
  template <class Buffer>
  std::size_t write_now(const Buffer& buffer, boost::system::error_code& ec) {
    return socket_.write_some(buffer, ec);
  }
  // Says goodbye (close_notify, FIN); the handler gets an error code.
  template <class Handler>
  void async_shutdown(Handler&& handler) {
    if (tls_) {
      tls_->async_shutdown(std::forward<Handler>(handler));
      return;
    }
    boost::system::error_code ec;
    socket_.shutdown(Socket::shutdown_send, ec);
    boost::asio::post(socket_.get_executor(), [ec, handler = std::forward<Handler>(handler)]() mutable { handler(ec); });
  }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::unique_ptr<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace repartee::transport
