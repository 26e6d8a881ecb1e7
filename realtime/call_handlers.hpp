// The transport's view of a call: what comes over one connection goes to the live session behind it; made at the handshake, given its peer
// when the socket opens.
// Thread contract: the connection's loop. A resumed session may live on another one: then everything is posted there.
#pragma once
#include <atomic>
#include <memory>

#include "realtime/session_registry.hpp"

namespace repartee::realtime {

// What a call came in with.
struct Credential {
  auth::Caller caller;
  auth::CredentialWatch* watch = nullptr;      // tells of revocations; null: none
  void guard(LiveSession& session) const;      // on the session's loop
};

// A new session, or a conversation restored from the store.
class NewCall final : public transport::PeerHandler {
 public:
  struct Parts {
    Loop& loop;
    SessionRegistry& registry;
    std::function<SessionServices(Loop&)> services_for;
    const SessionOptions& session;
    LiveSession::Options live;
    SessionStart start;
    Credential credential;
    std::uint64_t first_seq = 1;
    std::shared_ptr<void> seat;                // given back when the session ends
  };
  explicit NewCall(Parts parts) : parts_(std::make_unique<Parts>(std::move(parts))) {}

  void on_open(std::shared_ptr<transport::Peer> peer) override;
  void on_text(std::string_view text) override;
  void on_binary(std::string_view bytes) override;
  void on_close(int code, std::string_view reason) override;

 private:
  std::unique_ptr<Parts> parts_;               // until the socket opens
  std::shared_ptr<LiveSession> session_;
  int connection_ = 0;
};

class ResumedCall final : public transport::PeerHandler {
 public:
  static constexpr std::size_t in_flight_bytes_max = 4 * 1024 * 1024;   // on the way to the session's loop: beyond, the connection is closed

  ResumedCall(Loop& loop, SessionRegistry::Found target, std::uint64_t after_seq, Credential credential);

  void on_open(std::shared_ptr<transport::Peer> peer) override;
  void on_text(std::string_view text) override;
  void on_binary(std::string_view bytes) override;
  void on_close(int code, std::string_view reason) override;

 private:
  struct Link {                                // on the session's loop, but for the count
    std::weak_ptr<LiveSession> session;
    int connection = 0;
    Credential credential;
    std::atomic<std::size_t> in_flight_bytes{0};
  };
  bool here() const { return &loop_ == target_loop_; }
  void pass(std::string_view data, void (LiveSession::*what)(int, std::string_view));
  static void attach(Link& link, std::shared_ptr<transport::Peer> peer, std::uint64_t after_seq);

  Loop& loop_;
  Loop* const target_loop_;
  const std::uint64_t after_seq_;
  const std::shared_ptr<Link> link_ = std::make_shared<Link>();
  std::shared_ptr<transport::Peer> peer_;
};

}  // namespace repartee::realtime
