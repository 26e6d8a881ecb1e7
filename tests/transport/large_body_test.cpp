// Uploads: larger bodies on some paths, so many at once, from those who may.
#include "tests/transport/fixture.hpp"

namespace repartee::test {
namespace {

constexpr std::size_t small = 100, large = 50'000;

class LargeBodies : public ServerTest {
 protected:
  using Decide = std::function<void(std::optional<transport::Response>)>;

  void start_uploads(std::function<void(Loop&, const transport::Request&, Decide)> may_send = {}, std::size_t at_once = 2) {
    transport::Options options{
        .port = 0, .body_bytes_max = small, .large_bodies = {{"POST", "/upload", large}}, .large_bodies_at_once = at_once};
    transport::Handlers handlers;
    handlers.on_request = [this](Loop&, transport::Request request, transport::Respond respond) {
      const auto size = std::to_string(request.body.size());
      if (request.path == "/upload" && request.body.starts_with("keep")) {
        std::lock_guard lock(mutex_);
        kept_.push_back(std::move(request));  // as a handler that still works on it
      }
      respond({200, {}, "got " + size});
    };
    handlers.may_send_large_body = std::move(may_send);
    server = std::make_unique<transport::Server>(loops, options, std::move(handlers), metrics);
    ASSERT_TRUE(server->listen());
    loops.start();
  }
  static std::string head(std::size_t length, std::string_view more = "", std::string_view path = "/upload",
                          std::string_view method = "POST") {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n" +
           std::string(more) + "\r\n";
  }
  std::string status_of(const std::string& request) {
    RawClient client(server->port());
    client.send(request);
    return client.read_response().substr(9, 3);
  }

  std::mutex mutex_;
  std::vector<transport::Request> kept_;
};

TEST_F(LargeBodies, AreTakenOnTheirPathOnly) {
  start_uploads();
  const std::string body(large, 'x');
  RawClient client(server->port());
  client.send(head(large) + body);
  EXPECT_TRUE(client.read_response().ends_with("got 50000"));
  client.send(head(3) + "abc");
  EXPECT_TRUE(client.read_response().ends_with("got 3")) << "on the same connection";
  EXPECT_EQ(status_of(head(large + 1)), "413") << "before the body is sent";
  EXPECT_EQ(status_of(head(small + 1, "", "/other")), "413");
  EXPECT_EQ(status_of(head(small + 1, "", "/upload", "PUT")), "413");
  EXPECT_EQ(status_of(head(small + 1, "", "/upload/")), "413");
}

TEST_F(LargeBodies, AreRefusedEarlyToThoseWhoWaitForContinue) {
  start_uploads();
  RawClient client(server->port());
  client.send(head(large, "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(std::string(large, 'x'));
  EXPECT_TRUE(client.read_response().ends_with("got 50000"));
  EXPECT_EQ(status_of(head(large + 1, "Expect: 100-continue\r\n")), "413");
}

TEST_F(LargeBodies, AreBoundedWhenTheirLengthIsNotSaid) {
  start_uploads();
  const auto chunked = [&](std::string_view path, std::size_t size) {
    return status_of("POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" +
                     [&] {
                       char line[32];
                       std::snprintf(line, sizeof line, "%zx\r\n", size);
                       return std::string(line);
                     }() +
                     std::string(size, 'x') + "\r\n0\r\n\r\n");
  };
  EXPECT_EQ(chunked("/upload", large - 5), "200");
  EXPECT_EQ(chunked("/upload", large), "413");
  EXPECT_EQ(chunked("/other", small), "413");
}

TEST_F(LargeBodies, AreSoManyAtOnce) {
  start_uploads();
  RawClient first(server->port()), second(server->port()), third(server->port());
  for (auto* client : {&first, &second}) {
    client->send(head(large, "Expect: 100-continue\r\n"));
    EXPECT_EQ(client->read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  }
  EXPECT_EQ(status_of(head(large)), "503");
  EXPECT_EQ(status_of(head(3) + "abc"), "200") << "small ones need no place";
  first.send(std::string(large, 'x'));
  EXPECT_TRUE(first.read_response().ends_with("got 50000"));
  third.send(head(large) + std::string(large, 'x'));
  EXPECT_TRUE(third.read_response().ends_with("got 50000")) << "the first one's place";
}

TEST_F(LargeBodies, GiveTheirPlaceBackWhenTheConnectionIsLostOrTheHandlerIsDone) {
  start_uploads({}, 1);
  for (int i = 0; i < 3; ++i) {
    RawClient client(server->port());
    client.send(head(large, "Expect: 100-continue\r\n"));
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("cut off");
    client.close();
    ASSERT_TRUE(wait_for_connections(0));
  }
  EXPECT_EQ(status_of(head(large) + "keep" + std::string(large - 4, 'x')), "200");
  EXPECT_EQ(status_of(head(large)), "503") << "its handler still holds it";
  {
    std::lock_guard lock(mutex_);
    kept_.clear();
  }
  EXPECT_EQ(status_of(head(large) + std::string(large, 'x')), "200");
}

TEST_F(LargeBodies, AreReadFromThoseWhoMayOnly) {
  start_uploads([](Loop& loop, const transport::Request& head, const Decide& done) {
    EXPECT_EQ(head.path, "/upload");
    EXPECT_EQ(head.remote_address, "127.0.0.1");
    std::optional<transport::Response> refusal;
    if (head.header("authorization") != "Bearer good") refusal = transport::Response{401, {}, "who are you"};
    if (head.header("x-later").empty()) return done(refusal);
    loop.post([done, refusal] { done(refusal); });
  });
  for (const char* when : {"", "X-Later: 1\r\n"}) {
    EXPECT_EQ(status_of(head(large, when)), "401") << "without its body";
    EXPECT_EQ(status_of(head(large, "Authorization: Bearer good\r\n" + std::string(when)) + std::string(large, 'x')), "200");
    RawClient waiting(server->port());
    waiting.send(head(large, "Authorization: Bearer good\r\nExpect: 100-continue\r\n" + std::string(when)));
    EXPECT_EQ(waiting.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  }
  EXPECT_EQ(status_of(head(3) + "abc"), "200") << "small ones are the router's affair";
}

}  // namespace
}  // namespace repartee::test
