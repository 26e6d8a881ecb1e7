// Shows or changes the schema of the configured database; the embedded one is started for it and stopped again.
#include "persistence/migrate.hpp"

#include <algorithm>
#include <ctime>
#include <iomanip>
#include <iostream>

#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "core/metrics.hpp"
#include "persistence/new_migration.hpp"

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
  if (state.data_rows_so_far) text << ", its data not yet (" << *state.data_rows_so_far << " rows so far)";
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

int create(const std::string& name) {
  const auto files = persistence::new_migration("persistence/migrations", name);
  if (!files) return failed(files.error());
  for (const auto& file : *files) std::cout << file.string() << "\n";
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

// Of what is about to change: not of a schema that is current, or not there yet.
Status back_up(const config::Settings& settings, const persistence::DatabaseTarget& owner, persistence::Migrator& migrator) {
  const auto states = migrator.status();
  if (!states) return states.error();
  const auto is_applied = [](const persistence::MigrationState& state) { return state.applied_at.has_value(); };
  if (std::none_of(states->begin(), states->end(), is_applied) || std::all_of(states->begin(), states->end(), is_applied)) return {};
  const auto file = backup_before(settings, owner, "before-migration");
  if (!file) return file.error();
  std::cout << "backed up to " << file->string() << "\n";
  return {};
}

}  // namespace

int migrate(const config::Settings& settings, const MigrateOptions& options) {
  if (options.action == MigrateOptions::Action::create) return create(options.name);
  Metrics metrics;
  auto database = database_options(settings);
  database.joins_a_running_server = options.action == MigrateOptions::Action::status;  // its tables would change under it
  auto access = persistence::DatabaseAccess::open(database, metrics);
  if (!access) return failed(access.error());
  persistence::Migrator migrator(access->targets().owner);
  if (options.backup && options.action == MigrateOptions::Action::up)
    if (auto safe = back_up(settings, access->targets().owner, migrator); !safe) return failed(safe.error());
  return act(migrator, options);
}

}  // namespace repartee::commands
