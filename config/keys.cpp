#include "config/keys.hpp"

#include <algorithm>
#include <cctype>

#include "core/text.hpp"

namespace repartee::config {

namespace {

constexpr std::string_view any_table = ".*", array_of_tables = "[]", any_name = "*";
constexpr std::string_view variable_prefix = "REPARTEE_";

// What comes before the wildcard, when the text has one.
std::string_view stem(std::string_view pattern) {
  if (pattern.ends_with(any_table) || pattern.ends_with(array_of_tables)) pattern.remove_suffix(2);
  return pattern;
}

std::string replaced(std::string_view section, const std::string& which) {
  if (section.ends_with(any_table)) return std::string(stem(section)) + "." + which;
  if (section.ends_with(array_of_tables)) return std::string(stem(section)) + "[" + which + "]";
  return std::string(section);
}

std::string upper(std::string_view text) {
  std::string result;
  for (char c : text) result += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

// "prices.openai" against "prices.*" gives "openai"; a plain section that fits gives "".
std::optional<std::string> match_section(std::string_view pattern, std::string_view section) {
  if (pattern == section) return "";
  const std::string_view front = stem(pattern);
  if (front.size() == pattern.size() || !section.starts_with(front) || section.size() < front.size() + 2) return std::nullopt;
  std::string_view rest = section.substr(front.size());
  if (pattern.ends_with(any_table)) {
    if (rest.front() != '.' || rest.find('.', 1) != rest.npos) return std::nullopt;
    return std::string(rest.substr(1));
  }
  if (rest.front() != '[' || rest.back() != ']') return std::nullopt;
  return std::string(rest.substr(1, rest.size() - 2));
}

bool is_plain(const Key& key) { return stem(key.section).size() == key.section.size() && key.name != any_name; }

}  // namespace

std::vector<std::string> instances(const Settings& settings, const Key& key) {
  std::vector<std::string> result;
  if (key.section == "prices.*") {
    for (const auto& [name, price] : settings.prices) result.push_back(name);
  } else if (key.section == "tiers.*") {
    for (const auto& [name, tier] : settings.tiers) result.push_back(name);
  } else if (key.section == "tts.voice_aliases") {
    for (const auto& [name, voice] : settings.tts.voice_aliases) result.push_back(name);
  } else if (key.section == "auth.api_keys[]") {
    for (std::size_t i = 0; i < settings.auth.api_keys.size(); ++i) result.push_back(std::to_string(i));
  } else if (key.section == "auth.issuers[]") {
    for (std::size_t i = 0; i < settings.auth.issuers.size(); ++i) result.push_back(std::to_string(i));
  } else {
    result.push_back("");
  }
  return result;
}

std::optional<FoundKey> find_key(std::string_view section, std::string_view name) {
  for (const Key& key : keys()) {
    auto which = match_section(key.section, section);
    if (!which) continue;
    if (key.name == name) return FoundKey{&key, *which};
    if (key.name == any_name) return FoundKey{&key, std::string(name)};
  }
  return std::nullopt;
}

std::optional<FoundKey> find_variable(std::string_view variable) {
  for (const Key& key : keys()) {
    if (is_plain(key) && variable_of(key, "") == variable) return FoundKey{&key, ""};
  }
  for (const Key& key : keys()) {
    if (is_plain(key) || key.section.ends_with(array_of_tables)) continue;
    const std::string front = std::string(variable_prefix) + upper(stem(key.section)) + "_";
    const std::string back = key.name == any_name ? "" : "_" + upper(key.name);
    if (variable.size() <= front.size() + back.size() || !variable.starts_with(front) || !variable.ends_with(back)) continue;
    return FoundKey{&key, to_lower(variable.substr(front.size(), variable.size() - front.size() - back.size()))};
  }
  return std::nullopt;
}

bool is_section(std::string_view path) {
  return std::any_of(sections().begin(), sections().end(), [&](const Section& section) {
    if (section.name.ends_with(array_of_tables)) return false;
    const std::string_view front = stem(section.name);
    return match_section(section.name, path) || front == path || (front.starts_with(path) && front.substr(path.size()).starts_with('.'));
  });
}

bool is_array_section(std::string_view path) {
  return std::any_of(sections().begin(), sections().end(),
                     [&](const Section& section) { return section.name.ends_with(array_of_tables) && stem(section.name) == path; });
}

std::string section_of(const Key& key, const std::string& which) { return replaced(key.section, which); }

std::string name_of(const Key& key, const std::string& which) { return key.name == any_name ? which : std::string(key.name); }

std::string path_of(const Key& key, const std::string& which) { return section_of(key, which) + "." + name_of(key, which); }

std::optional<std::string> variable_of(const Key& key, const std::string& which) {
  if (key.section.ends_with(array_of_tables)) return std::nullopt;
  return std::string(variable_prefix) + upper(path_of(key, which));
}

}  // namespace repartee::config
