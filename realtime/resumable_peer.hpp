// The peer that a session talks to while its client's connection may come and go: numbers every message, keeps what the client may have
// missed, and passes on to whatever connection is there. JSON events carry their number as `seq`; a binary message counts one too, and
// carries none: the next event's `seq` says where one is.
// Thread contract: the session's loop.
#pragma once
#include <functional>
#include <memory>

#include "core/loop.hpp"
#include "realtime/replay_buffer.hpp"
#include "realtime/transport/server.hpp"

namespace repartee::realtime {

// What came of a resumption, for the session.
struct Resumption {
  std::uint64_t replayed = 0;                  // messages sent again
  std::uint64_t lost = 0;                      // messages after `after_seq` that were not kept
  std::optional<TimePoint> missed_since;       // when the first message was sent that the client had not; nullopt: it had all
};

class ResumablePeer final : public transport::Peer {
 public:
  // `on_close`: the session ends the call while nobody is connected.
  ResumablePeer(Loop& loop, ReplayBuffer::Options replay, std::uint64_t first_seq, std::function<void(int code, std::string reason)> on_close);

  void attach(std::shared_ptr<transport::Peer> peer);    // the first connection
  void detach();                                         // it is lost: what is sent from now on waits
  // Another connection: first what it missed, then whatever comes.
  Resumption resume(std::shared_ptr<transport::Peer> peer, std::uint64_t after_seq);
  bool attached() const { return peer_ != nullptr; }

  void send_text(std::string_view json) override;        // one JSON object
  void send_binary(std::string_view bytes) override;
  void close(int code, std::string_view reason) override;
  std::size_t buffered_bytes() const override { return peer_ ? peer_->buffered_bytes() : 0; }
  const std::string& remote_address() const override { return remote_address_; }

 private:
  void trim_later();

  Loop& loop_;
  const Duration age_max_;
  const std::function<void(int, std::string)> on_close_;
  ReplayBuffer replay_;
  std::shared_ptr<transport::Peer> peer_;
  std::string remote_address_;
  StreamPtr trim_timer_;
};

}  // namespace repartee::realtime
