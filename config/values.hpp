// Values on their way into a field: checked against their key's row, and printed back as TOML.
// Thread contract: pure.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/keys.hpp"
#include "core/result.hpp"

namespace repartee::config {

constexpr std::size_t text_bytes_max = 4096, list_items_max = 1000;

using Raw = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

// From a variable or a flag: read as what the key wants. A list is comma-separated. The message says what is allowed.
Result<Raw> parse_text(const Key& key, std::string_view text);

// Checks the kind, the range and the allowed values, then writes the field.
Status assign(Settings& settings, const FoundKey& key, const Raw& value);

std::string allowed_values(const Key& key);                                                   // "a whole number from 0 to 256"
std::string print_value(const Settings& settings, const Key& key, const std::string& which);  // TOML; secrets are "***"
std::string quoted(std::string_view text);                                                    // as a TOML basic string
std::string print_number(double value);                                                       // the shortest form: 0.5, 100000

}  // namespace repartee::config
