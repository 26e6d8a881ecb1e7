// PostgreSQL's text form of arrays, "{1,2.5}" and {"a","b \"c\""}: what parameters carry and results bring. One dimension.
// Thread contract: pure functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace repartee::persistence {

std::string array_text(const std::vector<std::optional<std::string>>& elements);
std::string array_text(const std::vector<std::string>& elements);
std::string array_text(const std::vector<float>& elements);  // nine digits: reads back as the same float

// Of what PostgreSQL printed; a null element reads as "". DatabaseError (internal) when it is no array.
std::vector<std::string> parse_text_array(std::string_view text);
std::vector<float> parse_real_array(std::string_view text);

}  // namespace repartee::persistence
