#include "api/request_body.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace repartee::api {
namespace {

using Json = nlohmann::json;

struct Shape {
  std::size_t depth = 0, values = 0;
};

// Of the brackets and commas outside of texts: an upper bound for what a parser would build, whatever else is wrong with the text.
Shape shape_of(std::string_view text) {
  Shape shape;
  std::size_t depth = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      if (c == '\\') ++i;
      else if (c == '"') inside = false;
      continue;
    }
    if (c == '"') inside = true;
    else if (c == '[' || c == '{') shape.depth = std::max(shape.depth, ++depth), ++shape.values;
    else if ((c == ']' || c == '}') && depth > 0) --depth;
    else if (c == ',') ++shape.values;
  }
  return shape;
}

std::string place_of(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, std::min(byte, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// Where the first NUL stands; the depth is bounded.
std::optional<std::string> nul_at(const Json& value, const std::string& pointer) {
  if (value.is_string() && value.get_ref<const std::string&>().find('\0') != std::string::npos) return pointer;
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto found = nul_at(value[i], pointer + '/' + std::to_string(i))) return found;
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      if (name.find('\0') != std::string::npos) return pointer;
      if (auto found = nul_at(member, pointer + '/' + name)) return found;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<BodyFault> parse_json_body(std::string_view text, const JsonLimits& limits, Json& out) {
  if (text.size() > limits.bytes_max) return BodyFault{"the body is larger than " + std::to_string(limits.bytes_max) + " bytes", ""};
  const auto shape = shape_of(text);
  if (shape.depth > limits.depth_max)
    return BodyFault{"the body is nested deeper than " + std::to_string(limits.depth_max) + " levels", ""};
  if (shape.values > limits.values_max) return BodyFault{"the body has more than " + std::to_string(limits.values_max) + " values", ""};
  if (!is_utf8(text)) return BodyFault{"the body is not valid UTF-8", ""};
  try {
    out = Json::parse(text);
  } catch (const Json::parse_error& e) {
    return BodyFault{"the body is not JSON: see " + place_of(text, e.byte), ""};
  } catch (const Json::exception&) {  // a number that no double holds
    return BodyFault{"the body holds a number that is too large", ""};
  }
  if (auto place = nul_at(out, "")) return BodyFault{"a text may not hold the character U+0000", *place};
  return std::nullopt;
}

bool is_clean_text(std::string_view text) { return text.find('\0') == std::string_view::npos && is_utf8(text); }

}  // namespace repartee::api
