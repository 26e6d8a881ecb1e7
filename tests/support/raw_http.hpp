// A TCP client that sends any bytes whatever and reads what comes, with a deadline on each step; for hostile input.
// Thread contract: one thread.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

namespace repartee::test {

class RawClient {
 public:
  explicit RawClient(unsigned short port, int receive_buffer_bytes = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Reads until the text so far contains `mark`; fails the test at the deadline. What was read is taken.
  std::string read_until(std::string_view mark, std::chrono::milliseconds wait_max = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + wait_max;
    std::size_t at;
    while ((at = pending_.find(mark)) == std::string::npos) {
      if (!read_more(deadline)) {
        ADD_FAILURE() << "the other side sent no '" << mark << "' but: " << pending_.substr(0, 300);
        return take(pending_.size());
      }
    }
    return take(at + mark.size());
  }
  std::string read_bytes(std::size_t count, std::chrono::milliseconds wait_max = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + wait_max;
    while (pending_.size() < count && read_more(deadline)) {}
    EXPECT_GE(pending_.size(), count);
    return take(std::min(count, pending_.size()));
  }
  // Everything until the other side ends; fails the test when it does not.
  std::string read_to_end(std::chrono::milliseconds wait_max = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + wait_max;
    while (read_more(deadline)) {}
    EXPECT_TRUE(ended_) << "the connection stayed open";
    return take(pending_.size());
  }
  // One whole response: head and body by Content-Length.
  std::string read_response(bool has_body = true) {
    std::string head = read_until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (!has_body || at == std::string::npos) return head;
    return head + read_bytes(std::stoul(head.substr(at + 16)));
  }
  bool ended() const { return ended_; }

 private:
  bool read_more(std::chrono::steady_clock::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd ready{fd_, POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
    char buffer[16384];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      ended_ = true;
      return false;
    }
    pending_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  std::string take(std::size_t count) {
    std::string taken = pending_.substr(0, count);
    pending_.erase(0, count);
    return taken;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string pending_;
};

// A client's WebSocket frame, masked as the protocol wants (or not).
inline std::string ws_frame(int opcode, std::string_view payload, bool fin = true, bool masked = true,
                            const std::array<char, 4>& key = {0x11, 0x22, 0x33, 0x44}) {
  std::string frame(1, static_cast<char>((fin ? 0x80 : 0) | opcode));
  const int mask_bit = masked ? 0x80 : 0;
  const auto size = payload.size();
  if (size < 126) {
    frame += static_cast<char>(mask_bit | static_cast<int>(size));
  } else if (size < 65536) {
    frame += static_cast<char>(mask_bit | 126);
    frame += static_cast<char>(size >> 8);
    frame += static_cast<char>(size & 0xFF);
  } else {
    frame += static_cast<char>(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>((static_cast<std::uint64_t>(size) >> shift) & 0xFF);
  }
  if (!masked) return frame.append(payload);
  frame.append(key.data(), key.size());
  for (std::size_t i = 0; i < size; ++i) frame += static_cast<char>(payload[i] ^ key[i % 4]);
  return frame;
}

inline std::string ws_request(std::string_view target = "/echo", std::string_view more_headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + std::string(more_headers) + "\r\n";
}

// The code of a close frame that is the last thing in `bytes` received from a server; 0 when there is none.
inline int close_code_in(std::string_view bytes) {
  for (std::size_t at = 0; at + 2 <= bytes.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    std::size_t size = byte(1) & 0x7F, head = 2;
    if (size == 126 && at + 4 <= bytes.size()) {
      size = byte(2) * 256u + byte(3);
      head = 4;
    } else if (size == 127 && at + 10 <= bytes.size()) {
      size = 0;
      for (std::size_t i = 2; i < 10; ++i) size = size * 256 + byte(i);
      head = 10;
    }
    if ((byte(0) & 0x0F) == 8 && at + head + 2 <= bytes.size()) return byte(head) * 256 + byte(head + 1);
    at += head + size;
  }
  return 0;
}

}  // namespace repartee::test
