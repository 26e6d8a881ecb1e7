// The JSON body of a request. What it would cost is looked at before anything is built: size, nesting, number of values; then syntax,
// UTF-8, and that no text holds a NUL, which PostgreSQL cannot keep. Handlers that read call.body() include this, and nlohmann with it.
// Thread contract: pure functions.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace repartee::api {

struct JsonLimits {
  std::size_t bytes_max = 1024 * 1024;
  std::size_t depth_max = 32;
  std::size_t values_max = 100'000;
};

struct BodyFault {
  std::string message, pointer;
};
// Reads `text` into `out`, or says what is wrong with it.
std::optional<BodyFault> parse_json_body(std::string_view text, const JsonLimits& limits, nlohmann::json& out);

// Of a name or text in a path or a query: valid UTF-8 without NUL.
bool is_clean_text(std::string_view text);

}  // namespace repartee::api
