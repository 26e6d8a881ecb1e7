#include "bench/load/fleet.hpp"

#include <fcntl.h>
#include <netdb.h>
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

#include "bench/load/frames.hpp"

namespace repartee::bench {
namespace {

constexpr std::size_t pending_bytes_max = 1024 * 1024;  // what the server does not take: beyond it the call is given up
constexpr std::uint64_t timer_tag = ~std::uint64_t{0};
constexpr long timer_period_ns = 1'000'000;
constexpr int events_max = 1024;
constexpr Duration frame_period = Millis(frame_ms);

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family = AF_INET;
};

Result<Address> resolve(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0)
    return Error{Errc::unavailable, host + ": " + gai_strerror(code)};
  Address address;
  std::memcpy(&address.bytes, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  address.family = found->ai_family;
  freeaddrinfo(found);
  return address;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

class Fleet::Line {
 public:
  Line(int epoll, std::uint64_t tag, const CallerOptions& options, const Speech& speech, Measures& measures, unsigned seed)
      : epoll_(epoll), tag_(tag), speech_(speech), measures_(measures), caller_(options, speech, measures, seed) {}

  bool is_open() const { return socket_.is_open(); }

  void open(const Address& address, std::string_view request) {
    socket_ = Descriptor(::socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!is_open()) return give_up("no socket");
    const int one = 1;
    (void)setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) != 0 && errno != EINPROGRESS)
      return give_up(std::string("connect: ") + std::strerror(errno));
    pending_ = request;
    watch(EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
  }

  void on_events(std::uint32_t events, TimePoint now) {
    if (events & EPOLLOUT) flush();
    if (is_open() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(now);
  }

  // The 20 ms tick.
  void tick(TimePoint now) {
    if (!is_open()) return;
    const std::string_view frame = caller_.frame_to_send(now);
    if (frame.empty()) return;
    if (measures_.is_counting) ++measures_.frames_sent;
    send(frame);
  }

 private:
  void watch(int operation, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag_;
    (void)epoll_ctl(epoll_, operation, socket_.get(), &event);
    is_watching_writes_ = events & EPOLLOUT;
  }

  void give_up(const std::string& why) {
    ++measures_.closes[why];
    socket_.close();
  }

  void send(std::string_view bytes) {
    if (pending_.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return give_up(std::string("send: ") + std::strerror(errno));
      bytes.remove_prefix(sent > 0 ? static_cast<std::size_t>(sent) : 0);
    }
    if (bytes.empty()) return;
    pending_ += bytes;
    if (pending_.size() > pending_bytes_max) return give_up("the server does not take what is sent");
    if (!is_watching_writes_) watch(EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  }

  void flush() {
    const std::string bytes = std::exchange(pending_, {});
    if (!bytes.empty()) send(bytes);
    if (is_open() && pending_.empty() && is_watching_writes_) watch(EPOLL_CTL_MOD, EPOLLIN);
  }

  void receive(TimePoint now) {
    const auto room = reader_.room();
    const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
    if (got == 0) return give_up("closed without a word");
    if (got < 0) {
      if (errno != EAGAIN) give_up(std::string("receive: ") + std::strerror(errno));
      return;
    }
    reader_.filled(static_cast<std::size_t>(got));
    if (!is_upgraded_ && !take_answer()) return;
    while (is_open()) {
      const auto frame = reader_.next();
      if (!frame) break;
      take(*frame, now);
    }
    if (is_open() && reader_.is_broken()) give_up("a broken frame came");
  }

  bool take_answer() {
    const auto head = reader_.take_head();
    if (!head) return false;
    is_upgraded_ = head->starts_with("HTTP/1.1 101");
    if (!is_upgraded_) give_up("refused: " + std::string(head->substr(0, head->find("\r\n"))));
    return is_upgraded_;
  }

  void take(const Frame& frame, TimePoint now) {
    if (frame.opcode == Opcode::binary) return caller_.on_binary(now);
    if (frame.opcode == Opcode::ping) return send(masked_frame(Opcode::pong, frame.payload));
    if (frame.opcode == Opcode::close) return take_close(frame.payload);
    if (frame.opcode != Opcode::text) return;
    caller_.on_text(frame.payload, now);
    if (!caller_.wants_configuration()) return;
    caller_.configuration_sent();
    send(speech_.session_update);
  }

  void take_close(std::string_view payload) {
    std::string why = "close without a code";
    if (payload.size() >= 2) {
      const int code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
      why = "close " + std::to_string(code) + " " + std::string(payload.substr(2));
    }
    give_up(why);
  }

  const int epoll_;
  const std::uint64_t tag_;
  const Speech& speech_;
  Measures& measures_;
  Caller caller_;
  Descriptor socket_;
  FrameReader reader_;
  std::string pending_;
  bool is_upgraded_ = false, is_watching_writes_ = false;
};

struct Fleet::Impl {
  Impl(FleetOptions o, const CallerOptions& caller_options, const Speech& speech, Measures& m, unsigned seed)
      : options(std::move(o)),
        measures(m),
        epoll(epoll_create1(EPOLL_CLOEXEC)),
        timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        request(upgrade_request(options.host + ":" + options.port, options.target)) {
    raise_descriptor_limit();
    for (std::size_t i = 0; i < options.calls; ++i)
      lines.push_back(std::make_unique<Line>(epoll.get(), i, caller_options, speech, measures, seed + static_cast<unsigned>(i)));
  }

  Status start_timer() {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = timer_tag;
    itimerspec every{};
    every.it_interval.tv_nsec = every.it_value.tv_nsec = timer_period_ns;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, timer.get(), &event) != 0 || timerfd_settime(timer.get(), 0, &every, nullptr) != 0)
      return Error{Errc::internal, std::string("timer: ") + std::strerror(errno)};
    return {};
  }

  void wait() {
    std::array<epoll_event, events_max> events;
    const int count = epoll_wait(epoll.get(), events.data(), events_max, 100);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 != timer_tag) {
        lines[event.data.u64]->on_events(event.events, SteadyClock::now());
        continue;
      }
      std::uint64_t expirations = 0;
      (void)!::read(timer.get(), &expirations, sizeof expirations);
    }
  }

  // Call i is due at begun + (k + i / calls) * 20 ms, for every k.
  void send_due(TimePoint begun) {
    const auto calls = static_cast<std::int64_t>(lines.size());
    for (TimePoint now = SteadyClock::now();;) {
      const TimePoint due = begun + frame_period * ticks / calls;
      if (due > now) return;
      if (measures.is_counting) measures.client_lateness.add(std::chrono::duration<double, std::milli>(now - due).count());
      lines[static_cast<std::size_t>(ticks++ % calls)]->tick(now);
      now = SteadyClock::now();
    }
  }

  void open_due(TimePoint begun, const Address& address) {
    const double passed_s = std::chrono::duration<double>(SteadyClock::now() - begun).count();
    while (opened < lines.size() && static_cast<double>(opened) <= passed_s * options.ramp_calls_per_s)
      lines[opened++]->open(address, request);
  }

  FleetOptions options;
  Measures& measures;
  Descriptor epoll, timer;
  std::string request;
  std::vector<std::unique_ptr<Line>> lines;
  std::int64_t ticks = 0;
  std::size_t opened = 0;
};

