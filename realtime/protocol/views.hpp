// Parts that several server events show: formats, items, responses, as JSON texts. Thread contract: pure functions.
#pragma once
#include <string>

#include "realtime/protocol/items.hpp"

namespace repartee::realtime {

std::string format_json(const AudioFormat& format);
std::string item_json(const Item& item);
std::string response_json(const ResponseView& response);

}  // namespace repartee::realtime
