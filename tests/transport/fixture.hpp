// A server on a free port with an echo for everything, and what its WebSocket handlers heard.
#pragma once
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "realtime/transport/server.hpp"
#include "realtime/transport/ws_client.hpp"
#include "tests/support/raw_http.hpp"

namespace repartee::test {

using namespace std::chrono_literals;

struct Heard {  // from the loops' threads
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::pair<int, std::string>> closes;
  std::vector<std::shared_ptr<transport::Peer>> peers;
  int handlers_alive = 0;

  void closed(int code, std::string_view reason) {
    std::lock_guard lock(mutex);
    closes.emplace_back(code, std::string(reason));
    changed.notify_all();
  }
  // The code of the n-th close, or -1 when it does not come.
  int wait_for_close(std::size_t n = 1) {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, 10s, [&] { return closes.size() >= n; })) return -1;
    return closes[n - 1].first;
  }
};

// Echoes; "close 4001 why" closes, "throw" throws, "flood N" sends N messages of 64 KB, "burst N" sends N short ones.
class EchoHandler final : public transport::PeerHandler {
 public:
  explicit EchoHandler(std::shared_ptr<Heard> heard) : heard_(std::move(heard)) {
    std::lock_guard lock(heard_->mutex);
    ++heard_->handlers_alive;
  }
  ~EchoHandler() override {
    std::lock_guard lock(heard_->mutex);
    --heard_->handlers_alive;
    heard_->changed.notify_all();
  }
  void on_open(std::shared_ptr<transport::Peer> peer) override {
    peer_ = std::move(peer);
    std::lock_guard lock(heard_->mutex);
    heard_->peers.push_back(peer_);
  }
  void on_text(std::string_view text) override {
    const std::string command(text);
    if (text == "throw") throw std::runtime_error("asked to");
    if (text.starts_with("flood ")) {
      const std::string block(65536, 'x');
      for (int i = std::stoi(command.substr(6)); i > 0; --i) peer_->send_binary(block);
    } else if (text.starts_with("burst ")) {
      for (int i = std::stoi(command.substr(6)); i > 0; --i) peer_->send_text("b" + std::to_string(i));
    } else if (text.starts_with("close ")) {
      peer_->send_text("before");
      peer_->close(std::stoi(command.substr(6)), command.size() > 11 ? command.substr(11) : "");
      peer_->send_text("after");
      peer_->close(1000, "again");
    } else {
      peer_->send_text(text);
    }
  }
  void on_binary(std::string_view bytes) override { peer_->send_binary(bytes); }
  void on_close(int code, std::string_view reason) override { heard_->closed(code, reason); }

 private:
  const std::shared_ptr<Heard> heard_;
  std::shared_ptr<transport::Peer> peer_;
};

class ServerTest : public testing::Test {
 protected:
  // Answers "<method> <path> <body>", "/later" from another thread, "/forget" never, "/big" with 1 MB, "/throw" throws.
  transport::Handlers echo_handlers() {
    transport::Handlers handlers;
    handlers.on_request = [this](Loop&, transport::Request request, transport::Respond respond) {
      if (request.path == "/throw") throw std::runtime_error("asked to");
      if (request.path == "/forget") return;
      if (request.path == "/big") return respond({200, {}, std::string(1 << 20, 'b')});
      transport::Response response{200, {{"Content-Type", "text/plain"}}, request.method + " " + request.path + " " + request.body};
      if (const auto q = request.query.find("q"); q != request.query.end()) response.body += " q=" + q->second;
      if (request.path == "/split") response.headers["X-Evil"] = "a\r\nSet-Cookie: b";
      if (request.path != "/later") return respond(std::move(response));
      later_.emplace_back([respond, response] {
        std::this_thread::sleep_for(20ms);
        respond(response);
        respond({500, {}, "twice"});
      });
    };
    handlers.on_upgrade = [this](Loop& loop, transport::Request request, std::vector<std::string> offered,
                                 std::function<void(transport::Accept)> accept) {
      transport::Accept answer;
      if (request.path == "/refuse") answer.refusal = {403, {{"Content-Type", "text/plain"}}, "not you"};
      else answer.handler = std::make_unique<EchoHandler>(heard);
      if (!offered.empty()) answer.subprotocol = request.path == "/liar" ? "other" : offered.front();
      if (request.path == "/forget") return;
      if (request.path != "/later") return accept(std::move(answer));
      auto kept = std::make_shared<transport::Accept>(std::move(answer));
      loop.post([kept, accept] { accept(std::move(*kept)); });
    };
    return handlers;
  }

  void start(transport::Options options = {}) { start_with(echo_handlers(), std::move(options)); }
  void start_with(transport::Handlers handlers, transport::Options options = {}) {
    options.port = 0;
    server = std::make_unique<transport::Server>(loops, options, std::move(handlers), metrics);
    const Status listening = server->listen();
    ASSERT_TRUE(listening) << listening.error().message;
    loops.start();
  }
  ~ServerTest() override {
    server.reset();
    for (auto& thread : later_) thread.join();
  }

  std::string url(const std::string& path = "/echo", bool tls = false) const {
    return (tls ? "wss://localhost:" : "ws://127.0.0.1:") + std::to_string(server->port()) + path;
  }
  void open(transport::WsClient& client, const std::string& path = "/echo", transport::WsClient::Options options = {}) {
    const Status connected = client.connect(url(path), std::move(options));
    ASSERT_TRUE(connected) << connected.error().message;
  }
  // Says hello over a raw socket and reads the 101.
  void open(RawClient& client, std::string_view target = "/echo") {
    client.send(ws_request(target));
    ASSERT_NE(client.read_until("\r\n\r\n").find("101 Switching Protocols"), std::string::npos);
  }
  bool wait_for_connections(std::size_t count) {
    for (int i = 0; i < 1000 && server->connections() != count; ++i) std::this_thread::sleep_for(10ms);
    return server->connections() == count;
  }

  Metrics metrics;
  AsioLoops loops{2};  // ends before what its last tasks count
  std::shared_ptr<Heard> heard = std::make_shared<Heard>();
  std::unique_ptr<transport::Server> server;

 private:
  std::vector<std::thread> later_;
};

inline std::string say(transport::WsClient& client, const std::string& text) {
  const Status sent = client.send_text(text);
  if (!sent) return sent.error().message;
  const auto message = client.receive(10s);
  return message ? message->data : "(nothing came)";
}

}  // namespace repartee::test
