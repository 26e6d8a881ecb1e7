// `repartee backup`: the database and the blobs in one file; with a schedule, one after another, until it is told to stop.
#include "persistence/backup.hpp"

#include <csignal>
#include <ctime>
#include <iostream>

#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "core/log.hpp"
#include "persistence/params.hpp"
#include "persistence/schedule.hpp"

namespace repartee::commands {

namespace {

namespace fs = std::filesystem;

constexpr Millis busy_retry = std::chrono::seconds(60);

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return exit_failure;
}

Status back_up(const config::Settings& settings, const BackupCommand& command, const fs::path& file) {
  Metrics metrics;
  auto access = persistence::DatabaseAccess::open(database_options(settings), metrics);
  if (!access) return access.error();
  auto keys = storage_keys(settings);
  if (!keys) return keys.error();
  persistence::BackupOptions options;
  options.keys = std::move(*keys);
  options.owner = access->targets().owner;
  options.blob_dir = blob_dir(settings);
  options.file = file;
  options.table = command.table;
  options.program = "repartee " REPARTEE_VERSION;
  options.tools.work_root = settings.server.data_dir;
  options.progress = [](const std::string& line) { std::cerr << line << "\n"; };
  auto made = persistence::make_backup(options);
  if (!made) return made.error();
  std::cout << file.string() << ": " << made->manifest.rows() << " rows of " << made->manifest.tables.size() << " tables, "
            << made->manifest.parts.size() - 1 << " blobs, " << made->bytes << " bytes\n"
            << std::flush;
  return {};
}

Status one_of_a_series(const config::Settings& settings, const BackupCommand& command) {
  if (auto made = back_up(settings, command, persistence::series_name(command.file, std::chrono::system_clock::now())); !made) return made;
  if (command.keep == 0) return {};
  auto removed = persistence::prune_series(command.file, static_cast<std::size_t>(command.keep));
  if (!removed) return removed.error();
  return {};
}

// True: a signal to stop came first.
bool stopped_before(const sigset_t& signals, WallTime time) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(time - std::chrono::system_clock::now());
    if (left.count() <= 0) return false;
    const auto part = std::min<std::chrono::nanoseconds>(left, busy_retry);  // the wall clock may be set meanwhile
    const timespec wait{static_cast<time_t>(part.count() / 1'000'000'000), static_cast<long>(part.count() % 1'000'000'000)};
    if (sigtimedwait(&signals, nullptr, &wait) > 0) return true;
  }
}

int keep_backing_up(const config::Settings& settings, const BackupCommand& command) {
  const auto schedule = persistence::Schedule::parse(command.schedule);
  if (!schedule) {
    std::cerr << schedule.error().message << "\n";
    return exit_usage;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  for (;;) {
    const auto next = schedule->next_after(std::chrono::system_clock::now());
    if (!next) return failed({Errc::invalid_argument, "that schedule never comes: " + command.schedule});
    log::info("backup", "next", {{"at", persistence::to_timestamp(*next)}});
    if (stopped_before(signals, *next)) return exit_ok;
    if (auto made = one_of_a_series(settings, command); !made) log::error("backup", "failed", {{"error", made.error().message}});
  }
}

}  // namespace

int backup(const config::Settings& settings, const BackupCommand& command) {
  if (!command.schedule.empty()) return keep_backing_up(settings, command);
  const auto made = command.keep > 0 ? one_of_a_series(settings, command) : back_up(settings, command, command.file);
  return made ? exit_ok : failed(made.error());
}

}  // namespace repartee::commands
