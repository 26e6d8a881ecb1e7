// The archive of an embedded cluster: its write-ahead log and base backups, from which it can be made again as it was at any time since.
//   <dir>/owner              whose archive it is: the home of one cluster; another one is refused, for two histories must not mix
//   <dir>/wal/NAME.gz        segments and timeline histories, put there by PostgreSQL's archive_command
//   <dir>/base/<time>/       base backups, named by the time they were complete (base.tar.gz, pg_wal.tar.gz, backup_manifest)
// wal and base belong to the user the cluster runs as. The commands use a shell, gzip, cmp, sync and mv: all of them are on every Debian.
// See https://www.postgresql.org/docs/15/continuous-archiving.html
// Thread contract: functions of their arguments and the disk.
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "persistence/subprocess.hpp"

namespace repartee::persistence {

std::filesystem::path wal_dir(const std::filesystem::path& archive_dir);
std::filesystem::path base_dir(const std::filesystem::path& archive_dir);

// Makes the archive, or finds it to be this home's: conflict when it is another's.
Status prepare_archive(const std::filesystem::path& archive_dir, const std::filesystem::path& home, const Identity& identity);
// It is there, and another home's.
bool is_anothers(const std::filesystem::path& archive_dir, const std::filesystem::path& home);

// A home notes which archive has an unbroken log of it. Run without an archive it has a gap, and needs a new base backup after it.
void note_archive(const std::filesystem::path& archive_dir, const std::filesystem::path& home);
void forget_archive(const std::filesystem::path& home);
bool is_noted(const std::filesystem::path& archive_dir, const std::filesystem::path& home);

// What postgres -c takes. A segment has its final name only once it is on the disk; one that is there already must be the same.
std::vector<std::string> archive_settings(const std::filesystem::path& archive_dir, std::chrono::seconds timeout);
// Segments from the archive, and what had not got there from the old cluster's own pg_wal (may be empty: it is lost).
std::string restore_command(const std::filesystem::path& archive_dir, const std::filesystem::path& old_pg_wal);

struct BaseBackup {
  std::filesystem::path path;
  WallTime complete_at;
};
std::vector<BaseBackup> base_backups_in(const std::filesystem::path& archive_dir);  // oldest first
std::string base_backup_name(WallTime complete_at);                                 // "20261120T060000.123Z"
std::optional<WallTime> time_of_base_backup(const std::string& name);

// The first segment a base backup needs, as its manifest says.
Result<std::string> first_segment_of(const std::filesystem::path& base_backup);

}  // namespace repartee::persistence
