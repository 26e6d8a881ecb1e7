// The place in a list where the next page begins: after the row with this value of the order column and this id. Opaque to clients, who
// hand it back; so it is checked like any input, and says of which order it is. It holds no secret: whoever has it saw that row.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace repartee::persistence {

constexpr std::size_t cursor_chars_max = 4096;

struct Cursor {
  std::string value;  // of the order column, as PostgreSQL prints it
  std::string id;
};
std::string encode_cursor(std::string_view order, const Cursor& cursor);
Result<Cursor> decode_cursor(std::string_view order, const std::string& text);  // invalid_argument

}  // namespace repartee::persistence
