// The command line: which command, its own options, and which configuration keys it overrides.
// Thread contract: pure but for what it prints.
#pragma once
#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "commands/commands.hpp"

namespace repartee::commands {

enum class Command { serve, migrate, backup, restore, keys, cache, privacy, talk, check_config, models, version };

struct CommandLine {
  Command command = Command::serve;
  std::string config_file;          // --config; empty: not given
  std::vector<config::Flag> flags;  // that override the configuration
  bool print_defaults = false;      // check-config --defaults
  MigrateOptions migrate;
  BackupCommand backup;
  RestoreCommand restore;
  KeysCommand keys;
  CacheCommand cache;
  PrivacyCommand privacy;
  TalkOptions talk;
  ModelsOptions models;
};

// The parsed line; or the exit code when there is nothing more to do: help was asked for (on `out`) or the line is wrong (said on `err`).
std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace repartee::commands
