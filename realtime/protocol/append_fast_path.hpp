// Nine messages of ten are input_audio_buffer.append, flat objects of plain strings that need no JSON tree. This reads just those; for
// anything else (another type, escapes, more fields, an error) it answers nullopt, and the message goes the general way, which alone
// decides what is wrong with it.
// Thread contract: pure.
#pragma once
#include <optional>
#include <string_view>

#include "realtime/protocol/client_events.hpp"

namespace repartee::realtime::detail {

std::optional<ClientEvent> read_append_fast(std::string_view text, const ClientEventLimits& limits);

}  // namespace repartee::realtime::detail
