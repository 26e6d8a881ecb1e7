// One accepted socket: TLS or not, then HTTP requests one after another, then perhaps a WebSocket. It owns the write buffer
// (so that its size is exact), the deadline of whatever is waited for, and the way to an orderly end.
// Thread contract: everything on its loop; Respond alone may be called from any thread. Kept alive by LoopState::connections and by
// operations under way; gone from both after abort().
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "realtime/transport/http_reader.hpp"
#include "realtime/transport/server_state.hpp"
#include "realtime/transport/socket_stream.hpp"

namespace repartee::transport {

class WebsocketPeer;

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerState> server, LoopState& home, SocketStream::Socket socket, std::string remote_address);
  ~Connection();
  void start();
  void close_all(int code, std::string_view reason);  // a WebSocket gets a close frame, HTTP ends after the answer under way
  void abort();                                       // at once; a WebSocket's handler hears of it later, on the loop
  void deliver_close();                               // to the WebSocket's handler, now: for a loop that does not run any more

  // For the WebSocket on it.
  void write(std::string_view bytes, std::string_view more = {});  // sent together with whatever else this turn of the loop writes
  std::size_t buffered_bytes() const { return out_.size() + in_flight_.size() - sent_bytes_; }
  void drop_unsent() { out_.clear(); }                             // whole frames, see write
  void flush();
  void end();                                                      // what is written goes out, then goodbye; at most close_timeout
  void arm(Duration delay, Task task);                             // the one deadline; replaces the last
  LoopState& home() { return home_; }
  ServerState& server() { return *server_; }
  const std::string& remote_address() const { return remote_address_; }

 private:
  enum class Phase { request, deciding, handling, responding, websocket, ending };
  struct PendingReply;
  struct PendingAccept;

  void detect_tls();
  void on_first_byte(unsigned char byte);
  void read();
  void on_readable(boost::system::error_code ec);
  void on_read(const boost::system::error_code& ec, char* data, std::size_t size);
  void process_input();
  void begin_body();
  void begin_large_body();
  void read_body();
  void on_request_timeout();
  void handle_request();
  void call_on_request(Request request);
  void call_on_upgrade(Request request);
  void on_large_body_decided(const std::optional<Response>& refusal);
  void refuse(int status, std::string_view message);
  void refuse(const Response& response);
  void answer(std::uint64_t request_number, const Response& response);
  void answer(const Response& response) { answer(request_number_, response); }
  void ask_piece();
  void on_piece(const Result<std::string>& piece);
  void accept(Accept accepted);
  void next_request();
  void flush_soon();
  bool write_on();
  void write_later();
  void on_written(const boost::system::error_code& ec, std::size_t bytes);
  void on_drained();
  void say_goodbye();
  void discard_input();

  const std::shared_ptr<ServerState> server_;
  LoopState& home_;
  SocketStream stream_;
  const std::string remote_address_;
  Phase phase_ = Phase::request;
  StreamPtr deadline_;

  static constexpr std::size_t tls_buffer_bytes = 4096;
  std::unique_ptr<char[]> tls_buffer_;  // TLS reads into it at any time; plain sockets use the loop's
  char first_byte_ = 0;
  bool reading_ = false;
  bool corked_ = false;  // inside on_read: what is written leaves together at its end
  bool flush_queued_ = false;
  bool closed_ = false;
  bool said_goodbye_ = false;
  bool draining_ = false;  // close_all was called

  std::string out_, in_flight_;  // lent by the loop's pool
  std::size_t sent_bytes_ = 0;  // of in_flight_
  bool writing_ = false;
  std::size_t discarded_bytes_ = 0;

  std::string in_;  // HTTP bytes not yet taken
  std::unique_ptr<HttpReader> reader_;
  std::shared_ptr<const void> room_;  // for the large body being read
  std::uint64_t request_number_ = 0;
  bool header_begun_ = false, body_begun_ = false, keep_alive_ = true, is_head_ = false;
  std::shared_ptr<BodyStream> body_stream_;  // of the answer under way
  std::uint64_t body_left_bytes_ = 0;
  bool asking_piece_ = false;
  std::string websocket_key_;
  std::vector<std::string> requested_subprotocols_;
  std::unique_ptr<WebsocketPeer> peer_;
};

}  // namespace repartee::transport
