// What a schema finds wrong, in words.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/schema.hpp"
#include "core/ids.hpp"

namespace repartee::api {
namespace {

using Json = nlohmann::json;

constexpr std::size_t named_value_chars_max = 40;  // of a wrong name, in a message

std::string type_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return "null";
    case Json::value_t::boolean: return "boolean";
    case Json::value_t::string: return "string";
    case Json::value_t::array: return "array";
    case Json::value_t::object: return "object";
    case Json::value_t::number_float: return "number";
    default: return "integer";
  }
}

bool is_of_type(const Json& value, const std::string& type) {
  const auto own = type_of(value);
  return own == type || (type == "number" && own == "integer");
}

std::string with_article(const std::string& type) {
  if (type == "null") return type;
  return (type == "integer" || type == "array" || type == "object" ? "an " : "a ") + type;
}

std::string any_of_types(const Json& types) {
  std::string text;
  for (std::size_t i = 0; i < types.size(); ++i)
    text += (i == 0 ? "" : i + 1 == types.size() ? " or " : ", ") + with_article(types[i].get<std::string>());
  return text;
}

std::optional<std::string> wrong_type(const Json& schema, const Json& value) {
  const auto type = schema.find("type");
  if (type == schema.end()) return std::nullopt;
  const Json types = type->is_array() ? *type : Json::array({*type});
  if (std::any_of(types.begin(), types.end(), [&](const Json& one) { return is_of_type(value, one.get<std::string>()); }))
    return std::nullopt;
  return "must be " + any_of_types(types) + ", not " + with_article(type_of(value));
}

std::string shortened(const std::string& text) {
  std::size_t end = std::min(text.size(), named_value_chars_max);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + (end < text.size() ? "..." : "");
}

std::string list_of(const Json& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + (value.is_string() ? value.get<std::string>() : value.dump());
  return text;
}

std::size_t characters(const std::string& utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool digits_at(std::string_view text, std::size_t at, std::size_t count) {
  return text.size() >= at + count &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(at + count),
                     [](char c) { return c >= '0' && c <= '9'; });
}

int number_at(std::string_view text, std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); }

bool is_date(std::string_view text) {
  if (text.size() != 10 || !digits_at(text, 0, 4) || text[4] != '-' || !digits_at(text, 5, 2) || text[7] != '-' || !digits_at(text, 8, 2))
    return false;
  const int year = number_at(text, 0) * 100 + number_at(text, 2), month = number_at(text, 5), day = number_at(text, 8);
  if (year < 1 || month < 1 || month > 12) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

// RFC 3339: "2026-05-20T10:00:00Z", with parts of a second, with an offset.
bool is_date_time(std::string_view text) {
  if (text.size() < 20 || text.size() > 35 || !is_date(text.substr(0, 10)) || (text[10] != 'T' && text[10] != 't')) return false;
  if (!digits_at(text, 11, 2) || text[13] != ':' || !digits_at(text, 14, 2) || text[16] != ':' || !digits_at(text, 17, 2)) return false;
  if (number_at(text, 11) > 23 || number_at(text, 14) > 59 || number_at(text, 17) > 59) return false;
  auto rest = text.substr(19);
  if (rest.front() == '.') {
    std::size_t digits = 1;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    if (digits == 1) return false;
    rest.remove_prefix(digits);
  }
  if (rest == "Z" || rest == "z") return true;
  return rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && digits_at(rest, 1, 2) && rest[3] == ':' && digits_at(rest, 4, 2) &&
         number_at(rest, 1) <= 23 && number_at(rest, 4) <= 59;
}

// What a mailed token will show to be right or not: one @ with something before it, and a domain without spaces.
bool is_email(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == text.size() || text.size() > 320) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '<' && c != '>' && c != ','; });
}

std::optional<std::string> wrong_format(const std::string& format, const std::string& text) {
  if (format == "uuid" && !is_uuid(text)) return "must be a UUID";
  if (format == "date-time" && !is_date_time(text)) return "must be a date and time of RFC 3339, as 2026-05-20T10:00:00Z";
  if (format == "date" && !is_date(text)) return "must be a date, as 2026-05-20";
  if (format == "email" && !is_email(text)) return "must be an e-mail address";
  return std::nullopt;
}

