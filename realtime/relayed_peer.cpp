#include "realtime/relayed_peer.hpp"

namespace repartee::realtime {

RelayedPeer::RelayedPeer(Loop& home, std::shared_ptr<transport::Peer> peer) : home_(home), peer_(std::move(peer)), remote_address_(peer_->remote_address()) {}

RelayedPeer::~RelayedPeer() {
  home_.post([peer = std::move(peer_)] {});   // it goes where it lived
}

void RelayedPeer::relay(bool is_text, std::string_view data) {
  if (*in_flight_bytes_ + data.size() > in_flight_bytes_max) return close(1008, "reads too slowly");
  *in_flight_bytes_ += data.size();
  home_.post([peer = peer_, in_flight = in_flight_bytes_, is_text, data = std::string(data)] {
    *in_flight -= data.size();
    if (is_text) peer->send_text(data);
    else peer->send_binary(data);
  });
}

void RelayedPeer::close(int code, std::string_view reason) {
  home_.post([peer = peer_, code, reason = std::string(reason)] { peer->close(code, reason); });
}

}  // namespace repartee::realtime
