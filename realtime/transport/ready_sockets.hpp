// The plain WebSockets of a loop, watched by an epoll of their own: a frame that comes needs no operation of Asio's, and no system call to
// wait for the next one. While few of them speak, the loop is woken by each. While many do, nothing wakes it: they are looked at together,
// at the moments 4 ms apart at which the loop's timers ring anyway. Thread contract: its loop's thread; afterwards, when the loop has
// stopped, one thread at a time. Held by shared_ptr: a look, or the wait for one, outlives its owner.
#pragma once
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/asio_loops.hpp"
#include "core/file_descriptor.hpp"

namespace repartee::transport {

class ReadySockets : public std::enable_shared_from_this<ReadySockets> {
 public:
  static constexpr int many = 4;                  // ready at once: from then on they are looked at together
  static constexpr int sparse_looks_max = 8;      // in a row with fewer, then each wakes the loop again
  static constexpr int sockets_a_look_max = 256;  // the others in the next round
  static constexpr int rounds_max = 8;            // of one look: the timers get their turn

  class Listener {
   public:
    virtual void on_ready() = 0;  // bytes, or the end: told of that until it is forgotten, of bytes left unread only after read_on
   protected:
    ~Listener() = default;
  };
  struct Ticket {
    std::uint32_t place = 0, use = 0;  // 0: not watched
    explicit operator bool() const { return use != 0; }
  };

  explicit ReadySockets(AsioLoop& loop);
  ~ReadySockets() { close(); }

  // No ticket: the system has no room. What can be read already is told too.
  Ticket watch(int descriptor, Listener& listener);
  void forget(Ticket& ticket);         // before it is closed; may be called from any listener
  void read_on(const Ticket& ticket);  // there may be more than was read
  void close();                        // nothing is watched any more: its owner goes

 private:
  struct Place {
    Listener* listener = nullptr;
    int descriptor = -1;
    std::uint32_t use = 0;  // which of the sockets that have had this place
  };
  bool control(int operation, const Ticket& ticket) const;
  bool is_watched(const Ticket& ticket) const;
  int look();
  int look_once();
  void wait_for_one();
  void wait_for_moment();
  void on_bell();
  void on_moment();

  AsioLoop& loop_;
  FileDescriptor epoll_;
  // The epoll, as Asio knows it while each socket wakes the loop; or when they are looked at together. After close() nothing of the loop is
  // left.
  std::optional<boost::asio::posix::stream_descriptor> bell_;
  StreamPtr moment_;
  int sparse_looks_ = 0;
  bool is_looking_ = false;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::size_t watched_ = 0;
};

}  // namespace repartee::transport