Fleet::Fleet(FleetOptions options, const CallerOptions& caller_options, const Speech& speech, Measures& measures, unsigned seed)
    : impl_(std::make_unique<Impl>(std::move(options), caller_options, speech, measures, seed)) {}
Fleet::~Fleet() = default;

Status Fleet::run(const std::function<void(bool)>& on_measure) {
  const auto address = resolve(impl_->options.host, impl_->options.port);
  if (!address) return address.error();
  if (auto started = impl_->start_timer(); !started) return started;
  const TimePoint begun = SteadyClock::now();
  const auto ramp = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(impl_->lines.size()) / impl_->options.ramp_calls_per_s));
  const TimePoint measure_from = begun + ramp + impl_->options.warm_up, end = measure_from + impl_->options.measured;
  while (SteadyClock::now() < end) {
    impl_->open_due(begun, *address);
    impl_->wait();
    impl_->send_due(begun);
    if (impl_->measures.is_counting || SteadyClock::now() < measure_from) continue;
    if (open_calls() == 0) return Error{Errc::unavailable, "no call is open"};
    on_measure(true);
    impl_->measures.is_counting = true;
  }
  impl_->measures.is_counting = false;
  on_measure(false);
  return {};
}

std::size_t Fleet::open_calls() const {
  std::size_t open = 0;
  for (const auto& line : impl_->lines) open += line->is_open();
  return open;
}

}  // namespace repartee::bench
