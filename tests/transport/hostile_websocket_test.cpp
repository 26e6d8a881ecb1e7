// Bytes that no honest client sends: only the connection they come on may suffer.
#include "tests/transport/fixture.hpp"

namespace repartee::test {
namespace {

class HostileWebSocket : public ServerTest {
 protected:
  // Sends the bytes on a new connection and says with which code it was closed; an honest call beside it goes on.
  int close_code_for(const std::string& bytes) {
    transport::WsClient honest;
    open(honest);
    RawClient client(server->port());
    open(client);
    client.send(bytes);
    const int code = close_code_in(client.read_to_end());
    EXPECT_EQ(say(honest, "undisturbed"), "undisturbed");
    return code;
  }
};

TEST_F(HostileWebSocket, UnmaskedFrame) {
  start();
  EXPECT_EQ(close_code_for(ws_frame(1, "hello", true, false)), 1002);
}

TEST_F(HostileWebSocket, ItsHandlerHearsTheSameCode) {
  start();
  {
    RawClient client(server->port());
    open(client);
    client.send(ws_frame(1, "hello", true, false));
    EXPECT_EQ(close_code_in(client.read_to_end()), 1002);
  }
  EXPECT_EQ(heard->wait_for_close(), 1002);
}

TEST_F(HostileWebSocket, ReservedOpcodesAndBits) {
  start();
  EXPECT_EQ(close_code_for(ws_frame(3, "x")), 1002);
  EXPECT_EQ(close_code_for(ws_frame(11, "x")), 1002);
  std::string reserved_bit = ws_frame(1, "x");
  reserved_bit[0] = static_cast<char>(0xC1);
  EXPECT_EQ(close_code_for(reserved_bit), 1002);
}

TEST_F(HostileWebSocket, BrokenFragmentation) {
  start();
  EXPECT_EQ(close_code_for(ws_frame(0, "continues nothing")), 1002);
  EXPECT_EQ(close_code_for(ws_frame(1, "begun", false) + ws_frame(1, "begun again")), 1002);
  EXPECT_EQ(close_code_for(ws_frame(9, "ping in pieces", false)), 1002);
  EXPECT_EQ(close_code_for(ws_frame(9, std::string(126, 'p'))), 1002);
}

TEST_F(HostileWebSocket, TextWhoseLastFragmentEndsWithinACharacter) {
  start();
  EXPECT_EQ(close_code_for(ws_frame(1, "abc\xEC", false) + ws_frame(0, "\xA9")), 1007);
}

TEST_F(HostileWebSocket, FrameThatDeclaresAGigabyte) {
  start();
  const std::string header("\x82\xFF\x00\x00\x00\x00\x40\x00\x00\x00\x11\x22\x33\x44", 14);
  EXPECT_EQ(close_code_for(header + "x"), 1009);
  const std::string absurd("\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x11\x22\x33\x44", 14);
  EXPECT_EQ(close_code_for(absurd), 1009);
}

TEST_F(HostileWebSocket, FragmentsThatAddUpToTooMuch) {
  start({.message_bytes_max = 1000});
  EXPECT_EQ(close_code_for(ws_frame(1, std::string(600, 'a'), false) + ws_frame(0, std::string(600, 'a'))), 1009);
}

TEST_F(HostileWebSocket, MessageOfExactlyTheLimitIsFine) {
  start({.message_bytes_max = 1000});
  transport::WsClient client;
  open(client);
  EXPECT_EQ(say(client, std::string(1000, 'a')), std::string(1000, 'a'));
}

TEST_F(HostileWebSocket, TextThatIsNotUtf8) {
  start();
  EXPECT_EQ(close_code_for(ws_frame(1, "caf\xe9")), 1007);
  EXPECT_EQ(close_code_for(ws_frame(1, "cut \xc3")), 1007);
}

TEST_F(HostileWebSocket, CharacterSplitOverFragmentsIsFine) {
  start();
  RawClient client(server->port());
  open(client);
  client.send(ws_frame(1, "\xc3", false) + ws_frame(0, "\xa9"));
  EXPECT_EQ(client.read_bytes(4), "\x81\x02\xc3\xa9");
}

TEST_F(HostileWebSocket, FragmentsOfOneByteSentByteByByte) {
  start();
  RawClient client(server->port());
  open(client);
  const std::string text(2000, 'f');
  std::string bytes = ws_frame(1, "f", false);
  for (std::size_t i = 1; i + 1 < text.size(); ++i) bytes += ws_frame(0, "f", false) + (i % 500 == 0 ? ws_frame(9, "in between") : "");
  bytes += ws_frame(0, "f");
  for (const char byte : bytes) client.send({&byte, 1});
  EXPECT_NE(client.read_until(text).find("in between"), std::string::npos);
}

TEST_F(HostileWebSocket, CloseFrameWithGarbage) {
  start();
  EXPECT_EQ(close_code_for(ws_frame(8, "x")), 1002);
  EXPECT_EQ(close_code_for(ws_frame(8, std::string("\x03\xEC", 2))), 1002);  // 1004 is reserved
  EXPECT_EQ(close_code_for(ws_frame(8, std::string("\x03\xE8\xff\xff", 4))), 1002);
}

TEST_F(HostileWebSocket, CloseFrameWithoutACode) {
  start();
  RawClient client(server->port());
  open(client);
  client.send(ws_frame(8, ""));
  client.read_to_end();
  EXPECT_EQ(heard->wait_for_close(), 1005);
}

TEST_F(HostileWebSocket, CloseInMidMessage) {
  start();
  RawClient client(server->port());
  open(client);
  client.send(ws_frame(1, "begun", false) + ws_frame(8, std::string("\x03\xE8", 2)) + ws_frame(0, "too late"));
  EXPECT_EQ(close_code_in(client.read_to_end()), 1000);
  EXPECT_EQ(heard->wait_for_close(), 1000);
}

TEST_F(HostileWebSocket, ThousandPingsAreAnswered) {
  start();
  RawClient client(server->port());
  open(client);
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += ws_frame(9, "abc");
  client.send(pings);
  const std::string pongs = client.read_bytes(5000);
  EXPECT_EQ(pongs.substr(4995), std::string("\x8A\x03") + "abc");
  client.send(ws_frame(1, "after"));
  client.read_until("after");
}

TEST_F(HostileWebSocket, FloodOfPingsIsCutOff) {
  start();
  std::string pings;
  for (int i = 0; i < 20000; ++i) pings += ws_frame(9, "");
  EXPECT_EQ(close_code_for(pings), 1008);
}

TEST_F(HostileWebSocket, RandomBytes) {
  start();
  std::uint32_t state = 20240607;  // xorshift; the same garbage every time
  for (int round = 0; round < 200; ++round) {
    RawClient client(server->port());
    open(client);
    std::string garbage;
    for (int i = 0; i < 300; ++i) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      garbage += static_cast<char>(state);
    }
    client.send(garbage);
  }
  EXPECT_NE(heard->wait_for_close(200), -1);
  EXPECT_TRUE(wait_for_connections(0));
  transport::WsClient honest;
  open(honest);
  EXPECT_EQ(say(honest, "undisturbed"), "undisturbed");
}

}  // namespace
}  // namespace repartee::test
