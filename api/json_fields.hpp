// Small parts of the JSON that resources answer. Included by this folder's .cpp files only (it shows the JSON library's type).
// Thread contract: pure functions.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/records.hpp"
#include "core/result.hpp"
#include "persistence/params.hpp"
#include "pipeline/providers.hpp"

namespace repartee::api {

using Json = nlohmann::json;

// Bytes that are no UTF-8 (an engine's half character) become U+FFFD.
inline std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}
inline Json time_json(WallTime time) { return persistence::to_timestamp(time); }
inline Json time_json(const std::optional<WallTime>& time) { return time ? time_json(*time) : Json(); }
inline Json money_json(Money money) { return static_cast<double>(money.e8) / 1e8; }
// Of a query parameter that is a date-time by the description, in any zone; nullopt: it was not given. invalid_argument: a year that no
// row has (before 1970, after 2199).
Result<std::optional<WallTime>> time_of(const std::optional<std::string>& text);

inline Json passage_json(const pipeline::Passage& passage) {
  return {{"document_id", passage.document_id}, {"filename", passage.filename}, {"ordinal", passage.ordinal}, {"text", passage.text}, {"score", passage.score}};
}

// JSON that a row holds as text; null when it is none.
inline Json parsed(const std::string& text) {
  auto json = Json::parse(text, nullptr, false);
  return json.is_discarded() ? Json() : json;
}

}  // namespace repartee::api
