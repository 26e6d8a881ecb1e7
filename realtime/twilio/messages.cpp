#include "realtime/twilio/messages.hpp"

#include <nlohmann/json.hpp>

#include "realtime/protocol/base64.hpp"
#include "realtime/protocol/json_fields.hpp"
#include "realtime/protocol/json_object.hpp"

namespace repartee::realtime::twilio {
namespace {

using nlohmann::json;

Error wrong(const std::string& what) { return {Errc::invalid_argument, what}; }

const json* member(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at == object.end() ? nullptr : &*at;
}

std::string text(const json* object, const char* name) {
  const json* value = object ? member(*object, name) : nullptr;
  return value && value->is_string() ? value->get<std::string>() : "";
}

Result<Message> read_start(const json& message) {
  const json* body = member(message, "start");
  Start start{.stream_sid = text(body, "streamSid"), .call_sid = text(body, "callSid")};
  if (start.stream_sid.empty()) start.stream_sid = text(&message, "streamSid");
  if (start.stream_sid.empty() || start.stream_sid.size() > sid_bytes_max) return wrong("start without a streamSid");
  if (const json* format = member(*body, "mediaFormat")) {
    const json* rate = member(*format, "sampleRate");
    if (text(format, "encoding") != "audio/x-mulaw" || !rate || *rate != 8000) return wrong("only audio/x-mulaw at 8000 Hz is taken");
  }
  if (const json* parameters = member(*body, "customParameters"); parameters && parameters->is_object()) {
    if (parameters->size() > parameters_max) return wrong("too many customParameters");
    for (const auto& [name, value] : parameters->items()) {
      if (!value.is_string()) continue;
      if (name.size() + value.get_ref<const std::string&>().size() > parameter_bytes_max) return wrong("a customParameter is too long");
      start.parameters[name] = value.get<std::string>();
    }
  }
  return Message(std::move(start));
}

Result<Message> read_media(const json& message) {
  const json* body = member(message, "media");
  const json* payload = body ? member(*body, "payload") : nullptr;
  if (!payload || !payload->is_string()) return wrong("media without a payload");
  if (const std::string track = text(body, "track"); !track.empty() && track != "inbound") return Message(Media{});
  auto bytes = base64::decode(payload->get_ref<const std::string&>());
  if (!bytes) return bytes.error();
  return Message(Media{std::move(*bytes)});
}

Result<Message> read_dtmf(const json& message) {
  const std::string digit = text(member(message, "dtmf"), "digit");
  if (digit.size() != 1 || std::string_view("0123456789*#ABCD").find(digit[0]) == std::string_view::npos) return wrong("dtmf without a digit");
  return Message(Dtmf{digit[0]});
}

}  // namespace

Result<Message> parse(std::string_view bytes) {
  const auto parsed = detail::parse_object(bytes, {}, "");
  if (!parsed) return wrong("not JSON");
  const json& message = *parsed;
  const std::string event = text(&message, "event");
  if (event.empty()) return wrong("a message without an event");
  if (event == "media") return read_media(message);
  if (event == "start") return member(message, "start") && member(message, "start")->is_object() ? read_start(message) : wrong("start without its body");
  if (event == "dtmf") return read_dtmf(message);
  if (event == "mark") return Message(Mark{text(member(message, "mark"), "name")});
  if (event == "connected") return Message(Connected{});
  if (event == "stop") return Message(Stop{});
  return Message(Unknown{});
}

std::string media(std::string_view stream_sid, std::string_view mu_law) {
  JsonObject body(base64::encoded_size(mu_law.size()) + 32);
  body.base64("payload", {reinterpret_cast<const std::uint8_t*>(mu_law.data()), mu_law.size()});
  return JsonObject(base64::encoded_size(mu_law.size()) + 128).text("event", "media").text("streamSid", stream_sid).raw("media", body.finish()).finish();
}

std::string mark(std::string_view stream_sid, std::string_view name) {
  return JsonObject().text("event", "mark").text("streamSid", stream_sid).raw("mark", JsonObject().text("name", name).finish()).finish();
}

std::string clear(std::string_view stream_sid) { return JsonObject().text("event", "clear").text("streamSid", stream_sid).finish(); }

}  // namespace repartee::realtime::twilio
