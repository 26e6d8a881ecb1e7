// Compiled as C++17, see the header. Of the library: the framing (its hybi13 processor), close codes, UTF-8, the handshake's answer. The
// connection's life is ours: the library's own connection copies each message once more and allocates a dozen times for it.
#include "realtime/transport/websocket_engine.hpp"

#include <websocketpp/config/core.hpp>
#include <websocketpp/processors/hybi13.hpp>

#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "core/text.hpp"

namespace repartee::transport {
namespace {

namespace opcode = websocketpp::frame::opcode;
namespace close_status = websocketpp::close::status;
using ErrorCode = websocketpp::lib::error_code;

constexpr std::size_t close_reason_bytes_max = 123;

// The library's messages, used again: a frame takes one for as long as it is being read or handled.
template <class Message>
class MessagePool : public std::enable_shared_from_this<MessagePool<Message>> {
 public:
  using ptr = std::shared_ptr<MessagePool>;
  using weak_ptr = std::weak_ptr<MessagePool>;
  using message_ptr = std::shared_ptr<Message>;
  static constexpr std::size_t messages_max = 64, kept_bytes_max = 16 * 1024;

  message_ptr get_message(opcode::value op, std::size_t size) {
    if (idle_.empty()) return std::make_shared<Message>(this->shared_from_this(), op, size);
    message_ptr message = std::move(idle_.back());
    idle_.pop_back();
    message->set_opcode(op);
    message->get_raw_payload().reserve(size);
    return message;
  }
  void give_back(message_ptr message) {
    if (idle_.size() >= messages_max || message->get_payload().capacity() > kept_bytes_max) return;
    message->get_raw_payload().clear();
    idle_.push_back(std::move(message));
  }
  bool recycle(Message*) { return false; }

 private:
  std::vector<message_ptr> idle_;
};

struct EngineConfig : websocketpp::config::core {
  using message_type = websocketpp::message_buffer::message<MessagePool>;
  using con_msg_manager_type = MessagePool<message_type>;
};
using Pool = EngineConfig::con_msg_manager_type;
using MessagePtr = Pool::message_ptr;

class Processor final : public websocketpp::processor::hybi13<EngineConfig> {
 public:
  using hybi13::hybi13;
  // Of the message that is ready. The library looks only when the message is one frame (found by fuzzing).
  bool ends_within_a_character() const { return !m_current_msg->validator.complete(); }
  // What comes next begins a message.
  bool is_between_messages() const { return m_state == HEADER_BASIC && m_bytes_needed == websocketpp::frame::BASIC_HEADER_LENGTH && !m_data_msg.msg_ptr; }
};

// RFC 6455, 5.3: each byte with the byte of the key that it is over. The library's own is for aligned bytes, which these are not.
void unmask(char* bytes, std::size_t size, const char* key) {
  std::uint64_t keys = 0;
  for (std::size_t i = 0; i < sizeof keys; i += 4) std::memcpy(reinterpret_cast<char*>(&keys) + i, key, 4);
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= size; at += sizeof word) {
    std::memcpy(&word, bytes + at, sizeof word);
    word ^= keys;
    std::memcpy(bytes + at, &word, sizeof word);
  }
  for (; at < size; ++at) bytes[at] = static_cast<char>(bytes[at] ^ key[at % 4]);
}

// The usual: a masked data message in one frame of less than 64 KiB, all of it there.
struct WholeFrame {
  bool is_text = false;
  std::size_t header_bytes = 0, payload_bytes = 0;   // the last four of the header are the key
};

// Nothing: it is something else, and the library's to read or refuse.
std::optional<WholeFrame> find_whole_frame(const char* bytes, std::size_t size) {
  constexpr unsigned char final_text = 0x81, final_binary = 0x82, masked = 0x80;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (size < 6 || (byte(0) != final_text && byte(0) != final_binary) || byte(1) < masked) return std::nullopt;
  WholeFrame frame{byte(0) == final_text, 6, static_cast<std::size_t>(byte(1) - masked)};
  if (frame.payload_bytes == 127 || (frame.payload_bytes == 126 && size < 8)) return std::nullopt;
  if (frame.payload_bytes == 126) {
    frame.header_bytes = 8;
    frame.payload_bytes = static_cast<std::size_t>(byte(2) << 8 | byte(3));
    if (frame.payload_bytes < 126) return std::nullopt;   // a longer length than needed, which is an error
  }
  if (size - frame.header_bytes < frame.payload_bytes) return std::nullopt;
  return frame;
}

}  // namespace

