// The wire of a telephone call as the session sees it: the session's events and audio become Twilio's media, mark and clear; the rest of the
// protocol means nothing to a telephone.
// Thread contract: the connection's loop.
#pragma once
#include <functional>
#include <memory>

#include "core/loop.hpp"
#include "realtime/transport/server.hpp"
#include "realtime/twilio/mark_ledger.hpp"

namespace repartee::realtime::twilio {

class TwilioPeer final : public transport::Peer {
 public:
  // `on_cut`: playing was cut, and this much of the item was heard; called from within the session's own sending.
  TwilioPeer(Loop& loop, std::shared_ptr<transport::Peer> wire, std::string stream_sid, std::function<void(MarkLedger::Heard)> on_cut);

  void send_text(std::string_view event) override;
  void send_binary(std::string_view mu_law) override;
  void close(int code, std::string_view reason) override { wire_->close(code, reason); }
  std::size_t buffered_bytes() const override { return wire_->buffered_bytes(); }
  const std::string& remote_address() const override { return wire_->remote_address(); }

  void mark_returned(const std::string& name) { ledger_.returned(name, loop_.now()); }
  bool replying() const { return replying_; }   // a response is being made

 private:
  void cut();
  void send_mark(const std::optional<std::string>& name);

  Loop& loop_;
  const std::shared_ptr<transport::Peer> wire_;
  const std::string stream_sid_;
  const std::function<void(MarkLedger::Heard)> on_cut_;
  MarkLedger ledger_;
  bool replying_ = false;
};

}  // namespace repartee::realtime::twilio
