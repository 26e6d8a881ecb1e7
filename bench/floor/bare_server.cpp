#include "bench/floor/bare_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "bench/load/wire.hpp"

namespace repartee::bench {
namespace {

constexpr std::uint64_t listener_tag = ~std::uint64_t{0}, timer_tag = listener_tag - 1;
constexpr int events_max = 1024, timer_period_ms = 4, ticks_a_packet = frame_ms / timer_period_ms;
constexpr std::size_t loud_packet_bytes_min = 16;  // digital silence takes less
constexpr std::size_t packets_of_silence = 500 / frame_ms, packets_of_interruption = 160 / frame_ms;

// The answer to the one key that the load client sends (RFC 6455, section 1.3).
constexpr std::string_view upgrade_answer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

std::string server_frame(Opcode opcode, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 4);
  frame += static_cast<char>(0x80 | static_cast<int>(opcode));
  if (payload.size() < 126) frame += static_cast<char>(payload.size());
  else (frame += static_cast<char>(126)).append({static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())});
  return frame.append(payload);
}

std::string text_frame(std::string_view json) { return server_frame(Opcode::text, json); }

// Packets of the scripted voice, for the loop that only sends.
Result<std::vector<std::string>> packets_of(const Samples& voice, int complexity) {
  auto encoder = pipeline::OpusEncoder::create({.rate_hz = asr_rate_hz, .complexity = complexity});
  if (!encoder) return encoder.error();
  std::vector<std::string> packets;
  for (std::size_t at = 0; at + packet_samples <= voice.size(); at += packet_samples) {
    const auto packet = encoder->encode(std::span(voice).subspan(at, packet_samples));
    if (!packet) return packet.error();
    packets.emplace_back(reinterpret_cast<const char*>(packet->data()), packet->size());
  }
  return packets;
}

FileDescriptor listen_on(int port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int one = 1;
  (void)setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(socket.get(), 1024) != 0)
    socket.reset();
  return socket;
}

void watch(int epoll, int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  (void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

struct BareServer::Impl {
  BareOptions options;
  const FloorMaterial& material;
  std::vector<std::string> voice;  // packets, for the loop that only sends
  std::unique_ptr<FloorVad> vad;   // with `works`
  std::string filler;
  FileDescriptor epoll, listener, timer;
  std::vector<std::unique_ptr<Call>> calls;
  std::vector<FloorEar*> ready;
  std::array<char, 65536> bytes;  // every read goes here
};

class BareServer::Call {
 public:
  Call(Impl& server, int fd, int slot) : server_(server), socket_(fd), slot_(slot) {
    if (server.options.works) ear_.emplace();
  }

  bool is_open() const { return static_cast<bool>(socket_); }

  void on_readable() {
    const ssize_t got = ::recv(socket_.get(), server_.bytes.data(), server_.bytes.size(), 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) socket_.reset();
      return;
    }
    std::span<char> bytes(server_.bytes.data(), static_cast<std::size_t>(got));
    if (!rest_.empty()) {  // a frame came in two parts: seldom
      rest_.append(bytes.data(), bytes.size());
      std::string whole = std::exchange(rest_, {});
      take_all(whole);
    } else {
      take_all(bytes);
    }
  }

  void tick(int slot) {
    if (slot == slot_ && reply_left_ > 0) speak();
  }

  FloorEar* ready_ear() { return ear_ && ear_->has_window() ? &*ear_ : nullptr; }

 private:
  void take_all(std::span<char> bytes) {
    if (!is_upgraded_) return upgrade(std::string_view(bytes.data(), bytes.size()));
    while (const std::size_t taken = take_one(bytes)) bytes = bytes.subspan(taken);
    rest_.assign(bytes.data(), bytes.size());
  }

  void upgrade(std::string_view request) {
    if (!request.ends_with("\r\n\r\n")) return rest_.assign(request), void();
    is_upgraded_ = true;
    send(upgrade_answer);
    send(text_frame(R"({"type":"session.created"})"));
  }

  // How many bytes the first frame had; 0: it is not whole.
  std::size_t take_one(std::span<char> bytes) {
    if (bytes.size() < 6) return 0;
    std::size_t size = static_cast<unsigned char>(bytes[1]) & 0x7f, header = 6;
    if (size == 126) {
      header = 8;
      size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[2])) << 8 | static_cast<unsigned char>(bytes[3]);
    }
    if (bytes.size() < header + size) return 0;
    const std::span<char> payload = bytes.subspan(header, size);
    const char* mask = bytes.data() + header - 4;
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
    const auto opcode = static_cast<Opcode>(bytes[0] & 0x0f);
    if (opcode == Opcode::binary) on_packet({payload.data(), size});
    else if (opcode == Opcode::text) send(text_frame(R"({"type":"session.updated"})"));
    else if (opcode == Opcode::close) socket_.reset();
    return header + size;
  }

  void on_packet(std::string_view packet) {
    if (ear_) decode(*ear_, packet);
    if (packet.size() >= loud_packet_bytes_min) {
      silent_ = 0;
      if (++loud_ >= packets_of_interruption && reply_left_ > 0) end_reply("cancelled", "interrupted");
    } else if (loud_ > 0 && ++silent_ >= packets_of_silence) {
      loud_ = silent_ = 0;
      begin_reply();
    }
  }

  void begin_reply() {
    for (std::size_t i = 0; i < server_.options.events_a_turn; ++i) send(server_.filler);
    send(text_frame(R"({"type":"response.created"})"));
    reply_left_ = server_.options.reply_packets;
    if (server_.options.works) {
      auto made = pipeline::OpusEncoder::create({.rate_hz = asr_rate_hz, .complexity = server_.options.complexity});
      if (made) mouth_.emplace(std::move(*made));
    }
    speak();
  }

  void speak() {
    const std::size_t at = server_.options.reply_packets - reply_left_--;
    if (mouth_) {
      const auto packet = mouth_->encode(std::span(server_.material.voice).subspan(at * packet_samples % asr_rate_hz, packet_samples));
      if (packet) send(server_frame(Opcode::binary, {reinterpret_cast<const char*>(packet->data()), packet->size()}));
    } else {
      send(server_frame(Opcode::binary, server_.voice[at % server_.voice.size()]));
    }
    if (reply_left_ == 0) end_reply("completed", "completed");
  }

  void end_reply(std::string_view status, std::string_view turn) {
    reply_left_ = 0;
    mouth_.reset();
    send(text_frame(R"({"type":"response.done","response":{"status":")" + std::string(status) + "\"}}"));
    send(text_frame(R"({"type":"repartee.turn","status":")" + std::string(turn) + R"(","endpointing_ms":500,"total_latency_ms":500})"));
  }

  // The client always reads: what the socket does not take is a call given up.
  void send(std::string_view bytes) {
    if (!is_open()) return;
    if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) socket_.reset();
  }

  Impl& server_;
  FileDescriptor socket_;
  const int slot_;  // when in the 20 ms its packets are due
  std::string rest_;
  bool is_upgraded_ = false;
  std::optional<FloorEar> ear_;
  std::optional<pipeline::OpusEncoder> mouth_;
  std::size_t loud_ = 0, silent_ = 0, reply_left_ = 0;
};

