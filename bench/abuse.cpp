// bench_abuse: many hostile connections at once, each of one kind, come back as soon as they are thrown out. Run it beside bench_load and look
// at the good calls: bench/abuse.sh does. Prints how often each kind connected and how much it sent.
// One thread, non-blocking sockets on Asio.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <array>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

// ---- what is sent ----

std::string frame(int opcode, const std::string& payload, bool fin = true, bool masked = true) {
  std::string out;
  out += static_cast<char>((fin ? 0x80 : 0) | opcode);
  const char mask_bit = masked ? '\x80' : '\0';
  if (payload.size() < 126) out += static_cast<char>(mask_bit | static_cast<char>(payload.size()));
  else if (payload.size() < 65536) out += {static_cast<char>(mask_bit | 126), static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
  else {
    out += static_cast<char>(mask_bit | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  if (masked) out += std::string(4, '\0');   // a mask of zeros is a mask
  return out + payload;
}

std::string upgrade(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headers + "\r\n";
}

std::string request(const std::string& method, const std::string& target, const std::string& headers = "", const std::string& body = "") {
  return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
}

struct Kind {
  const char* name;
  std::string first;                 // on connecting
  std::string then;                  // again and again
  int every_ms = 100;
  bool reads = true;                 // false: never reads what comes
  int life_ms = 0;                   // leaves after that; 0: stays
};

std::vector<Kind> kinds() {
  const std::string call = upgrade("/v1/realtime?model=default");
  const std::string update = R"({"type":"session.update","session":{"type":"realtime","instructions":")" + std::string(2000, 'x') + "\"}}";
  const std::string injection = "%27%3B%20DROP%20TABLE%20users%3B%20--";
  return {
      {"says nothing", "", ""},
      {"a header byte now and then", "GET / HTTP/1.1\r\nX-Slow: ", "a", 1000},
      {"a body that never ends", "POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", "{", 500},
      {"bytes that mean nothing", std::string(500, '\xf3'), std::string(200, '\x00')},
      {"unmasked frames", call, frame(1, "hello", true, false)},
      {"a frame of a gigabyte", call + std::string("\x82\xFF\x00\x00\x00\x00\x40\x00\x00\x00\x11\x22\x33\x44", 14), std::string(500, 'x'), 200},
      {"fragments of one byte", call + frame(1, "[", false), frame(0, "[", false) + frame(0, "[", false), 50},
      {"JSON nested 100,000 deep", call, frame(1, std::string(100'000, '[')), 1000},
      {"garbage as Opus", call + frame(1, R"({"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/opus"}}}}})"), frame(2, std::string(700, '\xfe'))},
      {"never reads, asks a lot", call, frame(1, update), 50, false},
      {"pings", call, frame(9, "p") + frame(9, "p") + frame(9, "p"), 20},
      {"cancels", call, frame(1, R"({"type":"response.cancel"})") + frame(1, R"({"type":"input_audio_buffer.clear"})"), 20},
      {"comes and goes", call, "", 100, true, 300},
      {"asks for replies", call, frame(1, R"({"type":"response.create"})"), 200},
      {"a wrong Origin", upgrade("/v1/realtime", "Origin: https://evil.example\r\n"), "", 200},
      {"somebody else's session", upgrade("/v1/realtime?session_id=" + injection + "&resume_token=x"), "", 200},
      {"SQL in every field", request("GET", "/api/v1/echo/" + injection) + request("GET", "/api/v1/sessions?cursor=" + injection), request("GET", "/api/v1/echo/" + injection), 300},
      {"path tricks", request("GET", "/../../../../etc/passwd") + request("GET", "/%2e%2e/%2e%2e/etc/shadow") + request("GET", "/js/..%2f..%2fapi"), request("GET", "/%2e%2e%2f"), 300},
      {"telephone garbage", upgrade("/v1/twilio"), frame(1, R"({"event":"media","media":{"payload":"!!"}})"), 200},
      {"minutes of audio a second", call, frame(2, std::string(200'000, '\x01')), 250},
  };
}

struct Count {
  long connected = 0, thrown_out = 0;
  double sent_bytes = 0;
};

// One hostile client; comes back when it is thrown out.
class Attacker : public std::enable_shared_from_this<Attacker> {
 public:
  Attacker(asio::io_context& io, const tcp::endpoint& server, const Kind& kind, Count& count, unsigned seed)
      : io_(io), server_(server), kind_(kind), count_(count), random_(seed), timer_(io), life_(io) {}
  void start() {
    socket_ = std::make_shared<tcp::socket>(io_);
    socket_->async_connect(server_, [self = shared_from_this(), socket = socket_](const ErrorCode& error) {
      if (error) return self->again();
      ++self->count_.connected;
      self->send(socket, self->kind_.first);
      if (self->kind_.reads) self->read(socket);
      self->tick(socket);
      if (self->kind_.life_ms == 0) return;
      self->life_.expires_after(std::chrono::milliseconds(self->kind_.life_ms));
      self->life_.async_wait([self, socket](const ErrorCode& cancelled) {
        if (!cancelled) self->again();
      });
    });
  }

 private:
  void send(const std::shared_ptr<tcp::socket>& socket, const std::string& bytes) {
    if (bytes.empty() || sending_) return;
    sending_ = true;
    asio::async_write(*socket, asio::buffer(bytes), [self = shared_from_this(), socket](const ErrorCode& error, std::size_t sent) {
      if (socket != self->socket_) return;
      self->sending_ = false;
      self->count_.sent_bytes += static_cast<double>(sent);
      if (error) self->again();
    });
  }
  void read(const std::shared_ptr<tcp::socket>& socket) {
    socket->async_read_some(asio::buffer(in_), [self = shared_from_this(), socket](const ErrorCode& error, std::size_t) {
      if (socket != self->socket_) return;
      if (!error) return self->read(socket);
      ++self->count_.thrown_out;
      self->again();
    });
  }
  void tick(const std::shared_ptr<tcp::socket>& socket) {
    const int jitter = static_cast<int>(random_() % static_cast<unsigned>(kind_.every_ms));
    timer_.expires_after(std::chrono::milliseconds(kind_.every_ms / 2 + jitter));
    timer_.async_wait([self = shared_from_this(), socket](const ErrorCode& cancelled) {
      if (cancelled || socket != self->socket_) return;
      self->send(socket, self->kind_.then);
      self->tick(socket);
    });
  }
  void again() {
    ErrorCode ignored;
    socket_->close(ignored);
    socket_.reset();
    sending_ = false;
    life_.cancel();
    timer_.expires_after(std::chrono::milliseconds(200 + random_() % 800));
    timer_.async_wait([self = shared_from_this()](const ErrorCode& cancelled) {
      if (!cancelled) self->start();
    });
  }

  asio::io_context& io_;
  const tcp::endpoint server_;
  const Kind& kind_;
  Count& count_;
  std::minstd_rand random_;
  std::shared_ptr<tcp::socket> socket_;
  asio::steady_timer timer_, life_;
  std::array<char, 4096> in_;
  bool sending_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Hostile connections, many at once");
  int port = 8080, seconds = 30;
  std::size_t connections = 1000;
  app.add_option("--port", port, "Of the server, on loopback")->capture_default_str();
  app.add_option("--connections", connections, "At once")->check(CLI::Range(1, 20'000))->capture_default_str();
  app.add_option("--seconds", seconds, "How long")->check(CLI::Range(1, 3600))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  asio::io_context io{1};
  const tcp::endpoint server(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port));
  const auto all = kinds();
  std::vector<Count> counts(all.size());
  for (std::size_t i = 0; i < connections; ++i) std::make_shared<Attacker>(io, server, all[i % all.size()], counts[i % all.size()], static_cast<unsigned>(i + 1))->start();
  io.run_for(std::chrono::seconds(seconds));
  std::printf("%zu hostile connections at once for %d s:\n", connections, seconds);
  for (std::size_t i = 0; i < all.size(); ++i)
    std::printf("  %-28s connected %6ld  thrown out %6ld  sent %8.2f MB\n", all[i].name, counts[i].connected, counts[i].thrown_out, counts[i].sent_bytes / 1e6);
  std::fflush(stdout);
  _exit(0);   // the operations under way hold their attackers
}
