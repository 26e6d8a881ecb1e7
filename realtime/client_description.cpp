#include "realtime/client_description.hpp"

#include <nlohmann/json.hpp>

namespace repartee::realtime {
namespace {
constexpr std::size_t user_agent_chars_max = 512;   // it comes from outside
}

std::string client_description(std::string_view address, std::string_view user_agent) {
  const nlohmann::json description{{"address", address}, {"user_agent", user_agent.substr(0, user_agent_chars_max)}};
  return description.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace repartee::realtime
