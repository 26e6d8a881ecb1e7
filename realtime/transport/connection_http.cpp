// The requests of a connection: reading them with limits and deadlines, handing them on, answering in order.
#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>

#include "core/log.hpp"
#include "realtime/transport/connection.hpp"
#include "realtime/transport/websocket_peer.hpp"

namespace repartee::transport {

// The two promises given to the handlers. Forgetting one (destroying it unanswered) answers 500.
struct Connection::PendingReply {
  explicit PendingReply(const std::shared_ptr<Connection>& connection)
      : connection_(connection), request_number_(connection->request_number_) {}
  ~PendingReply() { deliver(error_response(500, "the request was not answered")); }
  void deliver(Response response) {
    if (answered_.exchange(true)) return;
    if (auto alive = connection_.lock()) {
      auto& io = alive->home_.loop.io();
      boost::asio::post(io, [connection = std::move(alive), number = request_number_, response = std::move(response)] {
        connection->answer(number, response);
      });
    }
  }

 private:
  const std::weak_ptr<Connection> connection_;
  const std::uint64_t request_number_;
  std::atomic<bool> answered_{false};
};

struct Connection::PendingAccept {
  explicit PendingAccept(const std::shared_ptr<Connection>& connection) : connection_(connection) {}
  ~PendingAccept() { deliver({nullptr, {}, error_response(500, "the request was not answered")}); }
  void deliver(Accept accepted) {
    if (answered_) return;
    answered_ = true;
    if (auto alive = connection_.lock()) {
      auto& io = alive->home_.loop.io();
      boost::asio::post(
          io, [connection = std::move(alive), accepted = std::move(accepted)]() mutable { connection->accept(std::move(accepted)); });
    }
  }

