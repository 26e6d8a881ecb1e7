// Picks the command; each has its own file in commands/.
#include <unistd.h>

#include <iostream>

#include "commands/cli.hpp"

using namespace repartee;

namespace {

int run(const commands::CommandLine& line) {
  using commands::Command;
  if (line.command == Command::version) return std::cout << "repartee " REPARTEE_VERSION "\n", commands::exit_ok;
  if (line.command == Command::talk) return commands::talk(line.talk);
  if (line.print_defaults) return std::cout << config::default_toml(), commands::exit_ok;

  const config::Environment environment = config::environment_of(environ);
  const auto loaded =
      config::load({.file = config::find_file(line.config_file, environment), .environment = environment, .flags = line.flags});
  if (!loaded) {
    std::cerr << loaded.error().message << "\n";
    return commands::exit_usage;
  }
  log::configure(loaded->settings.log.options());
  if (line.command == Command::check_config) return commands::check_config(*loaded);
  for (const std::string& warning : loaded->warnings) log::warn("config", warning);
  switch (line.command) {
    case Command::migrate: return commands::migrate(loaded->settings, line.migrate);
    case Command::backup: return commands::backup(loaded->settings, line.backup);
    case Command::restore: return commands::restore(loaded->settings, line.restore);
    case Command::keys: return commands::keys(loaded->settings, line.keys);
    case Command::cache: return commands::cache(loaded->settings, line.cache);
    case Command::privacy: return commands::privacy(loaded->settings, line.privacy);
    case Command::models: return commands::models(loaded->settings, line.models);
    default: return commands::serve(loaded->settings);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = commands::parse_command_line(argc, argv, std::cout, std::cerr);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  return run(std::get<commands::CommandLine>(parsed));
}
