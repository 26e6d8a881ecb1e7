// A connection that lives on another loop than its session: after a reconnect the new connection is where the acceptor put it, and the session
// stays where it was. What the session sends is copied and posted.
// Thread contract: the members of Peer on the session's loop; `peer` is touched on `home` alone.
#pragma once
#include <atomic>
#include <memory>

#include "core/loop.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::realtime {

class RelayedPeer final : public transport::Peer {
 public:
  static constexpr std::size_t in_flight_bytes_max = 4 * 1024 * 1024;   // posted and not yet taken by the other loop: beyond, it is closed

  RelayedPeer(Loop& home, std::shared_ptr<transport::Peer> peer);
  ~RelayedPeer() override;

  void send_text(std::string_view text) override { relay(true, text); }
  void send_binary(std::string_view bytes) override { relay(false, bytes); }
  void close(int code, std::string_view reason) override;
  std::size_t buffered_bytes() const override { return *in_flight_bytes_; }
  const std::string& remote_address() const override { return remote_address_; }

 private:
  void relay(bool is_text, std::string_view data);

  Loop& home_;
  std::shared_ptr<transport::Peer> peer_;
  const std::string remote_address_;
  const std::shared_ptr<std::atomic<std::size_t>> in_flight_bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace repartee::realtime