 private:
  const std::weak_ptr<Connection> connection_;
  bool answered_ = false;
};

void Connection::next_request() {
  phase_ = Phase::request;
  ++request_number_;
  header_begun_ = body_begun_ = false;
  room_.reset();
  const auto& options = server_->options;
  reader_ = std::make_unique<HttpReader>(HttpReader::Limits{options.header_bytes_max, options.body_bytes_max, &options.large_bodies});
  if (in_.empty()) arm(server_->options.keep_alive_timeout, [this] { abort(); });
}

void Connection::process_input() {
  if (phase_ != Phase::request) return;
  const std::size_t taken = reader_->feed(in_);
  in_.erase(0, taken);
  switch (reader_->state()) {
    case HttpReader::State::failed: return refuse(reader_->error_status(), reader_->error_message());
    case HttpReader::State::done: return handle_request();
    case HttpReader::State::header:
      if (!in_.empty() && !header_begun_) {
        header_begun_ = true;
        arm(server_->options.header_timeout, [this] { on_request_timeout(); });
      }
      break;
    case HttpReader::State::body:
      if (!body_begun_) return begin_body();
      break;
  }
  read();
}

void Connection::begin_body() {
  body_begun_ = true;
  if (reader_->is_large_body()) return begin_large_body();
  arm(server_->options.body_timeout, [this] { on_request_timeout(); });
  read_body();
}

void Connection::read_body() {
  if (reader_->expects_continue() && in_.empty()) write("HTTP/1.1 100 Continue\r\n\r\n");
  read();
}

// First a place, then the word of whoever knows the sender; nothing more is read before both are there.
void Connection::begin_large_body() {
  const auto& taken = server_->large_bodies;
  if (taken->fetch_add(1) >= server_->options.large_bodies_at_once) {
    taken->fetch_sub(1);
    return refuse(503, "too many uploads are under way; try again in a moment");
  }
  room_ = std::shared_ptr<const void>(this, [taken](const void*) { taken->fetch_sub(1); });
  arm(server_->options.large_body_timeout, [this] { on_request_timeout(); });
  if (!server_->handlers.may_send_large_body) return read_body();
  phase_ = Phase::deciding;
  Request head = reader_->head();
  head.remote_address = remote_address_;
  head.tls = stream_.is_tls();
  server_->handlers.may_send_large_body(home_.loop, head,
                                        [weak = weak_from_this(), number = request_number_](std::optional<Response> refusal) {
                                          if (const auto self = weak.lock(); self && self->request_number_ == number)
                                            self->on_large_body_decided(refusal);
                                        });
}

void Connection::on_large_body_decided(const std::optional<Response>& refusal) {
  if (closed_ || phase_ != Phase::deciding) return;
  phase_ = Phase::request;
  if (!refusal) return read_body();
  refuse(*refusal);
}

void Connection::on_request_timeout() {
  if (in_.empty() && !body_begun_) return abort();  // nothing was asked
  refuse(408, "the request took too long to arrive");
}

void Connection::refuse(int status, std::string_view message) {
  auto response = error_response(status, message);
  if (status == 503) response.headers["Retry-After"] = "5";
  refuse(response);
}

void Connection::refuse(const Response& response) {
  is_head_ = reader_->is_head();
  keep_alive_ = false;
  phase_ = Phase::handling;
  room_.reset();
  answer(response);
}

void Connection::handle_request() {
  phase_ = Phase::handling;
  deadline_.reset();
  keep_alive_ = keep_alive_ && reader_->keep_alive();
  is_head_ = reader_->is_head();
  Request request = reader_->take();
  request.remote_address = remote_address_;
  request.tls = stream_.is_tls();
  request.room = std::move(room_);
  try {
    if (reader_->is_upgrade()) call_on_upgrade(std::move(request));
    else call_on_request(std::move(request));
  } catch (const std::exception& error) {
    log::error("transport", "a request handler threw", {{"error", error.what()}});
    answer(error_response(500, "the server failed at this request"));
  }
}

void Connection::call_on_request(Request request) {
  if (!server_->handlers.on_request) return answer(error_response(404, "there is nothing here"));
  auto pending = std::make_shared<PendingReply>(shared_from_this());
  server_->handlers.on_request(home_.loop, std::move(request), [pending](Response response) { pending->deliver(std::move(response)); });
}

void Connection::call_on_upgrade(Request request) {
  Response refusal = check_handshake(request);
  if (refusal.status == 0 && !server_->handlers.on_upgrade) refusal = error_response(404, "there is nothing here");
  if (refusal.status != 0) {
    keep_alive_ = false;
    return answer(refusal);
  }
  websocket_key_ = request.header("sec-websocket-key");
  requested_subprotocols_ = split_list(request.header("sec-websocket-protocol"));
  auto pending = std::make_shared<PendingAccept>(shared_from_this());
  server_->handlers.on_upgrade(home_.loop, std::move(request), requested_subprotocols_,
                               [pending](Accept accepted) { pending->deliver(std::move(accepted)); });
}

void Connection::answer(std::uint64_t request_number, const Response& response) {
  if (closed_ || phase_ != Phase::handling || request_number != request_number_) return;
  phase_ = Phase::responding;
  server_->metrics.count_response(response.status);
  if (response.stream && !is_head_) {
    body_stream_ = response.stream;
    body_left_bytes_ = response.stream->size_bytes();
  }
  write(write_response(response, keep_alive_, is_head_));
  arm(server_->options.body_timeout, [this] { abort(); });  // a reader this slow does not want the answer
}

// The last piece was taken by the kernel: so much at a time is held, whatever the size of the whole.
void Connection::ask_piece() {
  asking_piece_ = true;
  arm(server_->options.body_timeout, [this] { abort(); });
  body_stream_->next(home_.loop, [weak = weak_from_this()](const Result<std::string>& piece) {
    if (const auto self = weak.lock(); self && !self->closed_) self->on_piece(piece);
  });
}

void Connection::on_piece(const Result<std::string>& piece) {
  asking_piece_ = false;
  if (!piece || piece->empty() || piece->size() > body_left_bytes_) {
    log::warn("transport", "an answer broke off", {{"error", piece ? "its length is wrong" : piece.error().message}});
    return abort();
  }
  body_left_bytes_ -= piece->size();
  if (body_left_bytes_ == 0) body_stream_.reset();
  write(*piece);
  arm(server_->options.body_timeout, [this] { abort(); });
}

void Connection::accept(Accept accepted) {
  if (closed_ || phase_ != Phase::handling) return;
  keep_alive_ = false;
  if (draining_) return answer(error_response(503, "the server is closing"));
  if (!accepted.handler) return answer(accepted.refusal);
  const auto& offered = requested_subprotocols_;
  if (!accepted.subprotocol.empty() && std::find(offered.begin(), offered.end(), accepted.subprotocol) == offered.end()) {
    log::error("transport", "a subprotocol was chosen that the client did not offer");
    return answer(error_response(500, "the server failed at this request"));
  }
  peer_ = std::make_unique<WebsocketPeer>(*this, std::move(accepted.handler));
  phase_ = Phase::websocket;
  reader_.reset();
  deadline_.reset();
  corked_ = true;
  peer_->open(websocket_key_, accepted.subprotocol);
  std::string early;  // frames that came right behind the request
  early.swap(in_);
  if (phase_ == Phase::websocket) peer_->feed(early.data(), early.size());
  corked_ = false;
  flush();
  if (phase_ == Phase::websocket) read();
}

}  // namespace repartee::transport
