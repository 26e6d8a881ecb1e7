#include "realtime/twilio/twilio_call.hpp"

#include <nlohmann/json.hpp>

#include "core/log.hpp"

namespace repartee::realtime::twilio {
namespace {

using nlohmann::json;

std::string parameter(const Start& start, const char* name) {
  const auto at = start.parameters.find(name);
  return at == start.parameters.end() ? "" : at->second;
}

// What every telephone speaks; output in binary, so that the audio needs no unwrapping.
std::string telephone_session(const Start& start) {
  const json format{{"type", "audio/pcmu"}};
  json output{{"format", format}, {"transport", "binary"}};
  if (const auto voice = parameter(start, "voice"); !voice.empty()) output["voice"] = voice;
  json session{{"type", "realtime"}, {"audio", {{"input", {{"format", format}}}, {"output", output}}}};
  if (const auto instructions = parameter(start, "instructions"); !instructions.empty()) session["instructions"] = instructions;
  return json{{"type", "session.update"}, {"session", session}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A close frame's reason says what HTTP would have said.
std::string refusal_reason(const transport::Response& refusal) {
  const auto body = json::parse(refusal.body, nullptr, false);
  const auto message = body.is_discarded() ? json() : body.value(json::json_pointer("/error/message"), json());
  return std::to_string(refusal.status) + (message.is_string() ? ": " + message.get<std::string>() : "");
}

}  // namespace

TwilioCall::TwilioCall(Loop& loop, transport::Request handshake, Door door, Options options)
    : loop_(loop), handshake_(std::move(handshake)), door_(std::move(door)), options_(options) {}

TwilioCall::~TwilioCall() { *alive_ = false; }

void TwilioCall::on_open(std::shared_ptr<transport::Peer> peer) {
  wire_ = std::move(peer);
  start_timer_ = loop_.after(options_.start_timeout, [this] { wire_->close(1008, "no start message came"); });
}

void TwilioCall::on_text(std::string_view text) {
  if (!started_ && text.size() > options_.message_bytes_before_start_max) return wire_->close(1009, "too large before the start message");
  auto message = parse(text);
  if (!message) return bad_message(message.error().message);
  std::visit([this](auto& body) { take(body); }, *message);
}

void TwilioCall::on_binary(std::string_view) { bad_message("binary message"); }

void TwilioCall::on_close(int, std::string_view) {
  start_timer_.reset();
  dtmf_timer_.reset();
  if (const auto call = std::move(call_)) call->on_close(1000, "the caller hung up");   // a telephone does not come back
}

void TwilioCall::bad_message(const std::string& why) {
  log::debug("twilio", "a message that is none", {{"stream", stream_sid_}, {"why", why}});
  if (++bad_messages_ > options_.bad_messages_max) wire_->close(1008, "these are not messages of Twilio Media Streams");
}

void TwilioCall::take(Start& start) {
  if (started_) return bad_message("a second start");
  started_ = true;
  start_timer_.reset();
  stream_sid_ = start.stream_sid;
  transport::Request request = std::move(handshake_);
  request.path = "/v1/realtime";
  const std::string clone = parameter(start, "clone_id"), model = parameter(start, "model"), greeting = parameter(start, "greeting");
  request.query = {{"model", clone.empty() ? model : clone}, {"greeting", greeting.empty() ? "1" : greeting}};   // who is called speaks first
  if (const auto key = parameter(start, "key"); !key.empty()) request.headers["authorization"] = "Bearer " + key;
  door_(std::move(request), [this, alive = alive_, start = std::move(start)](transport::Accept accept) {
    if (*alive) admitted(std::move(accept), start);
  });
}

void TwilioCall::admitted(transport::Accept accept, const Start& start) {
  if (!accept.handler) {
    log::info("twilio", "call refused", {{"stream", stream_sid_}, {"status", accept.refusal.status}});
    return wire_->close(accept.refusal.status == 503 ? 1013 : 1008, refusal_reason(accept.refusal));
  }
  log::info("twilio", "call begins", {{"stream", stream_sid_}, {"call", start.call_sid}});
  call_ = std::move(accept.handler);
  peer_ = std::make_shared<TwilioPeer>(loop_, wire_, stream_sid_, [this, alive = alive_](MarkLedger::Heard heard) {
    // Posted: the session is in the middle of the cut; it waits a little for this account.
    loop_.post([this, alive, event = json{{"type", "repartee.playback"}, {"item_id", heard.item_id}, {"played_ms", heard.ms}}.dump()] {
      if (*alive) say(event);
    });
  });
  call_->on_open(peer_);
  say(telephone_session(start));
}

void TwilioCall::say(const std::string& event) {
  if (call_) call_->on_text(event);
}

void TwilioCall::take(Media& media) {
  if (!started_) return bad_message("media before start");
  if (call_ && !media.bytes.empty()) call_->on_binary(media.bytes);   // before it is admitted, nobody listens
}

void TwilioCall::take(Mark& mark) {
  if (peer_) peer_->mark_returned(mark.name);
}

// A key stops the voice at once; what was typed is told when no more follows.
void TwilioCall::take(Dtmf& dtmf) {
  if (!call_) return started_ ? void() : bad_message("dtmf before start");
  if (peer_->replying()) say(R"({"type":"response.cancel"})");
  if (digits_.size() < options_.digits_max) digits_ += dtmf.digit;
  dtmf_timer_ = loop_.after(options_.dtmf_pause, [this] { send_digits(); });
}

void TwilioCall::send_digits() {
  dtmf_timer_.reset();
  const std::string text = "[The caller pressed " + std::exchange(digits_, {}) + " on the telephone's keypad.]";
  say(json{{"type", "conversation.item.create"}, {"item", {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", text}}}}}}}.dump());
  if (peer_->replying()) say(R"({"type":"response.cancel"})");
  say(R"({"type":"response.create"})");
}

void TwilioCall::take(Stop&) {
  on_close(1000, "");
  wire_->close(1000, "the call has ended");
}

}  // namespace repartee::realtime::twilio
