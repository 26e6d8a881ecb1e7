#include "realtime/twilio/twilio_peer.hpp"

#include <nlohmann/json.hpp>

#include "core/log.hpp"
#include "realtime/twilio/messages.hpp"

namespace repartee::realtime::twilio {
namespace {

constexpr int bytes_per_ms = 8;

// Our own events begin with their type: no need to parse the others.
std::string_view type_of(std::string_view event) {
  constexpr std::string_view head = R"({"type":")";
  if (!event.starts_with(head)) return {};
  event.remove_prefix(head.size());
  return event.substr(0, event.find('"'));
}

std::string text_at(std::string_view event, const char* path) {
  const auto parsed = nlohmann::json::parse(event, nullptr, false);
  if (parsed.is_discarded()) return {};
  const auto value = parsed.value(nlohmann::json::json_pointer(path), nlohmann::json());
  return value.is_string() ? value.get<std::string>() : "";
}

}  // namespace

TwilioPeer::TwilioPeer(Loop& loop, std::shared_ptr<transport::Peer> wire, std::string stream_sid, std::function<void(MarkLedger::Heard)> on_cut)
    : loop_(loop), wire_(std::move(wire)), stream_sid_(std::move(stream_sid)), on_cut_(std::move(on_cut)) {}

void TwilioPeer::send_text(std::string_view event) {
  const std::string_view type = type_of(event);
  if (type == "response.output_item.added") return ledger_.begin(text_at(event, "/item/id"));
  if (type == "response.output_audio.done") return send_mark(ledger_.finish());
  if (type == "response.created") replying_ = true;
  if (type == "response.done") {
    replying_ = false;
    if (text_at(event, "/response/status") == "cancelled") cut();
  }
  if (type == "input_audio_buffer.speech_started") cut();
  if (type == "error") log::info("twilio", "the session reports an error", {{"stream", stream_sid_}, {"message", text_at(event, "/error/message")}});
}

void TwilioPeer::send_binary(std::string_view mu_law) {
  wire_->send_text(media(stream_sid_, mu_law));
  send_mark(ledger_.sent(static_cast<std::int64_t>(mu_law.size()) / bytes_per_ms));
}

void TwilioPeer::send_mark(const std::optional<std::string>& name) {
  if (name) wire_->send_text(mark(stream_sid_, *name));
}

void TwilioPeer::cut() {
  if (!ledger_.is_playing()) return;
  on_cut_(ledger_.heard(loop_.now()));
  ledger_.clear();
  wire_->send_text(clear(stream_sid_));
}

}  // namespace repartee::realtime::twilio
