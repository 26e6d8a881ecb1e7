// Begins a migration: the two SQL files with the next number, in the source tree, to be filled in.
// Thread contract: one thread at a time for a folder.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace repartee::persistence {

constexpr std::size_t migration_name_chars_max = 60;

// `name`: lower-case letters, digits and underscores. Answers the files, up and down; never overwrites one.
Result<std::vector<std::filesystem::path>> new_migration(const std::filesystem::path& folder, const std::string& name);

}  // namespace repartee::persistence
