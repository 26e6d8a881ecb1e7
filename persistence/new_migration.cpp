#include "persistence/new_migration.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr int number_max = 9999;

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= migration_name_chars_max &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

int highest_number(const fs::path& folder, std::error_code& failed) {
  int highest = 0;
  for (const auto& entry : fs::directory_iterator(folder, failed))
    if (entry.path().extension() == ".sql") highest = std::max(highest, std::atoi(entry.path().filename().c_str()));
  return highest;
}

bool write(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text;
  return static_cast<bool>(out.flush());
}

}  // namespace

Result<std::vector<fs::path>> new_migration(const fs::path& folder, const std::string& name) {
  if (!is_name(name)) return Error{Errc::invalid_argument, "a migration's name is made of lower-case letters, digits and underscores"};
  std::error_code failed;
  const int number = highest_number(folder, failed) + 1;
  if (failed) return Error{Errc::not_found, folder.string() + " cannot be read: run this at the top of the source tree"};
  if (number > number_max) return Error{Errc::resource_exhausted, "there is no number left"};
  char digits[16];
  std::snprintf(digits, sizeof digits, "%04d_", number);
  const auto stem = digits + name;
  const std::vector<fs::path> files{folder / (stem + ".up.sql"), folder / (stem + ".down.sql")};
  const char* compatible =
      "-- Compatible with the release before: what does it do with this schema? Expand now, contract a release later "
      "(docs/migrations.md).\n";
  if (!write(files[0], "-- " + name + ": what for.\n" + compatible) || !write(files[1], "-- Takes " + stem + " back.\n"))
    return Error{Errc::unavailable, "the files cannot be written in " + folder.string()};
  return files;
}

}  // namespace repartee::persistence
