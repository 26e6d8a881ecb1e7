// Shows or changes the schema of the configured database; the embedded one is started for it and stopped again.
#include "persistence/migrate.hpp"

#include <ctime>
#include <iomanip>
#include <iostream>
#include <memory>

#include "commands/commands.hpp"
#include "core/metrics.hpp"
#include "persistence/embedded_postgres.hpp"

namespace repartee::commands {

namespace {

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return exit_failure;
}

std::string when(const persistence::MigrationState& state) {
  if (!state.applied_at) return "not applied";
  const std::time_t time = std::chrono::system_clock::to_time_t(*state.applied_at);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::ostringstream text;
  text << "applied " << std::put_time(&utc, "%Y-%m-%d %H:%M:%S UTC");
  if (!state.known) text << ", by a newer program";
  if (state.changed) text << ", with another text than this program's";
  return text.str();
}

int show_status(persistence::Migrator& migrator) {
  const auto states = migrator.status();
  if (!states) return failed(states.error());
  for (const persistence::MigrationState& state : *states) {
    std::cout << std::setfill('0') << std::setw(4) << state.version << std::setfill(' ') << "  " << std::left << std::setw(32) << state.name
              << std::right << when(state) << "\n";
  }
  return exit_ok;
}

int act(persistence::Migrator& migrator, const MigrateOptions& options) {
  if (options.action == MigrateOptions::Action::status) return show_status(migrator);
  const bool up = options.action == MigrateOptions::Action::up;
  const auto count = up ? migrator.up() : migrator.down(options.steps);
  if (!count) return failed(count.error());
  std::cout << *count << (*count == 1 ? " migration " : " migrations ") << (up ? "applied" : "taken back") << "\n";
  return exit_ok;
}

}  // namespace

int migrate(const config::Settings& settings, const MigrateOptions& options) {
  Metrics metrics;
  std::unique_ptr<persistence::EmbeddedPostgres> embedded;
  persistence::DatabaseTarget owner;
  if (settings.database.url.empty()) {
    persistence::EmbeddedPostgres::Options cluster;
    cluster.home.data_dir = settings.server.data_dir;
    embedded = std::make_unique<persistence::EmbeddedPostgres>(cluster, metrics);
    auto targets = embedded->start();
    if (!targets) return failed(targets.error());
    owner = targets->owner;
  } else {
    auto target = persistence::parse_target(settings.database.url.reveal());
    if (!target) return failed(target.error());
    owner = persistence::targets_of(*target).owner;
  }
  persistence::Migrator migrator(owner);
  return act(migrator, options);
}

}  // namespace repartee::commands
