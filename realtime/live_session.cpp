#include "realtime/live_session.hpp"

#include <tuple>
#include <utility>

#include "core/log.hpp"

namespace repartee::realtime {
namespace {

// Lost, in contrast to closed: the network went away, or could not keep up. Who breaks the protocol or says goodbye is not waited for.
bool was_lost(int code, std::string_view reason) { return code == 1006 || (code == 1008 && reason == "reads too slowly"); }

std::string why_closed(int code, std::string_view reason) {
  if (!reason.empty()) return std::string(reason);
  return code == 1000 || code == 1001 || code == 1005 ? "client closed" : "connection lost";
}

}  // namespace

LiveSession::LiveSession(SessionServices services, const SessionOptions& session, SessionStart start, const Options& options, std::uint64_t first_seq,
                         std::function<void()> on_end)
    : loop_(services.loop),
      options_(options),
      id_(start.session_id),
      on_end_(std::move(on_end)),
      waiting_(services.metrics.waiting),
      resumed_(services.metrics.resumed),
      expired_(services.metrics.expired),
      beginning_(std::make_unique<Beginning>(Beginning{std::move(services), session, std::move(start), first_seq})) {}

LiveSession::~LiveSession() {
  if (!session_) return;   // the loops have stopped: its row is closed nevertheless
  expiry_.reset();
  if (peer_ && !peer_->attached()) waiting_.add(-1);
  std::exchange(session_, nullptr)->on_close("the server stopped");
}

int LiveSession::open(std::shared_ptr<transport::Peer> peer) {
  const auto beginning = std::exchange(beginning_, nullptr);
  wire_ = std::move(peer);
  std::shared_ptr<transport::Peer> seen = wire_;
  if (options_.resume_within > Duration::zero()) {
    peer_ = std::make_shared<ResumablePeer>(loop_, options_.replay, beginning->first_seq, [this](int, std::string reason) {
      // Posted: the session is in the middle of something.
      loop_.post([weak = weak_from_this(), reason] {
        if (auto self = weak.lock()) self->end(reason);
      });
    });
    peer_->attach(wire_);
    seen = peer_;
  }
  session_ = std::make_shared<Session>(std::move(beginning->services), beginning->options, std::move(beginning->start), std::move(seen));
  connection_ = 1;
  session_->open();
  return connection_;
}

int LiveSession::resume(std::shared_ptr<transport::Peer> peer, std::uint64_t after_seq) {
  if (!session_ || !peer_) {
    peer->close(close_code_gone, "the session has ended");
    return -1;
  }
  expiry_.reset();
  if (peer_->attached()) {   // the server has not noticed yet that the old one is lost
    session_->connection_lost();
    wire_->close(close_code_replaced, "the session goes on over another connection");
  } else {
    waiting_.add(-1);
  }
  wire_ = peer;
  const Resumption resumption = peer_->resume(std::move(peer), after_seq);
  resumed_.add();
  log::info("session", "resumed", {{"session", id_}, {"address", wire_->remote_address()}, {"replayed", resumption.replayed}, {"lost", resumption.lost}});
  session_->connection_resumed(resumption);
  return ++connection_;
}

void LiveSession::on_text(int connection, std::string_view text) {
  if (is_current(connection)) session_->on_text(text);
}

void LiveSession::on_binary(int connection, std::string_view bytes) {
  if (is_current(connection)) session_->on_binary(bytes);
}

void LiveSession::on_close(int connection, int code, std::string_view reason) {
  if (!is_current(connection)) return;
  if (!peer_ || !was_lost(code, reason)) return end(why_closed(code, reason));
  wire_.reset();
  peer_->detach();
  waiting_.add(1);
  log::info("session", "connection lost, waiting for it to come back", {{"session", id_}, {"ms", to_ms(options_.resume_within)}});
  session_->connection_lost();
  expiry_ = loop_.after(options_.resume_within, [this] {
    expired_.add();
    end("connection lost");
  });
}

void LiveSession::guard(const auth::Caller& caller, auth::CredentialWatch* watch, std::optional<Duration> expires_in) {
  revocation_ = watch ? watch->watch(loop_, caller, [this] { expel(close_code_credential, "credential_revoked", "the key was revoked"); }) : nullptr;
  credential_expiry_ = expires_in ? loop_.after(*expires_in, [this] { expel(close_code_credential, "credential_expired", "the key has expired"); }) : nullptr;
}

void LiveSession::expel(int code, const std::string& error_code, const std::string& reason) {
  if (!session_) return;
  session_->say_last(error_code, reason);
  if (wire_) wire_->close(code, reason);
  else end(reason);
}

void LiveSession::end(std::string_view reason) {
  if (!session_) return;
  const auto self = shared_from_this();   // on_end_ forgets it
  const auto timers = std::tuple(std::move(expiry_), std::move(revocation_), std::move(credential_expiry_));  // perhaps one of them is running
  if (peer_ && !peer_->attached()) waiting_.add(-1);
  std::exchange(session_, nullptr)->on_close(reason);
  on_end_();
}

}  // namespace repartee::realtime
