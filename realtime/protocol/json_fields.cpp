#include "realtime/protocol/json_fields.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "realtime/protocol/error_codes.hpp"

namespace repartee::realtime::detail {
namespace {

namespace codes = error_codes;

constexpr std::size_t quoted_chars_max = 64;  // how much of a wrong value an error message repeats

std::string quoted(std::string_view value) {
  std::size_t end = 0, chars = 0;
  while (end < value.size() && chars < quoted_chars_max) {
    ++end, ++chars;
    while (end < value.size() && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) ++end;
  }
  return "'" + std::string(value.substr(0, end)) + (end < value.size() ? "...'" : "'");
}

std::string_view kind_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::boolean: return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return "an integer";
    case Json::value_t::number_float: return "a decimal number";
    case Json::value_t::string: return "a string";
    case Json::value_t::array: return "an array";
    default: return "an object";
  }
}

std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// What can be said of a JSON text without building it: one pass, no recursion.
const char* refusal_before_parsing(std::string_view text, const JsonLimits& limits) {
  std::size_t depth = 0, values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '"') in_string = false;
      if (c != '\\') continue;
      if (text.substr(i, 6) == "\\u0000") return "The message holds a NUL character.";
      ++i;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limits.depth_max) return "The message is nested too deep.";
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
    } else if (c == ',') {
      if (++values > limits.values_max) return "The message holds too many values.";
    }
  }
  return nullptr;
}

}  // namespace

Expected<Json> parse_object(std::string_view text, const JsonLimits& limits, std::string_view param) {
  const auto refuse = [&](std::string message) {
    return ProtocolError{.code = codes::invalid_json, .message = std::move(message), .param = std::string(param)};
  };
  if (const char* refusal = refusal_before_parsing(text, limits)) return refuse(refusal);
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return refuse("The message is not valid JSON in UTF-8.");
  if (!value.is_object()) return refuse("Expected a JSON object, but got " + std::string(kind_of(value)) + ".");
  return value;
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void FirstError::set(const char* code, std::string message, std::string param) {
  if (!error_) error_ = ProtocolError{.code = code, .message = std::move(message), .param = std::move(param)};
}

Fields::Fields(const Json& object, std::string path, FirstError& errors) : object_(object), path_(std::move(path)), errors_(errors) {}

const Json* Fields::find(std::string_view name) const {
  const auto at = object_.find(name);
  return at == object_.end() ? nullptr : &*at;
}

bool Fields::is_null(std::string_view name) const {
  const Json* value = find(name);
  return value && value->is_null();
}

std::string Fields::path_of(std::string_view name) const { return path_.empty() ? std::string(name) : path_ + "." + std::string(name); }

void Fields::fail(std::string_view name, const char* code, std::string message) const {
  errors_.set(code, std::move(message), path_of(name));
}

void Fields::fail_type(std::string_view name, std::string_view expected, const Json& value) const {
  fail(name, codes::invalid_type,
       "Invalid type for '" + path_of(name) + "': expected " + std::string(expected) + ", but got " + std::string(kind_of(value)) +
           " instead.");
}

bool Fields::require(std::string_view name) const {
  if (find(name)) return true;
  fail(name, codes::missing_required_parameter, "Missing required parameter: '" + path_of(name) + "'.");
  return false;
}

bool Fields::text(std::string_view name, std::string& out, std::size_t bytes_max) const {
  const Json* value = find(name);
  if (!value) return false;
  const auto* string = value->get_ptr<const std::string*>();
  if (!string) return fail_type(name, "a string", *value), false;
  if (string->size() > bytes_max) {
    fail(name, codes::string_above_max_length,
         "Invalid '" + path_of(name) + "': string too long. Expected at most " + std::to_string(bytes_max) + " bytes, but got " +
             std::to_string(string->size()) + ".");
    return false;
  }
  return out = *string, true;
}

bool Fields::identifier(std::string_view name, std::string& out, std::size_t chars_max) const {
  constexpr std::size_t utf8_bytes_max = 4;
  std::string value;
  if (!text(name, value, chars_max * utf8_bytes_max)) return false;
  if (count_characters(value) > chars_max) {
    fail(name, codes::string_above_max_length,
         "Invalid '" + path_of(name) + "': expected at most " + std::to_string(chars_max) + " characters.");
    return false;
  }
  const bool control = std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (value.empty() || control) {
    fail(name, codes::invalid_value, "Invalid '" + path_of(name) + "': expected a text that is not empty and has no control characters.");
    return false;
  }
  return out = std::move(value), true;
}

bool Fields::boolean(std::string_view name, bool& out) const {
  const Json* value = find(name);
  if (!value) return false;
  if (!value->is_boolean()) return fail_type(name, "a boolean", *value), false;
  return out = value->get<bool>(), true;
}

bool Fields::number(std::string_view name, double& out, double min, double max) const {
  const Json* value = find(name);
  if (!value) return false;
  if (!value->is_number()) return fail_type(name, "a number", *value), false;
  const double number = value->get<double>();
  if (number >= min && number <= max) return out = number, true;
  fail(name, number < min ? codes::decimal_below_min_value : codes::decimal_above_max_value,
       "Invalid '" + path_of(name) + "': expected a value from " + shortest(min) + " to " + shortest(max) + ", but got " +
           shortest(number) + " instead.");
  return false;
}

std::optional<std::int64_t> Fields::integer_within(std::string_view name, std::int64_t min, std::int64_t max) const {
  const Json* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_number_integer()) return fail_type(name, "an integer", *value), std::nullopt;
  const bool beyond =
      value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::int64_t number = beyond ? std::numeric_limits<std::int64_t>::max() : value->get<std::int64_t>();
  if (!beyond && number >= min && number <= max) return number;
  fail(name, number < min ? codes::integer_below_min_value : codes::integer_above_max_value,
       "Invalid '" + path_of(name) + "': expected an integer from " + std::to_string(min) + " to " + std::to_string(max) + ", but got " +
           value->dump() + " instead.");
  return std::nullopt;
}

