#include "persistence/repositories/cursor.hpp"

#include <sodium.h>

#include "core/ids.hpp"

namespace repartee::persistence {
namespace {

constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t uuid_chars = 36;

}  // namespace

// "<order>\n<id><value>": the order has no line break, the id a fixed length.
std::string encode_cursor(std::string_view order, const Cursor& cursor) {
  const std::string plain = std::string(order) + '\n' + cursor.id + cursor.value;
  std::string text(sodium_base64_ENCODED_LEN(plain.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size(), variant);
  text.pop_back();  // its terminating NUL
  return text;
}

Result<Cursor> decode_cursor(std::string_view order, const std::string& text) {
  const Error refused{Errc::invalid_argument, "the cursor is not one of this list"};
  if (text.size() > cursor_chars_max) return refused;
  std::string plain(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(plain.data()), plain.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        variant) != 0)
    return refused;
  plain.resize(size);
  const std::string start = std::string(order) + '\n';
  if (!plain.starts_with(start) || plain.size() < start.size() + uuid_chars) return refused;
  Cursor cursor{plain.substr(start.size() + uuid_chars), plain.substr(start.size(), uuid_chars)};
  if (!is_uuid(cursor.id)) return refused;
  return cursor;
}

}  // namespace repartee::persistence
