#include "realtime/tool_specs.hpp"

#include <nlohmann/json.hpp>

namespace repartee::realtime {

std::vector<pipeline::ToolSpec> tool_specs(std::string_view tools_json) {
  std::vector<pipeline::ToolSpec> specs;
  if (tools_json == "[]") return specs;
  const auto tools = nlohmann::json::parse(tools_json, nullptr, false);
  if (!tools.is_array()) return specs;
  for (const auto& tool : tools) {
    if (!tool.is_object() || !tool.contains("name")) continue;
    pipeline::ToolSpec spec{.name = tool["name"].get<std::string>(), .description = tool.value("description", "")};
    if (tool.contains("parameters")) spec.parameters_json = tool["parameters"].dump();
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::string tool_choice(std::string_view tool_choice_json) {
  const auto choice = nlohmann::json::parse(tool_choice_json, nullptr, false);
  if (choice.is_string()) return choice.get<std::string>();
  return choice.is_object() ? choice.value("name", "auto") : "auto";
}

}  // namespace repartee::realtime
