// `repartee cache clear [PREFIX]`: what is kept is forgotten, in the database and at every running node.
#include <iostream>

#include "cache/l2.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"

namespace repartee::commands {

int cache(const config::Settings& settings, const CacheCommand& command) {
  if (!command.prefix.empty() && !cache::is_key_prefix(command.prefix)) {
    std::cerr << "\"" << command.prefix << "\" begins no key: keys read category:owner:detail, as tts:public: or llm:\n";
    return exit_usage;
  }
  Metrics metrics;
  auto access = persistence::DatabaseAccess::open(database_options(settings), metrics);
  Result<std::int64_t> removed = Error{};
  if (access) {
    persistence::Database database(access->targets().app, {.name = "command", .connections_max = 1}, metrics);
    removed = cache::remove_everywhere(database, command.prefix);
  } else {
    removed = access.error();
  }
  if (!removed) {
    std::cerr << removed.error().message << "\n";
    return exit_failure;
  }
  std::cout << *removed << " entries removed from the database; running nodes were told to forget theirs\n";
  return exit_ok;
}

}  // namespace repartee::commands
