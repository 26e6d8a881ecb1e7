// The client's side of RFC 6455, as little as a load client needs: masked frames made beforehand, unmasked frames read in place. It
// trusts the server it measures: no check of Sec-WebSocket-Accept, and a fragmented message counts as broken (the server sends none).
// Thread contract: values only.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repartee::bench {

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

std::string masked_frame(Opcode opcode, std::string_view payload);
std::string upgrade_request(std::string_view host, std::string_view target);

struct Frame {
  Opcode opcode = Opcode::text;
  std::string_view payload;  // valid until the next room()
};

class FrameReader {
 public:
  static constexpr std::size_t frame_bytes_max = 1024 * 1024, read_bytes = 4096;

  std::span<char> room();  // where to read to
  void filled(std::size_t bytes) { end_ += bytes; }
  std::optional<std::string_view> take_head();  // the HTTP answer up to its empty line, once it is complete
  std::optional<Frame> next();
  bool is_broken() const { return is_broken_; }

 private:
  std::vector<char> bytes_;
  std::size_t begin_ = 0, end_ = 0;
  bool is_broken_ = false;
};

}  // namespace repartee::bench
