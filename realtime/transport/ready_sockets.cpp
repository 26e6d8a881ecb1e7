#include "realtime/transport/ready_sockets.hpp"

#include <sys/epoll.h>

#include <array>

namespace repartee::transport {

ReadySockets::ReadySockets(AsioLoop& loop) : loop_(loop), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

bool ReadySockets::control(int operation, const Ticket& ticket) const {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;  // once for what came, however little of it is read
  event.data.u64 = std::uint64_t{ticket.use} << 32 | ticket.place;
  return ::epoll_ctl(epoll_.get(), operation, places_[ticket.place].descriptor, &event) == 0;
}

ReadySockets::Ticket ReadySockets::watch(int descriptor, Listener& listener) {
  if (!epoll_) return {};
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t number = free_.back();
  Place& place = places_[number];
  if (++place.use == 0) ++place.use;
  const Ticket ticket{number, place.use};
  place.descriptor = descriptor;
  if (!control(EPOLL_CTL_ADD, ticket)) return {};
  free_.pop_back();
  place.listener = &listener;
  ++watched_;
  if (!moment_ && !is_looking_ && !bell_) wait_for_one();
  return ticket;
}

void ReadySockets::forget(Ticket& ticket) {
  control(EPOLL_CTL_DEL, ticket);
  places_[ticket.place].listener = nullptr;
  free_.push_back(ticket.place);
  ticket = {};
  --watched_;
}

void ReadySockets::read_on(const Ticket& ticket) { control(EPOLL_CTL_MOD, ticket); }

void ReadySockets::close() {
  moment_.reset();
  if (bell_) bell_->release();
  bell_.reset();
}

bool ReadySockets::is_watched(const Ticket& ticket) const {
  const Place& place = places_[ticket.place];
  return place.listener && place.use == ticket.use;
}

// How many had something to say.
int ReadySockets::look() {
  int sockets = 0;
  is_looking_ = true;
  for (int round = 0, found = sockets_a_look_max; round < rounds_max && found == sockets_a_look_max; ++round)
    sockets += found = look_once();
  is_looking_ = false;
  return sockets;
}

int ReadySockets::look_once() {
  std::array<epoll_event, sockets_a_look_max> events;
  const int found = ::epoll_wait(epoll_.get(), events.data(), sockets_a_look_max, 0);
  for (int i = 0; i < found; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const Ticket ticket{static_cast<std::uint32_t>(event.data.u64), static_cast<std::uint32_t>(event.data.u64 >> 32)};
    if (!is_watched(ticket)) continue;  // a listener before it ended it
    places_[ticket.place].listener->on_ready();
    if (event.events != EPOLLIN && is_watched(ticket)) read_on(ticket);  // the end came behind bytes
  }
  return found;
}

void ReadySockets::wait_for_one() {
  if (watched_ == 0) return close();
  if (!bell_) {
    boost::system::error_code ec;
    bell_.emplace(loop_.io()).assign(epoll_.get(), ec);
    if (ec) {  // Asio has no room for one more
      bell_.reset();
      return wait_for_moment();
    }
  }
  bell_->async_wait(bell_->wait_read, recycled(loop_.memory(), [self = shared_from_this()](const boost::system::error_code& error) {
                      if (!error) self->on_bell();
                    }));
}

void ReadySockets::wait_for_moment() {
  moment_ = loop_.at_shared_moment([this] { on_moment(); });
}

void ReadySockets::on_bell() {
  if (!bell_) return;
  if (look() < many) return wait_for_one();
  close();  // otherwise each frame that comes would wake the loop
  sparse_looks_ = 0;
  wait_for_moment();
}

void ReadySockets::on_moment() {
  const auto self = shared_from_this();
  const StreamPtr rung = std::move(moment_);
  sparse_looks_ = look() < many ? sparse_looks_ + 1 : 0;
  if (sparse_looks_ > sparse_looks_max) wait_for_one();
  else wait_for_moment();
}

}  // namespace repartee::transport
