// `repartee restore --to-time`: the embedded cluster as it was at a moment, made in a new data directory from its archive
// (wal_archive.hpp): the last base backup before it, then the write-ahead log up to it. The old data directory, if it is still there, only
// gives what of the log had not reached the archive; it is not changed, and its server may run. Blobs that are still there are linked or
// copied; a blob that was removed since is not in any log. Thread contract: one thread at a time; blocking.
#pragma once
#include "persistence/backup.hpp"
#include "persistence/embedded_postgres.hpp"

namespace repartee::persistence {

struct PointInTimeOptions {
  EmbeddedPostgres::Options cluster;  // the present one: home.data_dir and wal_archive_dir
  std::filesystem::path into;         // the new data directory; must hold no cluster
  WallTime at{};
  Duration patience = std::chrono::hours(6);  // of replaying the log
  Progress progress = [](const std::string&) {};
};
struct PointInTimeReport {
  std::filesystem::path base_backup;
  WallTime last_commit{};  // the newest that was replayed; the base backup's time when there was none after it
  bool complete = true;    // false: the log ended before the time that was asked for
  std::size_t blobs = 0;
};
Result<PointInTimeReport> restore_to_time(const PointInTimeOptions& options, Metrics& metrics);

// "2026-11-20 06:00:00+00", "2026-11-20T06:00:00.5Z", "2026-11-20 07:00+01:00". The zone must be said: a wrong guess restores the wrong
// rows.
Result<WallTime> parse_time_with_zone(std::string_view text);

}  // namespace repartee::persistence
