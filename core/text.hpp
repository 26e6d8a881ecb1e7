// Small things about text that every folder needs.
// Thread contract: pure functions.
#pragma once
#include <string>
#include <string_view>

namespace repartee {

std::string to_lower(std::string_view text);   // ASCII only
bool is_space(unsigned char c);                // ASCII only
std::string_view trim(std::string_view text);  // of ASCII's white space
bool is_utf8(std::string_view bytes);          // no overlong forms, no surrogates, nothing beyond U+10FFFF

}  // namespace repartee
