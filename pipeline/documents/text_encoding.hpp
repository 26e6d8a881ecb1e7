// The bytes of a text file as clean UTF-8.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace repartee::documents {

// A byte order mark decides (UTF-8, UTF-16 either way round); else UTF-8 where that is valid, else Windows-1252, which takes any bytes.
// The result went through clean_text. invalid_argument: so many control characters that it is no text.
Result<std::string> decode_text(std::string_view bytes);

// What is left for a reader: line ends are \n, a form feed is a blank line, no NUL and no other control character, no invisible marks;
// broken UTF-8 becomes U+FFFD. Every blank but the line end and the tab is ' '.
std::string clean_text(std::string_view utf8);

void append_utf8(std::string& out, char32_t code_point);  // what is no code point becomes U+FFFD

}  // namespace repartee::documents
