// The one table of configuration keys. Parsing, error messages, config/default.toml, check-config and --help are all made from it.
// A section ending in ".*" stands for any name in that place, in "[]" for an array of tables; a name "*" for any key of its section.
// Thread contract: immutable after first use.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.hpp"

namespace repartee::config {

using Target =
    std::variant<bool*, int*, std::int64_t*, double*, std::string*, Secret*, std::vector<std::string>*, Millis*, Seconds*, Minutes*>;

struct Key {
  std::string_view section, name;
  Target (*field)(Settings& settings, const std::string& which);  // which: what the wildcard stands for
  std::string_view help;
  double min = 0, max = 0;                     // of numbers and durations (in the key's own unit)
  std::vector<std::string_view> allowed = {};  // of texts; empty: any
  std::string_view example = {};               // TOML, for default.toml where there is no default instance
};

struct Section {
  std::string_view name, help;
};

std::span<const Key> keys();
std::span<const Section> sections();  // in the order of default.toml

// What a wildcard section or key stands for in these settings; {""} for a plain one.
std::vector<std::string> instances(const Settings& settings, const Key& key);

struct FoundKey {
  const Key* key = nullptr;
  std::string which;
};
std::optional<FoundKey> find_key(std::string_view section, std::string_view name);
std::optional<FoundKey> find_variable(std::string_view variable);  // REPARTEE_...
bool is_section(std::string_view path);                            // or leads to one: "prices"
bool is_array_section(std::string_view path);

std::string path_of(const Key& key, const std::string& which);  // "prices.openai.asr_usd_per_minute"
std::string section_of(const Key& key, const std::string& which);
std::string name_of(const Key& key, const std::string& which);
std::optional<std::string> variable_of(const Key& key, const std::string& which);  // none for arrays of tables

}  // namespace repartee::config
