// What the table of keys says, as default.toml and as the list of effective settings.
#include <algorithm>
#include <cctype>
#include <set>

#include "config/load.hpp"
#include "config/values.hpp"

namespace repartee::config {

namespace {

constexpr std::size_t comment_columns_max = 118;

constexpr const char* opening =
    "Repartee's configuration: every key with its meaning and its default. Copy what you change into repartee.toml (read where the server "
    "is started, or "
    "named with --config FILE). The environment overrides the file: key provider of section [asr] is REPARTEE_ASR_PROVIDER; the command's "
    "flags override "
    "both. `repartee check-config` shows what is in force and from where. This file is written by the table in config/key_table.cpp: "
    "`repartee check-config --defaults`.";

std::string comment(std::string_view text) {
  std::string result, line = "#";
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string word(text.substr(0, space));
    if (line.size() > 1 && line.size() + 1 + word.size() > comment_columns_max) {
      result += line + "\n";
      line = "#";
    }
    line += " " + word;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return result + line + "\n";
}

std::string sentence(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}

// The meaning, and what is allowed where the meaning does not say it already.
std::string explained(const Key& key) {
  const bool free_text = key.allowed.empty() && key.min == 0 && key.max == 0;
  return std::string(key.help) + (free_text ? "" : (key.help.empty() ? "" : " ") + sentence(allowed_values(key)));
}

std::string example_of(const Section& section) {
  std::string result = "# [[" + std::string(section.name.substr(0, section.name.size() - 2)) + "]]\n";
  for (const Key& key : keys()) {
    if (key.section == section.name)
      result += comment(explained(key)) + "# " + std::string(key.name) + " = " + std::string(key.example) + "\n";
  }
  return result;
}

// What stands for the section's wildcards, each once; {""} for a plain one.
std::vector<std::string> instances_of(const Section& section, const Settings& defaults) {
  std::vector<std::string> all;
  for (const Key& key : keys()) {
    if (key.section != section.name) continue;
    for (std::string& which : instances(defaults, key))
      if (std::find(all.begin(), all.end(), which) == all.end()) all.push_back(std::move(which));
  }
  return all;
}

// A table of each instance; the meanings stand in the first.
std::string section_text(const Section& section, const Settings& defaults) {
  std::string result = section.help.empty() ? "" : comment(section.help), heading;
  std::set<const Key*> known;
  for (const std::string& which : instances_of(section, defaults)) {
    for (const Key& key : keys()) {
      const auto own = key.section == section.name ? instances(defaults, key) : std::vector<std::string>();
      if (std::find(own.begin(), own.end(), which) == own.end()) continue;
      if (const std::string named = section_of(key, which); named != heading) result += "[" + (heading = named) + "]\n";
      if (const std::string text = explained(key); known.insert(&key).second && !text.empty()) result += comment(text);
      result += name_of(key, which) + " = " + print_value(defaults, key, which) + "\n";
    }
  }
  return known.empty() ? result + example_of(section) : result;
}

}  // namespace

std::string default_toml() {
  const Settings defaults;
  std::string result = comment(opening);
  for (const Section& section : sections()) result += "\n" + section_text(section, defaults);
  return result;
}

std::vector<Effective> effective(const Loaded& loaded) {
  std::vector<Effective> result;
  for (const Key& key : keys()) {
    for (const std::string& which : instances(loaded.settings, key)) {
      const std::string path = path_of(key, which);
      const auto origin = loaded.origins.find(path);
      result.push_back({path, print_value(loaded.settings, key, which), origin == loaded.origins.end() ? "default" : origin->second});
    }
  }
  return result;
}

}  // namespace repartee::config
