#include "bench/load/wire.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace repartee::bench {

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

void Wire::open(const Address& address, std::string_view upgrade_request) {
  socket_ = FileDescriptor(::socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!is_open()) return give_up("no socket");
  const int one = 1;
  (void)setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) != 0 && errno != EINPROGRESS)
    return give_up(std::string("connect: ") + std::strerror(errno));
  pending_ = upgrade_request;
  watch(EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

void Wire::on_events(std::uint32_t epoll_events, TimePoint now) {
  if (epoll_events & EPOLLOUT) flush();
  if (is_open() && (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(now);
}

void Wire::drop(bool reset) {
  const linger at_once{1, 0};
  if (reset && is_open()) (void)setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.reset();
}

void Wire::watch(int operation, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag_;
  (void)epoll_ctl(epoll_, operation, socket_.get(), &event);
  is_watching_writes_ = events & EPOLLOUT;
}

void Wire::give_up(const std::string& why) {
  socket_.reset();
  events_.on_end(why);
}

void Wire::send(std::string_view bytes) {
  if (!is_open()) return;
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

void Wire::flush() {
  const std::string bytes = std::exchange(pending_, {});
  if (!bytes.empty()) send(bytes);
  if (is_open() && pending_.empty() && is_watching_writes_) watch(EPOLL_CTL_MOD, EPOLLIN);
}

void Wire::receive(TimePoint now) {
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

bool Wire::take_answer() {
  const auto head = reader_.take_head();
  if (!head) return false;
  is_upgraded_ = head->starts_with("HTTP/1.1 101");
  if (!is_upgraded_) give_up("refused: " + std::string(head->substr(0, head->find("\r\n"))));
  return is_upgraded_;
}

void Wire::take(const Frame& frame, TimePoint now) {
  switch (frame.opcode) {
    case Opcode::text: return events_.on_text(frame.payload, now);
    case Opcode::binary: return events_.on_binary(frame.payload, now);
    case Opcode::ping: return send(masked_frame(Opcode::pong, frame.payload));
    case Opcode::pong: return;
    case Opcode::close: break;
  }
  std::string why = "close without a code";
  if (frame.payload.size() >= 2) {
    const int code = static_cast<unsigned char>(frame.payload[0]) << 8 | static_cast<unsigned char>(frame.payload[1]);
    why = "close " + std::to_string(code) + " " + std::string(frame.payload.substr(2));
  }
  give_up(why);
}

}  // namespace repartee::bench
