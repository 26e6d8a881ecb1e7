// Is this event what the protocol's declarations say? Schemas: tests/clients/schema (OpenAI's generated from their type declarations, ours
// and our additions written by hand).
// Thread contract: one thread at a time. Reads the files once.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

namespace repartee::test {

enum class EventSide { server, client };

// What is wrong with the event; empty: nothing.
std::string schema_violation(EventSide side, const nlohmann::json& event);
std::set<std::string> declared_events(EventSide side);  // OpenAI's and ours
const nlohmann::json& protocol_schema();                // everything merged: {events, definitions}

}  // namespace repartee::test
