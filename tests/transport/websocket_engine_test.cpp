// The engine by itself: a message that is whole in what was fed is handled where it lies, others byte by byte. Nobody may notice.
#include "realtime/transport/websocket_engine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/support/raw_http.hpp"

namespace repartee::transport {
namespace {

constexpr std::size_t message_bytes_max = 1000;

struct Listener final : WebsocketEvents {
  void ws_write(std::string_view head, std::string_view body) override { told += "write " + std::string(head) + std::string(body) + '\n'; }
  void ws_message(bool is_text, std::string_view data) override { told += (is_text ? "text " : "binary ") + std::string(data) + '\n'; }
  bool ws_control() override { return true; }
  void ws_closed(int code, std::string_view reason) override {
    told += "closed " + std::to_string(code) + ' ' + std::string(reason) + '\n';
  }
  std::string told;
};

// Everything an engine says when it is fed in pieces of that size.
std::string told(std::string bytes, std::size_t piece) {
  WebsocketEngine engine({.message_bytes_max = message_bytes_max});
  Listener listener;
  const auto link = engine.open("dGhlIHNhbXBsZSBub25jZQ==", "", listener);
  listener.told.clear();
  for (std::size_t at = 0; at < bytes.size(); at += piece) link->feed(bytes.data() + at, std::min(piece, bytes.size() - at));
  return listener.told;
}

// By its first byte, whether or not that is one that a frame may have.
std::string masked(unsigned char first, std::string_view payload, std::mt19937& random) {
  std::array<char, 4> key;
  for (char& byte : key) byte = static_cast<char>(random());
  std::string frame = test::ws_frame(0, payload, true, true, key);
  frame[0] = static_cast<char>(first);
  return frame;
}

std::string some_text(std::size_t size, std::mt19937& random) {
  std::string text;
  while (text.size() < size) text += random() % 20 ? static_cast<const char*>("a") : random() % 40 ? "\xc3\xa9" : "\xc3";
  return text;
}

std::string some_frames(std::mt19937& random) {
  std::string bytes;
  for (auto frames = 1 + random() % 6; frames > 0; --frames) {
    const std::size_t size = random() % 8 ? random() % 300 : random() % 1100;
    switch (random() % 8) {
      case 0: bytes += masked(0x01, some_text(size, random), random) + masked(0x80, some_text(size / 4, random), random); break;
      case 1: bytes += masked(0x89, "ping", random); break;
      case 2: bytes += masked(0x02, "begun", random) + masked(0x89, "in between", random) + masked(0x80, " and ended", random); break;
      case 3: bytes += masked(0x82, some_text(size, random), random); break;
      default: bytes += masked(0x81, some_text(size, random), random);
    }
  }
  if (random() % 4 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
  return bytes;
}

TEST(WebsocketEngine, SaysTheSameHoweverTheBytesAreCutUp) {
  std::mt19937 random(23);
  for (int round = 0; round < 5'000; ++round) {
    const std::string bytes = some_frames(random);
    const std::string whole = told(bytes, bytes.size());
    ASSERT_EQ(whole, told(bytes, 1)) << "round " << round;
    ASSERT_EQ(whole, told(bytes, 1 + random() % 400)) << "round " << round;
  }
}

TEST(WebsocketEngine, TakesMessagesOfEveryLength) {
  std::mt19937 random(29);
  for (const std::size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 255, 256, 1000}) {
    const std::string payload(size, 'x');
    EXPECT_EQ(told(masked(0x82, payload, random), 2000), "binary " + payload + '\n');
    EXPECT_EQ(told(masked(0x81, payload, random), 2000), "text " + payload + '\n');
  }
}

TEST(WebsocketEngine, RefusesWholeMessagesThatBreakARule) {
  std::mt19937 random(31);
  const auto closed_with = [](const std::string& bytes) {
    const std::string events = told(bytes, bytes.size());
    const auto at = events.find("closed ");
    return at == std::string::npos ? events : events.substr(at, 11);
  };
  EXPECT_EQ(closed_with(masked(0x82, std::string(1001, 'x'), random)), "closed 1009");
  EXPECT_EQ(closed_with(masked(0x81, "caf\xc3", random)), "closed 1007");
  EXPECT_EQ(closed_with(masked(0x81, std::string(40, 'x') + "\xff", random)), "closed 1007");
  EXPECT_EQ(closed_with(masked(0xc1, "reserved bit", random)), "closed 1002");
  EXPECT_EQ(closed_with("\x82\x05hello"), "closed 1002");                                           // not masked
  EXPECT_EQ(closed_with(std::string("\x82\xfe\x00\x05\x01\x02\x03\x04hello", 13)), "closed 1011");  // a length in more bytes than it needs
  EXPECT_EQ(closed_with(masked(0x01, "begun", random) + masked(0x81, "another", random)), "closed 1002");
}

}  // namespace
}  // namespace repartee::transport
