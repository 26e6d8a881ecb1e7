// `repartee restore`: from a backup file, or from the archive of the embedded cluster's log.
#include "persistence/restore.hpp"

#include <iostream>

#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "persistence/params.hpp"
#include "persistence/point_in_time.hpp"

namespace repartee::commands {

namespace {

namespace fs = std::filesystem;

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return error.code == Errc::invalid_argument ? exit_usage : exit_failure;
}

void tell(const std::string& line) { std::cerr << line << "\n"; }

int check(const config::Settings& settings, const RestoreCommand& command) {
  auto keys = storage_keys(settings);
  if (!keys) return failed(keys.error());
  const auto manifest = persistence::check_backup(command.file, std::move(*keys));
  if (!manifest) return failed(manifest.error());
  std::cout << command.file << ": whole; " << manifest->rows() << " rows of " << manifest->tables.size() << " tables and "
            << manifest->parts.size() - 1 << " blobs, made " << manifest->created_at << " by " << manifest->program << ", schema "
            << manifest->schema_version << "\n";
  return exit_ok;
}

int from_file(const config::Settings& settings, const RestoreCommand& command) {
  Metrics metrics;
  auto database = database_options(settings);
  database.joins_a_running_server = false;
  auto access = persistence::DatabaseAccess::open(database, metrics);
  if (!access) return failed(access.error());
  auto keys = storage_keys(settings);
  if (!keys) return failed(keys.error());
  persistence::RestoreOptions options;
  options.keys = std::move(*keys);
  options.owner = access->targets().owner;
  options.file = command.file;
  options.blob_dir = blob_dir(settings);
  options.force = command.force;
  options.tools.work_root = settings.server.data_dir;
  options.progress = tell;
  const auto restored = persistence::restore_backup(options);
  if (!restored) return failed(restored.error());
  std::cout << "restored and compared: " << restored->manifest.rows() << " rows of " << restored->manifest.tables.size() << " tables, "
            << restored->blobs << " blobs, as of " << restored->manifest.created_at << "; " << restored->migrations_applied
            << " migrations applied after it\n";
  return exit_ok;
}

int to_time(const config::Settings& settings, const RestoreCommand& command) {
  const auto at = persistence::parse_time_with_zone(command.to_time);
  if (!at) return failed(at.error());
  if (!settings.database.url.empty())
    return failed(
        {Errc::invalid_argument, "--to-time is for the embedded database; for your own see docs/operations.md, point-in-time recovery"});
  if (command.into.empty()) return failed({Errc::invalid_argument, "--to-time makes a new data directory: say which with --into DIR"});
  Metrics metrics;
  persistence::PointInTimeOptions options;
  options.cluster = embedded_options(settings);
  options.into = fs::absolute(command.into);
  options.at = *at;
  options.progress = tell;
  const auto restored = persistence::restore_to_time(options, metrics);
  if (!restored) return failed(restored.error());
  std::cout << "restored " << command.into << " from " << restored->base_backup.string() << "; the last change in it is of "
            << persistence::to_timestamp(restored->last_commit) << "; " << restored->blobs << " blobs\n";
  if (!restored->complete) std::cout << "The log holds no later change: if there were some after that, they are lost.\n";
  std::cout << "Look into it, then serve it: repartee serve --data-dir " << command.into << " (and give it a wal_archive_dir of its own)\n";
  return exit_ok;
}

}  // namespace

int restore(const config::Settings& settings, const RestoreCommand& command) {
  if (!command.to_time.empty() && !command.file.empty())
    return failed({Errc::invalid_argument, "--to-time restores from the log's archive, not from a file: leave FILE out"});
  if (!command.to_time.empty()) return to_time(settings, command);
  if (command.file.empty()) return failed({Errc::invalid_argument, "say what to restore: a FILE, or --to-time"});
  return command.check ? check(settings, command) : from_file(settings, command);
}

}  // namespace repartee::commands
