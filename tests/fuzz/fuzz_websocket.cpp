// libFuzzer entry: what comes over a socket after the handshake, in pieces of any size. The first byte of each piece is its length.
#include <algorithm>
#include <cstdint>
#include <string>

#include "realtime/transport/websocket_engine.hpp"
#include "tests/fuzz/require.hpp"

using namespace repartee::transport;

namespace {

constexpr std::size_t message_bytes_max = 4096;

class Listener final : public WebsocketEvents {
 public:
  void ws_write(std::string_view head, std::string_view body) override {
    require(!head.empty());
    written_bytes += head.size() + body.size();
  }
  void ws_message(bool is_text, std::string_view data) override {
    require(!closed);
    require(data.size() <= message_bytes_max);
    if (link) require(link->send(is_text, data) || asked_to_close);   // an echo: what was let in can go out
    if (data == "close me" && link) {
      asked_to_close = true;
      link->close(4000, "as you wish");
    }
  }
  bool ws_control() override { return ++controls % 3 != 0; }
  void ws_closed(int, std::string_view reason) override {
    require(!closed);
    require(reason.size() <= 123);
    closed = true;
  }

  WebsocketLink* link = nullptr;
  bool closed = false, asked_to_close = false;
  std::size_t written_bytes = 0, controls = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static WebsocketEngine engine({.message_bytes_max = message_bytes_max});
  Listener listener;
  const auto link = engine.open("dGhlIHNhbXBsZSBub25jZQ==", "realtime", listener);
  require(link != nullptr);
  listener.link = link.get();
  std::string bytes(reinterpret_cast<const char*>(data), size);   // unmasked in place
  for (std::size_t at = 0; at < bytes.size() && !listener.closed;) {
    const std::size_t piece = static_cast<unsigned char>(bytes[at]) + 1;
    link->feed(bytes.data() + at + 1, std::min(piece, bytes.size() - at - 1));
    at += piece + 1;
  }
  if (!listener.closed) {
    link->ping();
    link->lost();
  }
  require(listener.closed);
  require(listener.written_bytes <= 64 * 1024 + 16 * size);   // nothing is amplified
  return 0;
}
