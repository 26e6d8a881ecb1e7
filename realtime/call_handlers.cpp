#include "realtime/call_handlers.hpp"

#include <utility>

#include "realtime/relayed_peer.hpp"

namespace repartee::realtime {

void Credential::guard(LiveSession& session) const {
  std::optional<Duration> expires_in;
  if (caller.expires_at) expires_in = std::max<Duration>(std::chrono::duration_cast<Duration>(*caller.expires_at - std::chrono::system_clock::now()), Duration::zero());
  session.guard(caller, watch, expires_in);
}

void NewCall::on_open(std::shared_ptr<transport::Peer> peer) {
  const auto parts = std::exchange(parts_, nullptr);
  const std::string user_id = parts->start.user_id;
  auto end = [&registry = parts->registry, id = parts->start.session_id, seat = std::move(parts->seat)] { registry.remove(id); };
  auto session = std::make_shared<LiveSession>(parts->services_for(parts->loop), parts->session, std::move(parts->start), parts->live, parts->first_seq, std::move(end));
  if (!parts->registry.add(parts->loop, user_id, session))   // restored twice at the same moment
    return peer->close(close_code_replaced, "the session goes on over another connection");
  session_ = std::move(session);
  connection_ = session_->open(std::move(peer));
  parts->credential.guard(*session_);
}

void NewCall::on_text(std::string_view text) {
  if (session_) session_->on_text(connection_, text);
}

void NewCall::on_binary(std::string_view bytes) {
  if (session_) session_->on_binary(connection_, bytes);
}

void NewCall::on_close(int code, std::string_view reason) {
  if (const auto session = std::move(session_)) session->on_close(connection_, code, reason);
}

ResumedCall::ResumedCall(Loop& loop, SessionRegistry::Found target, std::uint64_t after_seq, Credential credential) : loop_(loop), target_loop_(target.loop), after_seq_(after_seq) {
  link_->session = std::move(target.session);
  link_->credential = std::move(credential);
}

void ResumedCall::attach(Link& link, std::shared_ptr<transport::Peer> peer, std::uint64_t after_seq) {
  const auto session = link.session.lock();
  if (!session) return peer->close(close_code_gone, "the session has ended");
  link.connection = session->resume(std::move(peer), after_seq);
  link.credential.guard(*session);
}

void ResumedCall::on_open(std::shared_ptr<transport::Peer> peer) {
  peer_ = peer;
  if (here()) return attach(*link_, std::move(peer), after_seq_);
  target_loop_->post([link = link_, relayed = std::make_shared<RelayedPeer>(loop_, std::move(peer)), after_seq = after_seq_] { attach(*link, relayed, after_seq); });
}

void ResumedCall::pass(std::string_view data, void (LiveSession::*what)(int, std::string_view)) {
  if (here()) {
    if (const auto session = link_->session.lock()) ((*session).*what)(link_->connection, data);
    return;
  }
  if (link_->in_flight_bytes + data.size() > in_flight_bytes_max) return peer_->close(1008, "sends faster than it can be taken");
  link_->in_flight_bytes += data.size();
  target_loop_->post([link = link_, data = std::string(data), what] {
    link->in_flight_bytes -= data.size();
    if (const auto session = link->session.lock()) ((*session).*what)(link->connection, data);
  });
}

void ResumedCall::on_text(std::string_view text) { pass(text, &LiveSession::on_text); }

void ResumedCall::on_binary(std::string_view bytes) { pass(bytes, &LiveSession::on_binary); }

void ResumedCall::on_close(int code, std::string_view reason) {
  auto tell = [link = link_, code, reason = std::string(reason)] {
    if (const auto session = link->session.lock()) session->on_close(link->connection, code, reason);
  };
  if (here()) tell();
  else target_loop_->post(std::move(tell));
}

}  // namespace repartee::realtime
