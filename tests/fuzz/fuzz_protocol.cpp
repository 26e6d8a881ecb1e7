// libFuzzer entry: what a client sends, through the parser, the session's update, and back out as an error event.
#include <cstdint>
#include <string_view>

#include "realtime/protocol/client_events.hpp"
#include "realtime/protocol/server_events.hpp"
#include "tests/fuzz/require.hpp"

using namespace repartee::realtime;

namespace {

// What was accepted must be shown so that it is accepted again.
void update_session(std::string_view session_json) {
  const auto config = apply_session_update({}, session_json);
  if (!config) return;
  const SessionIdentity identity{.id = "sess_fuzz", .expires_at_unix_s = 1, .voice_effective = "slt"};
  const std::string shown = session_object_json(identity, *config);
  const auto again = apply_session_update({}, shown);
  require(static_cast<bool>(again) && session_object_json(identity, *again) == shown);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto event = parse_client_event(text);
  if (!event) {
    require(!event.error().code.empty() && !event.error().message.empty());
    require(!server_events::error(event.error()).empty());
  } else if (const auto* update = std::get_if<SessionUpdate>(&event->body)) {
    update_session(update->session_json);
  } else if (const auto* create = std::get_if<ItemCreate>(&event->body)) {
    require(!server_events::item_added(create->item, "").empty());
  }
  update_session(text);
  return 0;
}