BareServer::BareServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BareServer::~BareServer() = default;

Result<std::unique_ptr<BareServer>> BareServer::make(const BareOptions& options, const FloorMaterial& material) {
  raise_descriptor_limit();
  auto impl = std::make_unique<Impl>(Impl{.options = options,
                                          .material = material,
                                          .voice = {},
                                          .vad = {},
                                          .filler = {},
                                          .epoll = FileDescriptor(),
                                          .listener = FileDescriptor(),
                                          .timer = FileDescriptor(),
                                          .calls = {},
                                          .ready = {},
                                          .bytes = {}});
  auto voice = packets_of(material.voice, options.complexity);
  if (!voice) return voice.error();
  impl->voice = std::move(*voice);
  if (options.works) {
    auto vad = FloorVad::make(options.models_dir);
    if (!vad) return vad.error();
    impl->vad = std::move(*vad);
  }
  const std::string json = R"({"type":"repartee.filler","x":")" + std::string(options.event_bytes, 'x') + "\"}";
  impl->filler = text_frame(json);
  impl->epoll = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  impl->listener = listen_on(options.port);
  if (!impl->listener) return Error{Errc::unavailable, std::string("cannot listen: ") + std::strerror(errno)};
  impl->timer = FileDescriptor(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  itimerspec every{};
  every.it_interval.tv_nsec = every.it_value.tv_nsec = timer_period_ms * 1'000'000;
  (void)timerfd_settime(impl->timer.get(), 0, &every, nullptr);
  watch(impl->epoll.get(), impl->listener.get(), listener_tag);
  watch(impl->epoll.get(), impl->timer.get(), timer_tag);
  return std::unique_ptr<BareServer>(new BareServer(std::move(impl)));
}

void BareServer::run(const std::atomic<bool>& is_stopping) {
  Impl& server = *impl_;
  const auto accept_all = [&] {
    for (int fd; (fd = ::accept4(server.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int one = 1;
      (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      const auto index = server.calls.size();
      server.calls.push_back(std::make_unique<Call>(server, fd, static_cast<int>(index % ticks_a_packet)));
      watch(server.epoll.get(), fd, index);
    }
  };
  int slot = 0;
  const auto tick = [&] {
    std::uint64_t expirations = 0;
    (void)!::read(server.timer.get(), &expirations, sizeof expirations);
    for (; expirations > 0; --expirations, slot = (slot + 1) % ticks_a_packet)
      for (const auto& call : server.calls) call->tick(slot);
    if (!server.vad || slot % 2 != 0) return;  // every 8 ms, as the server
    server.ready.clear();
    for (const auto& call : server.calls)
      if (FloorEar* ear = call->ready_ear()) server.ready.push_back(ear);
    server.vad->run(server.ready);
  };
  std::array<epoll_event, events_max> events;
  while (!is_stopping) {
    const int count = epoll_wait(server.epoll.get(), events.data(), events_max, 100);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      if (tag == listener_tag) accept_all();
      else if (tag == timer_tag) tick();
      else server.calls[tag]->on_readable();
    }
  }
}

}  // namespace repartee::bench
