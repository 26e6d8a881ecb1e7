#include "tests/transport/fixture.hpp"

namespace repartee::test {
namespace {

using transport::WsClient;

class WebSocket : public ServerTest {};

TEST_F(WebSocket, EchoesTextAndBinary) {
  start();
  WsClient client;
  open(client);
  EXPECT_EQ(say(client, "hello"), "hello");
  ASSERT_TRUE(client.send_binary(std::string("\x00\xff", 2)));
  const auto message = client.receive(10s);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->is_text);
  EXPECT_EQ(message->data, std::string("\x00\xff", 2));
  client.close(4000, "bye");
  EXPECT_EQ(heard->wait_for_close(), 4000);
  EXPECT_EQ(heard->closes[0].second, "bye");
}

TEST_F(WebSocket, AnswersTheChosenSubprotocolAlsoWhenTheDecisionComesLater) {
  start();
  WsClient client;
  open(client, "/later", {.subprotocols = {"realtime", "other"}});
  EXPECT_EQ(client.subprotocol(), "realtime");
  EXPECT_EQ(say(client, "x"), "x");
}

TEST_F(WebSocket, RefusesWithTheHandlersResponse) {
  start();
  WsClient client;
  const Status refused = client.connect(url("/refuse"), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::permission_denied);
  EXPECT_NE(refused.error().message.find("not you"), std::string::npos);
}

TEST_F(WebSocket, NeverAnswersASubprotocolThatWasNotOffered) {
  start();
  WsClient client;
  EXPECT_FALSE(client.connect(url("/liar"), {.subprotocols = {"realtime"}}));
}

TEST_F(WebSocket, AnswersForAHandlerThatForgetsTheUpgrade) {
  start();
  WsClient client;
  const Status forgotten = client.connect(url("/forget"), {});
  ASSERT_FALSE(forgotten);
  EXPECT_NE(forgotten.error().message.find("500"), std::string::npos);
}

TEST_F(WebSocket, SendsWhatWasQueuedBeforeClosingAndNothingAfter) {
  start();
  std::size_t closed = 0;
  for (const int code : {1000, 1008, 4001}) {  // 1008 ends the engine at once, the others wait for the peer's answer
    WsClient client;
    open(client);
    EXPECT_EQ(say(client, "close " + std::to_string(code) + " why"), "before");
    EXPECT_FALSE(client.receive(10s));
    EXPECT_EQ(client.close_code(), code);
    EXPECT_EQ(client.close_reason(), "why");
    EXPECT_EQ(heard->wait_for_close(++closed), code);
  }
}

TEST_F(WebSocket, ClosesWith1011WhenAHandlerThrows) {
  start();
  WsClient client, other;
  open(client);
  open(other);
  ASSERT_TRUE(client.send_text("throw"));
  EXPECT_FALSE(client.receive(10s));
  EXPECT_EQ(client.close_code(), 1011);
  EXPECT_EQ(heard->wait_for_close(), 1011);
  EXPECT_EQ(say(other, "still here"), "still here");
}

TEST_F(WebSocket, SaysAbnormalCloseWhenThePeerVanishes) {
  start();
  RawClient client(server->port());
  open(client);
  client.send(ws_frame(1, "hello", true).substr(0, 4));  // in mid-message
  client.close();
  EXPECT_EQ(heard->wait_for_close(), 1006);
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(WebSocket, DestroysTheHandlerAfterOnCloseAndIgnoresSendsFromThenOn) {
  start();
  {
    WsClient client;
    open(client);
    EXPECT_EQ(say(client, "x"), "x");
  }
  EXPECT_EQ(heard->wait_for_close(), 1006);
  std::shared_ptr<transport::Peer> peer;
  {
    std::unique_lock lock(heard->mutex);
    EXPECT_TRUE(heard->changed.wait_for(lock, 10s, [&] { return heard->handlers_alive == 0; }));
    peer = heard->peers.at(0);
  }
  EXPECT_TRUE(wait_for_connections(0));
  loops.stop();  // a peer is its loop's: now it is anybody's
  peer->send_text("to nobody");
  peer->close(1000, "");
  EXPECT_EQ(peer->buffered_bytes(), 0u);
  EXPECT_EQ(peer->remote_address(), "127.0.0.1");
}

TEST_F(WebSocket, TakesFramesThatCameTogetherWithTheRequest) {
  start();
  RawClient client(server->port());
  client.send(ws_request() + ws_frame(1, "early"));
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_bytes(7), std::string("\x81\x05") + "early");
}

TEST_F(WebSocket, SendsABurstInFewPackets) {
  start();
  RawClient client(server->port());
  open(client);
  client.send(ws_frame(1, "burst 500"));
  char buffer[65536];
  int reads = 0;
  for (std::size_t total = 0; total < 500 * 2; ++reads) {
    const auto n = ::recv(client.fd(), buffer, sizeof buffer, 0);
    ASSERT_GT(n, 0);
    total += static_cast<std::size_t>(n);
  }
  EXPECT_LE(reads, 3);  // one frame a write would need far more
}

TEST_F(WebSocket, DropsAPeerThatDoesNotReadAndKeepsTheOthers) {
  start({.send_buffer_bytes_max = 256 * 1024, .close_timeout = 300ms});
  RawClient slow(server->port(), 4096);
  WsClient other;
  open(slow);
  open(other);
  slow.send(ws_frame(1, "flood 200"));  // 13 MB
  EXPECT_EQ(heard->wait_for_close(), 1008);
  EXPECT_EQ(say(other, "undisturbed"), "undisturbed");
  EXPECT_TRUE(wait_for_connections(1));
}

TEST_F(WebSocket, PingsAndDropsAPeerThatDoesNotAnswer) {
  start({.ping_interval = 50ms, .pong_timeout = 100ms});
  RawClient silent(server->port());
  open(silent);
  EXPECT_EQ(silent.read_bytes(2), std::string("\x89\x00", 2));
  EXPECT_EQ(heard->wait_for_close(), 1006);
}

TEST_F(WebSocket, KeepsAPeerThatAnswersPings) {
  start({.ping_interval = 20ms, .pong_timeout = 300ms});
  RawClient client(server->port());
  open(client);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client.read_bytes(2), std::string("\x89\x00", 2));
    client.send(ws_frame(10, ""));
  }
  client.send(ws_frame(1, "alive"));
  EXPECT_NE(client.read_until("alive").find("alive"), std::string::npos);
}

