// Answers that come in pieces.
#include "tests/transport/fixture.hpp"

namespace repartee::test {
namespace {

// `pieces` of 100 KB, each from a later turn of the loop; the one at `broken_at` fails.
class Pieces final : public transport::BodyStream {
 public:
  static constexpr std::size_t piece_bytes = 100'000;
  Pieces(int pieces, int broken_at, std::shared_ptr<std::atomic<int>> asked) : pieces_(pieces), broken_at_(broken_at), asked_(std::move(asked)) {}
  std::uint64_t size_bytes() const override { return piece_bytes * static_cast<std::uint64_t>(pieces_); }
  void next(Loop& loop, std::function<void(Result<std::string>)> done) override {
    const int now = (*asked_)++;
    loop.post([done = std::move(done), now, this, self = shared_from_this()] {
      if (now == broken_at_) done(Error{Errc::unavailable, "the disk is gone"});
      else done(std::string(piece_bytes, static_cast<char>('a' + now % 26)));
    });
  }

 private:
  const int pieces_, broken_at_;
  const std::shared_ptr<std::atomic<int>> asked_;
};

class BodyStreams : public ServerTest {
 protected:
  void serve(int pieces, int broken_at = -1) {
    auto handlers = echo_handlers();
    const auto echo = handlers.on_request;
    handlers.on_request = [this, echo, pieces, broken_at](Loop& loop, transport::Request request, transport::Respond respond) {
      if (request.path != "/stream") return echo(loop, std::move(request), std::move(respond));
      transport::Response response;
      response.stream = std::make_shared<Pieces>(pieces, broken_at, asked);
      respond(std::move(response));
    };
    start_with(std::move(handlers));
  }
  static std::string get(const char* path, const char* method = "GET") { return std::string(method) + " " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }
  std::shared_ptr<std::atomic<int>> asked = std::make_shared<std::atomic<int>>(0);
};

TEST_F(BodyStreams, ArriveWholeAndTheConnectionGoesOn) {
  serve(30);
  RawClient client(server->port());
  client.send(get("/stream") + get("/after"));
  const auto head = client.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 3000000\r\n"), std::string::npos);
  const auto body = client.read_bytes(3'000'000);
  ASSERT_EQ(body.size(), 3'000'000u);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(body.substr(i * Pieces::piece_bytes, Pieces::piece_bytes), std::string(Pieces::piece_bytes, static_cast<char>('a' + i % 26)));
  EXPECT_TRUE(client.read_response().ends_with("GET /after "));
}

TEST_F(BodyStreams, AreNotReadForHead) {
  serve(3);
  RawClient client(server->port());
  client.send(get("/stream", "HEAD") + get("/after"));
  EXPECT_NE(client.read_response(false).find("Content-Length: 300000\r\n"), std::string::npos);
  EXPECT_TRUE(client.read_response().ends_with("GET /after "));
  EXPECT_EQ(*asked, 0);
}

TEST_F(BodyStreams, ThatBreakOffEndTheConnection) {
  serve(10, 4);
  RawClient client(server->port());
  client.send(get("/stream"));
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_to_end().size(), 4 * Pieces::piece_bytes);
}

TEST_F(BodyStreams, AreReadNoFasterThanTheyAreTaken) {
  serve(1'000);
  RawClient client(server->port(), 16 * 1024);
  client.send(get("/stream"));
  client.read_until("\r\n\r\n");
  int before = -1;
  while (before != *asked) {  // until it stands still
    before = *asked;
    std::this_thread::sleep_for(200ms);
  }
  EXPECT_LT(before, 200) << "the rest waits for its reader";
  EXPECT_EQ(client.read_bytes(100 * Pieces::piece_bytes).size(), 100 * Pieces::piece_bytes);
}

}  // namespace
}  // namespace repartee::test