std::optional<std::string> wrong_text(const Json& schema, const std::string& text) {
  if (const auto min = schema.find("minLength"); min != schema.end() && characters(text) < min->get<std::size_t>())
    return *min == 1 ? "must not be empty" : "must have at least " + min->dump() + " characters";
  if (const auto max = schema.find("maxLength"); max != schema.end() && characters(text) > max->get<std::size_t>())
    return "must have at most " + max->dump() + " characters, it has " + std::to_string(characters(text));
  if (const auto format = schema.find("format"); format != schema.end()) return wrong_format(format->get<std::string>(), text);
  return std::nullopt;
}

std::optional<std::string> wrong_number(const Json& schema, double number) {
  const auto min = schema.find("minimum"), max = schema.find("maximum");
  const bool below = min != schema.end() && number < min->get<double>(), above = max != schema.end() && number > max->get<double>();
  if (!below && !above) return std::nullopt;
  if (min != schema.end() && max != schema.end()) return "must be from " + min->dump() + " to " + max->dump();
  return below ? "must be at least " + min->dump() : "must be at most " + max->dump();
}

std::string escaped(const std::string& name) {
  std::string out;
  for (const char c : name) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

std::optional<Fault> wrong_object(const Json& schema, const Json& value, const std::string& pointer) {
  if (const auto required = schema.find("required"); required != schema.end())
    for (const auto& name : *required)
      if (!value.contains(name.get<std::string>())) return Fault{"is missing", pointer + "/" + escaped(name.get<std::string>())};
  static const Json none = Json::object();
  const auto found = schema.find("properties");
  const Json& properties = found == schema.end() ? none : *found;
  const auto more = schema.find("additionalProperties");
  for (const auto& [name, member] : value.items()) {
    const auto place = pointer + "/" + escaped(name);
    if (const auto property = properties.find(name); property != properties.end()) {
      if (auto fault = fault_in_words(*property, member, place)) return fault;
    } else if (more != schema.end() && *more == false) {
      Json names = Json::array();
      for (const auto& [known, ignored] : properties.items()) names.push_back(known);
      return Fault{"is not known; known here: " + list_of(names), pointer + "/" + shortened(escaped(name))};
    } else if (more != schema.end() && more->is_object()) {
      if (auto fault = fault_in_words(*more, member, place)) return fault;
    }
  }
  if (const auto min = schema.find("minProperties"); min != schema.end() && value.size() < min->get<std::size_t>())
    return Fault{"must have at least " + min->dump() + (*min == 1 ? " property" : " properties"), pointer};
  if (const auto max = schema.find("maxProperties"); max != schema.end() && value.size() > max->get<std::size_t>())
    return Fault{"must have at most " + max->dump() + " properties", pointer};
  return std::nullopt;
}

std::optional<Fault> wrong_array(const Json& schema, const Json& value, const std::string& pointer) {
  if (const auto min = schema.find("minItems"); min != schema.end() && value.size() < min->get<std::size_t>())
    return Fault{"must have at least " + min->dump() + " items", pointer};
  if (const auto max = schema.find("maxItems"); max != schema.end() && value.size() > max->get<std::size_t>())
    return Fault{"must have at most " + max->dump() + " items", pointer};
  if (const auto items = schema.find("items"); items != schema.end())
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto fault = fault_in_words(*items, value[i], pointer + "/" + std::to_string(i))) return fault;
  return std::nullopt;
}

}  // namespace

std::optional<Fault> fault_in_words(const Json& schema, const Json& value, const std::string& pointer) {
  const auto said = [&](std::optional<std::string> message) -> std::optional<Fault> {
    if (!message) return std::nullopt;
    return Fault{std::move(*message), pointer};
  };
  if (!schema.is_object()) return std::nullopt;
  if (auto fault = said(wrong_type(schema, value))) return fault;
  if (const auto all = schema.find("allOf"); all != schema.end())
    for (const auto& one : *all)
      if (auto fault = fault_in_words(one, value, pointer)) return fault;
  if (const auto values = schema.find("enum"); values != schema.end() && std::find(values->begin(), values->end(), value) == values->end())
    return Fault{"must be one of: " + list_of(*values), pointer};
  if (value.is_string()) return said(wrong_text(schema, value.get_ref<const std::string&>()));
  if (value.is_number()) return said(wrong_number(schema, value.get<double>()));
  if (value.is_object()) return wrong_object(schema, value, pointer);
  if (value.is_array()) return wrong_array(schema, value, pointer);
  return std::nullopt;
}

}  // namespace repartee::api
