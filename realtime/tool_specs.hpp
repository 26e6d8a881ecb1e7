// The session's tools, as the protocol keeps them, as a language model gets them. Pure.
// Thread contract: none. The JSON was checked when it came in; what does not read as a tool is left out.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::realtime {

std::vector<pipeline::ToolSpec> tool_specs(std::string_view tools_json);
std::string tool_choice(std::string_view tool_choice_json);  // auto, none, required, or a function's name

}  // namespace repartee::realtime