struct WebsocketEngine::Impl {
  explicit Impl(const Options& o) : options(o) {}
  Options options;
  EngineConfig::rng_type random;  // masks are a client's affair
  std::shared_ptr<Pool> pool = std::make_shared<Pool>();
};

namespace {

class Link final : public WebsocketLink {
 public:
  Link(WebsocketEngine::Impl& engine, WebsocketEvents& events)
      : pool_(engine.pool), message_bytes_max_(engine.options.message_bytes_max), events_(events), processor_(false, true, engine.pool, engine.random) {
    processor_.set_max_message_size(engine.options.message_bytes_max);
  }

  // The client's request was parsed and checked already; the library gets a clean one, so that nothing is parsed twice differently.
  bool shake_hands(const std::string& key, const std::string& subprotocol, const std::string& server_name) {
    EngineConfig::request_type request;
    EngineConfig::response_type response;
    request.replace_header("Sec-WebSocket-Key", key);
    if (processor_.process_handshake(request, subprotocol, response)) return false;
    response.set_version("HTTP/1.1");
    response.set_status(websocketpp::http::status_code::switching_protocols);
    response.replace_header("Server", server_name);
    events_.ws_write(response.raw(), {});
    return true;
  }

  void feed(char* bytes, std::size_t size) override {
    std::size_t at = 0;
    while (at < size && state_ != State::closed) {
      if (const std::size_t taken = take_whole_frame(bytes + at, size - at); taken > 0) {
        at += taken;
        continue;
      }
      ErrorCode error;
      at += processor_.consume(reinterpret_cast<std::uint8_t*>(bytes) + at, size - at, error);
      if (error) return fail(error);
      if (processor_.ready()) take_message();
    }
  }

  bool send(bool is_text, std::string_view data) override {
    if (state_ != State::open || (is_text && !is_utf8(data))) return false;
    const websocketpp::frame::basic_header basic(is_text ? opcode::text : opcode::binary, data.size(), true, false);
    const websocketpp::frame::extended_header extended(data.size());
    events_.ws_write(websocketpp::frame::prepare_header(basic, extended), data);
    return true;
  }

  void ping() override {
    if (state_ != State::open) return;
    const MessagePtr message = pool_->get_message(opcode::ping, 0);
    if (!processor_.prepare_ping("", message)) write(message);
  }

  void close(int code, std::string_view reason) override {
    if (state_ != State::open) return;
    auto status = static_cast<close_status::value>(code);
    std::string why(reason.substr(0, close_reason_bytes_max));
    if (!send_close(status, why)) {  // a code that may not be sent
      status = close_status::internal_endpoint_error;
      why.clear();
      send_close(status, why);
    }
    state_ = State::closing;
    if (close_status::terminal(status)) finish(status, why);
  }

  void lost() override { finish(close_status::abnormal_close, "connection lost"); }

 private:
  enum class State { open, closing, closed };