void Fields::fail_choice(std::string_view name, std::string_view value, std::span<const std::string_view> names) const {
  std::string message = "Invalid value: " + quoted(value) + ". Supported values are: ";
  for (std::size_t i = 0; i < names.size(); ++i) message += (i ? ", '" : "'") + std::string(names[i]) + "'";
  fail(name, codes::invalid_value, message + ".");
}

bool Fields::literal(std::string_view name, std::string_view only) const {
  std::string_view out;
  const Choice<std::string_view> choices[] = {{only, only}};
  return choice(name, out, choices);
}

std::optional<Fields> Fields::as_object(std::string_view name, const Json& value) const {
  if (value.is_object()) return Fields(value, path_of(name), errors_);
  fail_type(name, "an object", value);
  return std::nullopt;
}

std::optional<Fields> Fields::object(std::string_view name) const {
  const Json* value = find(name);
  return value ? as_object(name, *value) : std::nullopt;
}

const Json* Fields::array(std::string_view name, std::size_t size_max) const {
  const Json* value = find(name);
  if (!value) return nullptr;
  if (!value->is_array()) return fail_type(name, "an array", *value), nullptr;
  if (value->size() <= size_max) return value;
  fail(name, codes::array_above_max_length,
       "Invalid '" + path_of(name) + "': array too long. Expected at most " + std::to_string(size_max) + " elements, but got " +
           std::to_string(value->size()) + ".");
  return nullptr;
}

std::optional<Fields> Fields::element(std::string_view name, const Json& array, std::size_t index) const {
  return as_object(std::string(name) + "[" + std::to_string(index) + "]", array[index]);
}

bool Fields::keep_json(std::string_view name, std::string& out, std::size_t bytes_max) const {
  const Json* value = find(name);
  if (!value) return false;
  std::string text = value->dump();
  if (text.size() > bytes_max) {
    fail(name, codes::string_above_max_length,
         "Invalid '" + path_of(name) + "': expected at most " + std::to_string(bytes_max) + " bytes of JSON.");
    return false;
  }
  return out = std::move(text), true;
}

}  // namespace repartee::realtime::detail
