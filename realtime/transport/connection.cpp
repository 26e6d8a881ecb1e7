// The wire: reading, writing, deadlines, the end. The requests are in connection_http.cpp.
#include "realtime/transport/connection.hpp"

#include <boost/asio/post.hpp>

#include "core/log.hpp"
#include "realtime/transport/websocket_peer.hpp"

namespace repartee::transport {
namespace {

constexpr unsigned char tls_handshake_record = 0x16;          // RFC 8446, 5.1: first byte of a ClientHello's record
constexpr std::size_t discarded_bytes_max = 8 * 1024 * 1024;  // read after the last answer, so that a reset does not destroy it

}  // namespace

void LoopState::flush_later(std::shared_ptr<ServerState> server, std::shared_ptr<Connection> connection) {
  to_flush.push_back(std::move(connection));
  if (flush_posted) return;
  flush_posted = true;
  boost::asio::post(loop.io(), recycled(loop.memory(), [this, keep = std::move(server)] { flush_all(); }));
}

void LoopState::flush_all() {
  flush_posted = false;
  flushing.swap(to_flush);
  for (const auto& connection : flushing) connection->flush();
  flushing.clear();
}

Connection::Connection(std::shared_ptr<ServerState> server, LoopState& home, SocketStream::Socket socket, std::string remote_address)
    : server_(std::move(server)), home_(home), stream_(std::move(socket)), remote_address_(std::move(remote_address)) {}

Connection::~Connection() {
  // Perhaps only now that the io_context itself is destroyed: the metrics may be gone.
  if (!closed_) server_->forget(remote_address_);
}

void Connection::start() {
  if (server_->stopping) return;  // it was on its way here when the server stopped
  home_.connections.insert(shared_from_this());
  server_->metrics.connections.add(1);
  next_request();
  header_begun_ = true;
  arm(server_->options.header_timeout, [this] { on_request_timeout(); });
  if (server_->tls) detect_tls();
  else read();
}

void Connection::detect_tls() {
  stream_.socket().async_receive(boost::asio::buffer(&first_byte_, 1), boost::asio::socket_base::message_peek,
                                 [self = shared_from_this()](const boost::system::error_code& ec, std::size_t) {
                                   if (ec) self->abort();
                                   else if (!self->closed_) self->on_first_byte(static_cast<unsigned char>(self->first_byte_));
                                 });
}

void Connection::on_first_byte(unsigned char byte) {
  if (byte != tls_handshake_record) {
    const Response response{400, {{"Content-Type", "text/plain"}}, "this port speaks TLS: use https:// or wss://\n"};
    server_->metrics.count_response(response.status);
    write(write_response(response, false, false));
    return end();
  }
  stream_.async_handshake(server_->tls, [self = shared_from_this()](const boost::system::error_code& ec) {
    if (self->closed_) return;
    if (ec) {
      log::debug("transport", "TLS handshake failed", {{"remote_address", self->remote_address_}, {"error", ec.message()}});
      return self->abort();
    }
    self->read();
  });
}

void Connection::arm(Duration delay, Task task) { deadline_ = home_.loop.after(delay, std::move(task)); }

void Connection::read() {
  if (reading_ || closed_) return;
  reading_ = true;
  auto& memory = home_.loop.memory();
  if (!stream_.is_tls()) {
    stream_.async_wait(SocketStream::Socket::wait_read, recycled(memory, [self = shared_from_this()](const boost::system::error_code& ec) {
                         self->reading_ = false;
                         self->on_readable(ec);
                       }));
    return;
  }
  if (!tls_buffer_) tls_buffer_ = std::make_unique<char[]>(tls_buffer_bytes);
  stream_.async_read_some(boost::asio::buffer(tls_buffer_.get(), tls_buffer_bytes),
                          recycled(memory, [self = shared_from_this()](const boost::system::error_code& ec, std::size_t bytes) {
                            self->reading_ = false;
                            self->on_read(ec, self->tls_buffer_.get(), bytes);
                          }));
}

void Connection::on_readable(boost::system::error_code ec) {
  if (closed_) return;
  auto& buffer = home_.read_buffer;
  const std::size_t bytes = ec ? 0 : stream_.read_now(boost::asio::buffer(buffer), ec);
  if (ec == boost::asio::error::would_block) return read();  // woken in vain
  on_read(ec, buffer.data(), bytes);
}

void Connection::on_read(const boost::system::error_code& ec, char* data, std::size_t size) {
  if (closed_) return;
  if (phase_ == Phase::ending) {
    if (said_goodbye_) discard_input();
    return;
  }
  if (ec) return abort();
  server_->metrics.bytes_in.add(static_cast<double>(size));
  corked_ = true;
  if (phase_ == Phase::websocket) {
    peer_->feed(data, size);
  } else {
    in_.append(data, size);
    process_input();
  }
  corked_ = false;
  flush();
  if (phase_ == Phase::websocket) read();
}

void Connection::write(std::string_view bytes, std::string_view more) {
  if (closed_) return;
  if (out_.empty()) out_ = home_.write_buffers.take();
  out_.append(bytes).append(more);
  flush_soon();
}

void Connection::flush_soon() {
  if (corked_ || writing_ || flush_queued_) return;
  flush_queued_ = true;
  home_.flush_later(server_, shared_from_this());
}

void Connection::flush() {
  flush_queued_ = false;
  if (closed_ || writing_) return;
  do {
    if (sent_bytes_ < in_flight_.size()) continue;
    home_.write_buffers.give_back(in_flight_);
    sent_bytes_ = 0;
    if (out_.empty()) return on_drained();
    in_flight_.swap(out_);
  } while (write_on());
}

// What the kernel takes at once needs no operation. False: the rest is waited for, or there is no connection any more.
bool Connection::write_on() {
  if (stream_.is_tls()) return write_later(), false;
  boost::system::error_code ec;
  const std::size_t bytes = stream_.write_now(boost::asio::buffer(in_flight_.data() + sent_bytes_, in_flight_.size() - sent_bytes_), ec);
  if (ec == boost::asio::error::would_block) return write_later(), false;
  if (ec) return abort(), false;
  server_->metrics.bytes_out.add(static_cast<double>(bytes));
  sent_bytes_ += bytes;
  return true;
}

void Connection::write_later() {
  writing_ = true;
  stream_.async_write_some(boost::asio::buffer(in_flight_.data() + sent_bytes_, in_flight_.size() - sent_bytes_),
                           recycled(home_.loop.memory(), [self = shared_from_this()](const boost::system::error_code& ec, std::size_t bytes) {
                             self->writing_ = false;
                             self->on_written(ec, bytes);
                           }));
}

void Connection::on_written(const boost::system::error_code& ec, std::size_t bytes) {
  if (closed_) return;
  if (ec) return abort();
  server_->metrics.bytes_out.add(static_cast<double>(bytes));
  sent_bytes_ += bytes;
  flush();
}

void Connection::on_drained() {
  if (phase_ == Phase::ending) {
    say_goodbye();
  } else if (phase_ == Phase::responding) {
    if (body_stream_ && asking_piece_) return;
    if (body_stream_ && body_left_bytes_ > 0) return ask_piece();
    body_stream_.reset();
    if (!keep_alive_) return end();
    next_request();
    process_input();
  }
}

void Connection::end() {
  if (closed_ || phase_ == Phase::ending) return;
  phase_ = Phase::ending;
  arm(server_->options.close_timeout, [this] { abort(); });
  flush_soon();
}

// Closing with bytes unread would reset the connection and destroy the last answer on its way (RFC 9112, 9.6): say that nothing
// follows, then wait for the other side's end.
void Connection::say_goodbye() {
  if (said_goodbye_) return;
  said_goodbye_ = true;
  stream_.async_shutdown([self = shared_from_this()](const boost::system::error_code& ec) {
    if (self->closed_) return;
    if (!ec && self->stream_.is_tls()) return self->abort();  // both sides said it
    boost::system::error_code ignored;
    self->stream_.socket().shutdown(SocketStream::Socket::shutdown_send, ignored);
    if (!self->reading_) self->discard_input();
  });
}

void Connection::discard_input() {
  if (reading_ || closed_) return;
  reading_ = true;
  stream_.async_wait(SocketStream::Socket::wait_read, [self = shared_from_this()](boost::system::error_code ec) {
    self->reading_ = false;
    if (self->closed_) return;
    const std::size_t bytes = ec ? 0 : self->stream_.read_now(boost::asio::buffer(self->home_.read_buffer), ec);
    self->discarded_bytes_ += bytes;
    if ((ec && ec != boost::asio::error::would_block) || self->discarded_bytes_ > discarded_bytes_max) self->abort();
    else self->discard_input();
  });
}

void Connection::close_all(int code, std::string_view reason) {
  draining_ = true;
  keep_alive_ = false;
  if (phase_ == Phase::websocket) peer_->close(code, reason);
  else if (phase_ == Phase::request || phase_ == Phase::deciding) abort();
}

void Connection::abort() {
  if (closed_) return;
  const auto self = shared_from_this();
  closed_ = true;
  stream_.close();
  deadline_.reset();
  room_.reset();
  if (peer_) peer_->lost();
  std::erase(home_.to_flush, self);
  home_.connections.erase(self);
  server_->forget(remote_address_);
  server_->metrics.connections.add(-1);
}

void Connection::deliver_close() {
  if (peer_) peer_->deliver_close();
}

}  // namespace repartee::transport
