// Reads a TOML file against the table of keys: every value that has a key, every mistake with its line.
// Thread contract: pure but for reading the file.
#pragma once
#include <functional>
#include <string>

#include "config/values.hpp"

namespace repartee::config {

constexpr std::size_t file_bytes_max = 1024 * 1024;

struct TomlReader {
  std::function<void(const FoundKey&, const Result<Raw>&, const std::string& place)> on_value;  // place: "repartee.toml:12"
  std::function<void(std::string message)> on_error;
};
void read_toml(const std::string& path, const TomlReader& reader);

}  // namespace repartee::config
