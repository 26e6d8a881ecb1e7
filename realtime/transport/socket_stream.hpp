// A TCP socket that speaks plain bytes or TLS, chosen once after it was accepted.
// Thread contract: the loop of its connection. Operations follow Asio: one read and one write at a time. The *_now members are for plain
// sockets: they never wait (would_block), need no buffer while there is nothing to read, and make no operation when the kernel takes it all.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cerrno>
#include <memory>
#include <sys/socket.h>
#include <utility>

#include "core/file_descriptor.hpp"

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
  std::size_t read_now(boost::asio::mutable_buffer buffer, boost::system::error_code& ec) {
    if (!own_) return socket_.read_some(buffer, ec);
    return now([&] { return ::recv(own_.get(), buffer.data(), buffer.size(), 0); }, ec);
  }
  std::size_t write_now(boost::asio::const_buffer buffer, boost::system::error_code& ec) {
    if (!own_) return socket_.write_some(buffer, ec);
    return now([&] { return ::send(own_.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL); }, ec);
  }

  // Out of Asio's hands, with no operation under way: then nothing but the *_now members, descriptor() and close(), until it is given back.
  bool take_from_asio() {
    boost::system::error_code ec;
    protocol_ = socket_.local_endpoint(ec).protocol();
    if (!ec) own_.reset(socket_.release(ec));
    return static_cast<bool>(own_);
  }
  bool give_back_to_asio() {
    boost::system::error_code ec;
    socket_.assign(protocol_, own_.get(), ec);
    if (ec) return false;
    (void)own_.release();
    socket_.non_blocking(true, ec);
    return !ec;
  }
  int descriptor() const { return own_.get(); }

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
    own_.reset();
  }

 private:
  // As Asio says it.
  template <class Call>
  static std::size_t now(Call&& call, boost::system::error_code& ec) {
    ssize_t bytes = 0;
    do bytes = call();
    while (bytes < 0 && errno == EINTR);
    if (bytes < 0) ec.assign(errno, boost::asio::error::get_system_category());
    else if (bytes == 0) ec = boost::asio::error::eof;
    else ec.clear();
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  }

  Socket socket_;
  FileDescriptor own_;  // instead of it
  boost::asio::ip::tcp protocol_ = boost::asio::ip::tcp::v4();
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::unique_ptr<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace repartee::transport
