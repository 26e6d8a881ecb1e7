#include "tests/support/event_schema.hpp"

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace repartee::test {
namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

json read(const std::string& name) {
  std::ifstream file(std::string(REPARTEE_SOURCE_DIR) + "/tests/clients/schema/" + name);
  return json::parse(file);
}

const char* key_of(EventSide side) { return side == EventSide::server ? "RealtimeServerEvent" : "RealtimeClientEvent"; }

json merged() {
  json schema = read("openai-realtime.schema.json");
  const json ours = read("repartee.schema.json");
  json& definitions = schema["definitions"];
  for (const auto& [name, more] : ours["extensions"].items()) {
    json& definition = definitions.at(name);
    if (more.contains("properties")) definition["properties"].update(more["properties"]);
    if (more.contains("anyOf")) definition["anyOf"].insert(definition["anyOf"].end(), more["anyOf"].begin(), more["anyOf"].end());
  }
  definitions.update(ours["definitions"]);
  schema["events"]["RealtimeServerEvent"].update(ours["server_events"]);
  schema["events"]["RealtimeClientEvent"].update(ours["client_events"]);
  return schema;
}

using Validators = std::map<std::string, std::unique_ptr<valijson::Schema>>;

// The one event's schema with all definitions beside it; every server event may be numbered.
const valijson::Schema& schema_of(EventSide side, const std::string& type, const json& event) {
  static std::map<EventSide, Validators> all;
  auto& kept = all[side][type];
  if (kept) return *kept;
  json root = event;
  if (root.contains("$ref"))
    root = protocol_schema()["definitions"].at(root["$ref"].get<std::string>().substr(std::string("#/definitions/").size()));
  if (side == EventSide::server) root["properties"]["seq"] = {{"type", "integer"}, {"minimum", 0}};
  root["definitions"] = protocol_schema()["definitions"];
  kept = std::make_unique<valijson::Schema>();
  valijson::SchemaParser parser;
  parser.populateSchema(Adapter(root), *kept);
  return *kept;
}

}  // namespace

const json& protocol_schema() {
  static const json schema = merged();
  return schema;
}

std::set<std::string> declared_events(EventSide side) {
  std::set<std::string> types;
  for (const auto& [type, event] : protocol_schema()["events"][key_of(side)].items()) types.insert(type);
  return types;
}

std::string schema_violation(EventSide side, const json& event) {
  if (!event.contains("type") || !event["type"].is_string()) return "an event has a type";
  const std::string type = event["type"];
  const json& events = protocol_schema()["events"][key_of(side)];
  if (!events.contains(type)) return "no event is called '" + type + "'";
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(schema_of(side, type, events[type]), Adapter(event), &results)) return {};
  std::string out;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const auto& step : error.context) out += step;
    out += ": " + error.description + "\n";
  }
  return out + event.dump();
}

}  // namespace repartee::test
