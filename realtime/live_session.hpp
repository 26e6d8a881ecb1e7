// A session and whatever connection it has at the moment. A connection that is lost, not closed, leaves the session alive for a while: its
// reply waits, what it sends is kept, and the next connection that shows the token takes it up again. The time over, the session ends.
// Thread contract: the session's loop, which also destroys it. A connection is known by its number: what a replaced one still says is ignored.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "realtime/auth/credential_watch.hpp"
#include "realtime/resumable_peer.hpp"
#include "realtime/session.hpp"

namespace repartee::realtime {

// Close codes of ours (RFC 6455: 4000 to 4999 are an application's own).
inline constexpr int close_code_replaced = 4000;      // the session was taken up by another connection
inline constexpr int close_code_credential = 4001;    // the key was revoked, or has expired
inline constexpr int close_code_gone = 4004;          // the session ended while its resumption was on the way

class LiveSession : public std::enable_shared_from_this<LiveSession> {
 public:
  struct Options {
    Duration resume_within = std::chrono::seconds(30);   // zero: a lost connection ends the session, and nothing is numbered or kept
    ReplayBuffer::Options replay;
  };
  // `first_seq`: of its first event; a restored conversation goes on counting. `on_end`: once, when it is over.
  LiveSession(SessionServices services, const SessionOptions& session, SessionStart start, const Options& options, std::uint64_t first_seq,
              std::function<void()> on_end);
  ~LiveSession();

  const std::string& id() const { return id_; }
  int open(std::shared_ptr<transport::Peer> peer);       // the first connection; its number
  int resume(std::shared_ptr<transport::Peer> peer, std::uint64_t after_seq);
  void on_text(int connection, std::string_view text);
  void on_binary(int connection, std::string_view bytes);
  void on_close(int connection, int code, std::string_view reason);
  // The call lasts as long as what it came in with: `watch` (null: nothing can be revoked), and that time (nullopt: for ever). A resumption
  // with another key replaces both.
  void guard(const auth::Caller& caller, auth::CredentialWatch* watch, std::optional<Duration> expires_in);
  void expel(int code, const std::string& error_code, const std::string& reason);   // says why, then closes

 private:
  bool is_current(int connection) const { return session_ && connection == connection_; }
  void end(std::string_view reason);

  Loop& loop_;
  const Options options_;
  const std::string id_;
  const std::function<void()> on_end_;
  Gauge& waiting_;
  Counter &resumed_, &expired_;
  std::shared_ptr<Session> session_;           // null before open() and after the end
  struct Beginning {                           // what the session is made of
    SessionServices services;
    const SessionOptions& options;
    SessionStart start;
    std::uint64_t first_seq;
  };
  std::unique_ptr<Beginning> beginning_;       // until open()
  std::shared_ptr<ResumablePeer> peer_;        // null where nothing can be resumed
  std::shared_ptr<transport::Peer> wire_;      // the connection of now; null: lost
  int connection_ = 0;
  StreamPtr expiry_, revocation_, credential_expiry_;
};

}  // namespace repartee::realtime
