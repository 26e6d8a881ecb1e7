#include "config/toml_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "config/suggest.hpp"

namespace repartee::config {

namespace {

std::vector<std::string> key_names(std::string_view section) {
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    const auto found = find_key(section, key.name);
    if (found && found->key == &key && key.name != "*") names.emplace_back(key.name);
  }
  return names;
}

std::string suggestion(const std::string& typed, const std::vector<std::string>& names) {
  const std::string hint = did_you_mean(typed, names);
  return hint.empty() ? ";" : hint;
}

// As written in brackets.
std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const Section& section : sections()) names.push_back("[" + std::string(section.name) + "]");
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string result;
  for (const std::string& name : names) result += (result.empty() ? "" : ", ") + name;
  return result;
}

class Walk {
 public:
  Walk(std::string path, const TomlReader& reader) : path_(std::move(path)), reader_(reader) {}

  void table(const toml::table& table, const std::string& section) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::string below = section.empty() ? name : section + "." + name;
      const std::string at = place(key.source(), node);
      if (auto found = find_key(section, name)) value(*found, node, at);
      else if (is_array_section(below)) array_of_tables(node, below, at);
      else if (node.is_table() && is_section(below)) this->table(*node.as_table(), below);
      else unknown(section, name, node, at);
    }
  }

 private:
  std::string place(const toml::source_region& key, const toml::node& node) const {
    const auto line = key.begin.line ? key.begin.line : node.source().begin.line;
    return path_ + ":" + std::to_string(line);
  }

  void array_of_tables(const toml::node& node, const std::string& section, const std::string& at) {
    const toml::array* array = node.as_array();
    if (!array || !std::all_of(array->begin(), array->end(), [](const toml::node& item) { return item.is_table(); }) ||
        array->size() > list_items_max) {
      return reader_.on_error(at + ": " + section + " must be tables, each written [[" + section + "]]");
    }
    for (std::size_t i = 0; i < array->size(); ++i) table(*array->get(i)->as_table(), section + "[" + std::to_string(i) + "]");
  }

  void unknown(const std::string& section, const std::string& name, const toml::node& node, const std::string& at) {
    if (section.empty() && !node.is_table() && !node.is_array_of_tables()) {
      return reader_.on_error(at + ": " + name + " stands before any section; the sections are " + listed(section_names()));
    }
    if (section.empty() || node.is_table()) {
      const std::string full = section.empty() ? name : section + "." + name;
      return reader_.on_error(at + ": unknown section [" + full + "]" + suggestion("[" + full + "]", section_names()) +
                              " allowed: " + listed(section_names()));
    }
    const std::vector<std::string> names = key_names(section);
    reader_.on_error(at + ": unknown key [" + section + "] " + name + suggestion(name, names) + " allowed: " + listed(names));
  }

  void value(const FoundKey& key, const toml::node& node, const std::string& at) {
    if (auto boolean = node.as_boolean()) return reader_.on_value(key, Raw(boolean->get()), at);
    if (auto whole = node.as_integer()) return reader_.on_value(key, Raw(whole->get()), at);
    if (auto real = node.as_floating_point()) return reader_.on_value(key, Raw(real->get()), at);
    if (auto text = node.as_string()) return reader_.on_value(key, Raw(text->get()), at);
    const toml::array* array = node.as_array();
    std::vector<std::string> items;
    for (std::size_t i = 0; array && i < array->size(); ++i) {
      if (auto text = array->get(i)->as_string()) items.push_back(text->get());
    }
    if (array && items.size() == array->size()) return reader_.on_value(key, Raw(std::move(items)), at);
    reader_.on_value(key, Error{Errc::invalid_argument, "must be " + allowed_values(*key.key)}, at);
  }

  const std::string path_;
  const TomlReader& reader_;
};

Result<std::string> read_all(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return Error{Errc::invalid_argument, path + ": is a directory, not a configuration file"};
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::not_found, path + ": cannot be read: " + std::strerror(errno ? errno : ENOENT)};
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max) return Error{Errc::invalid_argument, path + ": is larger than a configuration file may be (1 MiB)"};
  return text;
}

}  // namespace

void read_toml(const std::string& path, const TomlReader& reader) {
  const Result<std::string> text = read_all(path);
  if (!text) return reader.on_error(text.error().message);
  try {
    Walk(path, reader).table(toml::parse(*text), "");
  } catch (const toml::parse_error& error) {
    reader.on_error(path + ":" + std::to_string(error.source().begin.line) + ": not TOML: " + std::string(error.description()));
  }
}

}  // namespace repartee::config
