// Builds the text of one JSON object, field by field, without a tree: server events are written once and sent. Texts are escaped, and
// bytes that are not UTF-8 (half a character from an engine) become U+FFFD, so that what leaves is always valid JSON.
// Thread contract: a value; one thread at a time.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace repartee::realtime {

void append_json_string(std::string& out, std::string_view text);  // with its quotes
std::string json_string(std::string_view text);

class JsonObject {
 public:
  explicit JsonObject(std::size_t bytes_expected = 256, std::string buffer = {});  // `buffer`: whose memory is used again

  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& fresh_id(std::string_view key, std::string_view prefix);     // of core/ids
  JsonObject& text_or_null(std::string_view key, std::string_view value);  // empty: null
  JsonObject& integer(std::string_view key, std::int64_t value);
  JsonObject& number(std::string_view key, double value);  // not finite: null
  JsonObject& boolean(std::string_view key, bool value);
  JsonObject& null(std::string_view key);
  JsonObject& base64(std::string_view key, std::span<const std::uint8_t> bytes);
  JsonObject& raw(std::string_view key, std::string_view json);      // JSON made here, spliced as it is
  JsonObject& checked(std::string_view key, std::string_view json);  // JSON from elsewhere; null when it is none

  std::string finish();  // the object's text; call once, last

 private:
  void key(std::string_view key);
  std::string out_;
};

// The items, each a JSON text, as an array.
template <class Items, class ToJson>
std::string json_array(const Items& items, ToJson to_json) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ',';
    out += to_json(item);
  }
  out += ']';
  return out;
}

}  // namespace repartee::realtime
