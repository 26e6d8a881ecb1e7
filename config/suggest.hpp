// "did you mean" for a mistyped name.
// Thread contract: pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace repartee::config {

std::size_t edit_distance(std::string_view a, std::string_view b);  // Levenshtein

// "; did you mean provider?" when one of the names is near enough, "" otherwise.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& names);

}  // namespace repartee::config
