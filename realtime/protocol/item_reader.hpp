// Conversation items as a client writes them -> Item. Included by this folder's .cpp files only.
// Thread contract: pure; errors go to the Fields' FirstError.
#pragma once
#include "realtime/protocol/client_events.hpp"
#include "realtime/protocol/json_fields.hpp"

namespace repartee::realtime::detail {

Item read_item(const Fields& fields, const ClientEventLimits& limits);

}  // namespace repartee::realtime::detail
