#include "bench/load/frames.hpp"

#include <cstring>

namespace repartee::bench {
namespace {

constexpr char mask[4] = {0x5a, 0x17, 0x3c, 0x71};
constexpr std::size_t length_16_bit = 126, length_64_bit = 127;

}  // namespace

std::string masked_frame(Opcode opcode, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 14);
  frame += static_cast<char>(0x80 | static_cast<int>(opcode));
  const std::size_t size = payload.size();
  int length_bytes = 0;
  if (size < length_16_bit) {
    frame += static_cast<char>(0x80 | size);
  } else {
    length_bytes = size <= 0xffff ? 2 : 8;
    frame += static_cast<char>(0x80 | (length_bytes == 2 ? length_16_bit : length_64_bit));
  }
  while (length_bytes-- > 0) frame += static_cast<char>(size >> (8 * length_bytes));
  frame.append(mask, sizeof mask);
  for (std::size_t i = 0; i < size; ++i) frame += static_cast<char>(payload[i] ^ mask[i % sizeof mask]);
  return frame;
}

std::string upgrade_request(std::string_view host, std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: repartee-load\r\n\r\n";
}

std::span<char> FrameReader::room() {
  if (begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (bytes_.size() < end_ + read_bytes) bytes_.resize(end_ + read_bytes);
  return std::span(bytes_).subspan(end_);
}

std::optional<std::string_view> FrameReader::take_head() {
  const std::string_view have(bytes_.data() + begin_, end_ - begin_);
  const auto at = have.find("\r\n\r\n");
  if (at == std::string_view::npos) {
    is_broken_ = have.size() > frame_bytes_max;
    return std::nullopt;
  }
  begin_ += at + 4;
  return have.substr(0, at + 4);
}

std::optional<Frame> FrameReader::next() {
  const auto* bytes = reinterpret_cast<const unsigned char*>(bytes_.data()) + begin_;
  const std::size_t have = end_ - begin_;
  if (is_broken_ || have < 2) return std::nullopt;
  std::size_t size = bytes[1] & 0x7f, header = 2;
  if (size >= length_16_bit) {
    const std::size_t length_bytes = size == length_16_bit ? 2 : 8;
    header += length_bytes;
    if (have < header) return std::nullopt;
    size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8 | bytes[i];
  }
  const bool is_whole = bytes[0] & 0x80, is_masked = bytes[1] & 0x80;
  if (!is_whole || is_masked || size > frame_bytes_max) {
    is_broken_ = true;
    return std::nullopt;
  }
  if (have < header + size) return std::nullopt;
  const Frame frame{static_cast<Opcode>(bytes[0] & 0x0f), {bytes_.data() + begin_ + header, size}};
  begin_ += header + size;
  return frame;
}

}  // namespace repartee::bench
