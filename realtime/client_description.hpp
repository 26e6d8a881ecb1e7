// Who is at the other end, as the session's row keeps it. Thread contract: pure.
#pragma once
#include <string>
#include <string_view>

namespace repartee::realtime {

std::string client_description(std::string_view address, std::string_view user_agent);   // a JSON object

}  // namespace repartee::realtime