TEST_F(WebSocket, GivesUpOnAPeerThatDoesNotAnswerTheClose) {
  start({.close_timeout = 100ms});
  RawClient client(server->port());
  open(client);
  client.send(ws_frame(1, "close 1000 bye"));
  EXPECT_EQ(close_code_in(client.read_to_end()), 1000);
  EXPECT_EQ(heard->wait_for_close(), 1000);
}

TEST_F(WebSocket, ClosesEveryoneWithAReason) {
  start();
  WsClient first, second;
  open(first);
  open(second);
  server->close_all(1001, "going away");
  for (auto* client : {&first, &second}) {
    EXPECT_FALSE(client->receive(10s));
    EXPECT_EQ(client->close_code(), 1001);
    EXPECT_EQ(client->close_reason(), "going away");
  }
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(WebSocket, TellsItsHandlersWhenTheServerIsDestroyed) {
  start();
  WsClient client;
  open(client);
  server.reset();
  EXPECT_EQ(heard->closes.size(), 1u);
  EXPECT_EQ(heard->handlers_alive, 0);
}

TEST_F(WebSocket, TellsItsHandlersWhenTheLoopsStoppedBefore) {
  start();
  WsClient client;
  open(client);
  loops.stop();
  server.reset();
  EXPECT_EQ(heard->closes.size(), 1u);
  EXPECT_EQ(heard->handlers_alive, 0);
}

}  // namespace
}  // namespace repartee::test
