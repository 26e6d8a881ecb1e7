#include "tests/transport/fixture.hpp"

namespace repartee::test {
namespace {

class Http : public ServerTest {
 protected:
  static std::string get(std::string_view target, std::string_view more = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n";
  }
};

TEST_F(Http, AnswersOverOneKeptConnection) {
  start();
  RawClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a%20b/c?q=1%2B2+3"));
    const std::string response = client.read_response();
    EXPECT_EQ(response.find("HTTP/1.1 200 OK\r\n"), 0u);
    EXPECT_NE(response.find("Connection: keep-alive"), std::string::npos);
    EXPECT_TRUE(response.ends_with("GET /a b/c  q=1+2 3")) << response;
  }
  EXPECT_EQ(metrics.counter("repartee_http_requests_total", "", {{"status", "2xx"}}).value(), 3);
}

TEST_F(Http, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(server->port());
  client.send(get("/later") + get("/second") + "POST /third HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" +
              get("/last", "Connection: close\r\n"));
  EXPECT_TRUE(client.read_response().ends_with("GET /later "));
  EXPECT_TRUE(client.read_response().ends_with("GET /second "));
  EXPECT_TRUE(client.read_response().ends_with("POST /third abc"));
  EXPECT_TRUE(client.read_to_end().ends_with("GET /last "));
}

TEST_F(Http, SendsNoBodyToHead) {
  start();
  RawClient client(server->port());
  client.send("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n" + get("/y"));
  const std::string head = client.read_response(false);
  EXPECT_NE(head.find("Content-Length: 8\r\n"), std::string::npos);
  EXPECT_TRUE(client.read_response().ends_with("GET /y "));
}

TEST_F(Http, ReadsChunkedBodies) {
  start();
  RawClient client(server->port());
  client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  client.send("6;ext=1\r\n world\r\n0\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("POST /c hello world"));
}

TEST_F(Http, SaysContinueToThoseWhoWaitForIt) {
  start({.body_bytes_max = 100});
  RawClient client(server->port());
  client.send("PUT /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_TRUE(client.read_response().ends_with("PUT /e ok"));
  client.send("PUT /e HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
  EXPECT_EQ(client.read_response().find("HTTP/1.1 413 "), 0u);
}

TEST_F(Http, ClosesAfterAnHttp10Request) {
  start();
  RawClient client(server->port());
  client.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().ends_with("GET /old "));
}

TEST_F(Http, AnswersAClientThatFinishedSending) {
  start();
  RawClient client(server->port());
  client.send(get("/half"));
  client.finish_sending();
  EXPECT_TRUE(client.read_to_end().ends_with("GET /half "));
}

TEST_F(Http, RefusesWhatIsTooLarge) {
  start({.header_bytes_max = 2000, .body_bytes_max = 1000});
  const std::string chunk = "200\r\n" + std::string(512, 'x') + "\r\n";
  const std::pair<std::string, const char*> cases[] = {
      {get("/" + std::string(3000, 'a')), "431"},
      {get("/", "X: " + std::string(100000, 'a') + "\r\n"), "431"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'), "413"},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", "413"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk + chunk, "413"},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20000, 'e'), "400"},
  };
  for (const auto& [bytes, status] : cases) {
    RawClient client(server->port());
    client.send(bytes);
    EXPECT_EQ(client.read_to_end().find(std::string("HTTP/1.1 ") + status), 0u) << bytes.substr(0, 80);
  }
}

TEST_F(Http, RefusesWhatIsNotHttp) {
  start();
  const std::string cases[] = {
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n",
      "\r\n\r\nwhat\r\n\r\n",
      std::string(64, '\0') + "\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
      get("/../etc/passwd"),
      get("/a/%2e%2e/b"),
      get("/a%00b"),
      get("/a%2"),
      get("*"),
      get("relative"),
  };
  RawClient undisturbed(server->port());
  for (const auto& bytes : cases) {
    RawClient client(server->port());
    client.send(bytes);
    client.finish_sending();
    EXPECT_EQ(client.read_to_end().find("HTTP/1.1 400 "), 0u) << bytes;
    undisturbed.send(get("/fine"));
    EXPECT_TRUE(undisturbed.read_response().ends_with("GET /fine "));
  }
}

TEST_F(Http, GivesUpOnHeadersThatDrip) {
  start({.header_timeout = 200ms});
  RawClient client(server->port());
  client.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 40; ++i) {
    if (!client.send("X: y\r\n")) break;
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(client.read_to_end().find("HTTP/1.1 408 "), 0u);
}

TEST_F(Http, GivesUpOnABodyThatDoesNotCome) {
  start({.body_timeout = 100ms});
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.read_to_end().find("HTTP/1.1 408 "), 0u);
}

TEST_F(Http, ClosesIdleConnectionsSilently) {
  start({.header_timeout = 100ms, .keep_alive_timeout = 100ms});
  RawClient never(server->port()), once(server->port());
  once.send(get("/x"));
  once.read_response();
  EXPECT_EQ(never.read_to_end(), "");
  EXPECT_EQ(once.read_to_end(), "");
  EXPECT_TRUE(wait_for_connections(0));
}

TEST_F(Http, AnswersForHandlersThatThrowOrForget) {
  start();
  RawClient client(server->port());
  client.send(get("/throw") + get("/forget") + get("/x"));
  EXPECT_EQ(client.read_response().find("HTTP/1.1 500 "), 0u);
  EXPECT_EQ(client.read_response().find("HTTP/1.1 500 "), 0u);
  EXPECT_TRUE(client.read_response().ends_with("GET /x "));
}

TEST_F(Http, LeavesOutHeadersThatWouldSplitTheResponse) {
  start();
  RawClient client(server->port());
  client.send(get("/split"));
  EXPECT_EQ(client.read_response().find("Evil"), std::string::npos);
}

TEST_F(Http, RefusesMoreConnectionsThanAllowed) {
  start({.connections_max = 2});
  RawClient first(server->port()), second(server->port());
  first.send(get("/a"));
  second.send(get("/b"));
  first.read_response();
  second.read_response();
  RawClient third(server->port());
  EXPECT_EQ(third.read_to_end().find("HTTP/1.1 503 "), 0u);
  first.close();
  EXPECT_TRUE(wait_for_connections(1));
  RawClient fourth(server->port());
  fourth.send(get("/d"));
  EXPECT_TRUE(fourth.read_response().ends_with("GET /d "));
}

TEST_F(Http, RefusesBadHandshakes) {
  start();
  const auto request = [](std::string key, std::string version) {
    return "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: " + key +
           "\r\nSec-WebSocket-Version: " + version + "\r\n\r\n";
  };
  RawClient old(server->port()), no_key(server->port()), post(server->port());
  old.send(request("dGhlIHNhbXBsZSBub25jZQ==", "8"));
  const std::string response = old.read_to_end();
  EXPECT_EQ(response.find("HTTP/1.1 426 "), 0u);
  EXPECT_NE(response.find("Sec-WebSocket-Version: 13\r\n"), std::string::npos);
  no_key.send(request("abc", "13"));
  EXPECT_EQ(no_key.read_to_end().find("HTTP/1.1 400 "), 0u);
  std::string as_post = request("dGhlIHNhbXBsZSBub25jZQ==", "13");
  post.send("POST" + as_post.substr(3));
  EXPECT_EQ(post.read_to_end().find("HTTP/1.1 400 "), 0u);
}

TEST_F(Http, SaysWhichPortIsTaken) {
  start();
  transport::Server other(loops, {.port = server->port()}, {}, metrics);
  const Status taken = other.listen();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::unavailable);
  EXPECT_EQ(taken.error().message, "port " + std::to_string(server->port()) + " is taken");
}

TEST_F(Http, RefusesAnAddressThatIsNone) {
  transport::Server wrong(loops, {.address = "not an address", .port = 0}, {}, metrics);
  EXPECT_EQ(wrong.listen().error().code, Errc::invalid_argument);
}

TEST_F(Http, StopsAcceptingButServesWhoIsThere) {
  start();
  RawClient client(server->port());
  client.send(get("/a"));
  client.read_response();
  server->stop_accepting();
  for (int i = 0; i < 500 && RawClient(server->port()).connected(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(RawClient(server->port()).connected());
  client.send(get("/b"));
  EXPECT_TRUE(client.read_response().ends_with("GET /b "));
}

}  // namespace
}  // namespace repartee::test
