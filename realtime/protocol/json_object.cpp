#include "realtime/protocol/json_object.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/ids.hpp"
#include "realtime/protocol/base64.hpp"

namespace repartee::realtime {
namespace {

// Everything but plain printable ASCII goes the long way, through the library.
bool needs_escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\';
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (!needs_escape(c)) continue;
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

JsonObject::JsonObject(std::size_t bytes_expected, std::string buffer) : out_(std::move(buffer)) {
  out_.clear();
  out_.reserve(bytes_expected);
  out_ += '{';
}

void JsonObject::key(std::string_view key) {
  if (out_.size() > 1) out_ += ',';
  out_ += '"';
  out_ += key;
  out_ += "\":";
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  key(name);
  append_json_string(out_, value);
  return *this;
}

JsonObject& JsonObject::fresh_id(std::string_view name, std::string_view prefix) {
  key(name);
  out_ += '"';
  append_id(out_, prefix);
  out_ += '"';
  return *this;
}

JsonObject& JsonObject::text_or_null(std::string_view name, std::string_view value) {
  return value.empty() ? null(name) : text(name, value);
}

JsonObject& JsonObject::integer(std::string_view name, std::int64_t value) {
  key(name);
  append_number(out_, value);
  return *this;
}

JsonObject& JsonObject::number(std::string_view name, double value) {
  if (!std::isfinite(value)) return null(name);
  key(name);
  append_number(out_, value);
  return *this;
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }

JsonObject& JsonObject::null(std::string_view name) { return raw(name, "null"); }

JsonObject& JsonObject::base64(std::string_view name, std::span<const std::uint8_t> bytes) {
  key(name);
  out_ += '"';
  base64::append_encoded(out_, bytes);
  out_ += '"';
  return *this;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  key(name);
  out_ += json;
  return *this;
}

JsonObject& JsonObject::checked(std::string_view name, std::string_view json) {
  return nlohmann::json::accept(json) ? raw(name, json) : null(name);
}

std::string JsonObject::finish() {
  out_ += '}';
  return std::move(out_);
}

}  // namespace repartee::realtime
