// One WebSocket of a load client: a non-blocking socket on its owner's epoll, the upgrade, masked frames out, frames in. Pings are
// answered. Thread contract: one thread. The events come from inside open(), send() and on_events(); they may call send() and drop().
#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "bench/load/frames.hpp"
#include "core/clock.hpp"
#include "core/file_descriptor.hpp"
#include "core/result.hpp"

namespace repartee::bench {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family = 0;
};
Result<Address> resolve(const std::string& host, const std::string& port);  // the first one found
void raise_descriptor_limit();                                              // to what the system allows

class WireEvents {
 public:
  virtual ~WireEvents() = default;
  virtual void on_text(std::string_view text, TimePoint now) = 0;
  virtual void on_binary(std::string_view bytes, TimePoint now) = 0;
  // Once: refused, closed by the server, or broken; not after drop(). A close frame was not answered: the socket is simply gone.
  virtual void on_end(const std::string& why) = 0;
};

class Wire {
 public:
  static constexpr std::size_t pending_bytes_max = 1024 * 1024;  // what the server does not take: beyond it the wire is given up

  Wire(int epoll, std::uint64_t tag, WireEvents& events) : epoll_(epoll), tag_(tag), events_(events) {}

  void open(const Address& address, std::string_view upgrade_request);
  bool is_open() const { return static_cast<bool>(socket_); }
  bool is_upgraded() const { return is_upgraded_; }
  void send(std::string_view frame);  // as masked_frame made it
  void on_events(std::uint32_t epoll_events, TimePoint now);
  void drop(bool reset = false);  // without a word; reset: as a crashed client's system does

 private:
  void watch(int operation, std::uint32_t events);
  void give_up(const std::string& why);
  void flush();
  void receive(TimePoint now);
  bool take_answer();
  void take(const Frame& frame, TimePoint now);

  const int epoll_;
  const std::uint64_t tag_;
  WireEvents& events_;
  FileDescriptor socket_;
  FrameReader reader_;
  std::string pending_;
  bool is_upgraded_ = false, is_watching_writes_ = false;
};

}  // namespace repartee::bench
