// Nine messages of ten are input_audio_buffer.append, flat objects of plain strings that need no JSON tree. This reads just those; for
// anything else (another type, escapes, more fields, an error) it answers nullopt, and the message goes the general way, which alone
// decides what is wrong with it.
// Thread contract: pure.
#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "realtime/protocol/client_events.hpp"

namespace repartee::realtime {

// A frame of a caller, without memory of its own: the id is a view of the text, the bytes one of the room that they were decoded into.
struct PlainAppend {
  std::string_view event_id;  // empty: none was given
  std::string_view bytes;
};
// For a room on the stack. nullopt too for what does not fit into it.
constexpr std::size_t append_room_bytes = 8 * 1024;  // 85 ms of PCM at 48 kHz, 170 ms at 24 kHz
std::optional<PlainAppend> read_plain_append(std::string_view text, std::span<char> room, const ClientEventLimits& limits = {});

namespace detail {
std::optional<ClientEvent> read_append_fast(std::string_view text, const ClientEventLimits& limits);  // of any length
}

}  // namespace repartee::realtime