  // Nearly every message is one frame that came in one piece: it is handled where it lies, without the library's state and copy. How many bytes
  // it was; 0: none.
  std::size_t take_whole_frame(char* bytes, std::size_t size) {
    if (state_ != State::open || !processor_.is_between_messages()) return 0;
    const auto frame = find_whole_frame(bytes, size);
    if (!frame || frame->payload_bytes > message_bytes_max_) return 0;
    char* const payload = bytes + frame->header_bytes;
    unmask(payload, frame->payload_bytes, payload - 4);
    const std::string_view data(payload, frame->payload_bytes);
    if (frame->is_text && !is_utf8(data)) fail(websocketpp::processor::error::make_error_code(websocketpp::processor::error::invalid_utf8));
    else events_.ws_message(frame->is_text, data);
    return frame->header_bytes + frame->payload_bytes;
  }

  // A broken frame: nothing after it can be understood.
  void fail(const ErrorCode& error) {
    if (state_ != State::open) return finish(close_status::abnormal_close, error.message());
    const auto code = websocketpp::processor::error::to_ws(error);
    close(code == close_status::blank ? close_status::internal_endpoint_error : code, error.message());
  }

  void take_message() {
    const bool ends_within_a_character = processor_.ends_within_a_character();
    MessagePtr message = processor_.get_message();
    const auto op = message->get_opcode();
    if (opcode::is_control(op)) take_control(op, message->get_payload());
    else if (state_ == State::open) take_data(op == opcode::text, ends_within_a_character, message->get_payload());
    pool_->give_back(std::move(message));
  }

  void take_data(bool is_text, bool ends_within_a_character, std::string_view data) {
    if (is_text && ends_within_a_character) return close(close_status::invalid_payload, "text that is not UTF-8");
    events_.ws_message(is_text, data);
  }

  void take_control(opcode::value op, const std::string& payload) {
    if (op == opcode::close) return take_close(payload);
    if (state_ != State::open || !events_.ws_control() || op != opcode::ping || state_ != State::open) return;
    const MessagePtr message = pool_->get_message(opcode::pong, payload.size());
    if (!processor_.prepare_pong(payload, message)) write(message);
  }

  // The other side says goodbye, or answers ours.
  void take_close(const std::string& payload) {
    ErrorCode bad_code, bad_reason;
    const auto code = websocketpp::close::extract_code(payload, bad_code);
    const std::string reason = websocketpp::close::extract_reason(payload, bad_reason);
    if (state_ == State::closing) return bad_code ? finish(close_status::protocol_error, "") : finish(code, bad_reason ? "" : reason);
    if (bad_code) return close(close_status::protocol_error, "Invalid close code");
    if (bad_reason) return close(close_status::protocol_error, "Invalid close reason");
    send_close(code == close_status::no_status ? close_status::normal : code, reason);
    finish(code, reason);
  }

  bool send_close(close_status::value code, const std::string& reason) {
    const MessagePtr message = pool_->get_message(opcode::close, reason.size() + 2);
    if (processor_.prepare_close(code, reason, message)) return false;
    write(message);
    return true;
  }

  void write(const MessagePtr& message) {
    events_.ws_write(message->get_header(), message->get_payload());
    pool_->give_back(message);
  }

  void finish(int code, const std::string& reason) {
    if (state_ == State::closed) return;
    state_ = State::closed;
    events_.ws_closed(code, reason);
  }

  const std::shared_ptr<Pool> pool_;
  const std::size_t message_bytes_max_;
  WebsocketEvents& events_;
  Processor processor_;
  State state_ = State::open;
};

}  // namespace

WebsocketEngine::WebsocketEngine(const Options& options) : impl_(std::make_unique<Impl>(options)) {
  // The library finds out the byte order at its first use and keeps it in an unguarded static: that happens here, before the loops run.
  websocketpp::lib::net::_htonll(0);
}
WebsocketEngine::~WebsocketEngine() = default;

std::unique_ptr<WebsocketLink> WebsocketEngine::open(const std::string& key, const std::string& subprotocol, WebsocketEvents& events) {
  auto link = std::make_unique<Link>(*impl_, events);
  if (!link->shake_hands(key, subprotocol, impl_->options.server_name)) return nullptr;
  return link;
}

}  // namespace repartee::transport
