// `repartee backup`: the database and the blobs in one tar file, with a manifest by which a restore proves that nothing is missing. The
// rows are those of one moment (the dump and the manifest's figures share a snapshot); blobs are copied after it, so that every row's blob
// is there. Works while servers use the database. Rows are read as repartee_backup, who sees those of every user. Thread contract: one
// thread at a time; blocking.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/clock.hpp"
#include "persistence/backup_manifest.hpp"
#include "persistence/postgres_tools.hpp"

namespace repartee::persistence {

using Progress = std::function<void(const std::string&)>;  // lines for people

struct BackupOptions {
  DatabaseTarget owner;
  std::filesystem::path blob_dir;  // need not exist
  std::filesystem::path file;      // must not exist
  std::string table;               // only this one, without blobs; empty: everything
  std::string program;             // "repartee 1.2.3", for the manifest
  std::shared_ptr<const SealingKeys> keys;  // null: not encrypted
  PostgresTools::Options tools;
  Progress progress = [](const std::string&) {};
};
struct BackupReport {
  BackupManifest manifest;
  std::uint64_t bytes = 0;
};
Result<BackupReport> make_backup(const BackupOptions& options);

// Names of a series: "/b/repartee.tar" -> "/b/repartee-20261120T060000Z.tar".
std::filesystem::path series_name(const std::filesystem::path& file, WallTime at);
// Removes all but the newest `kept` of the series. How many went.
Result<std::size_t> prune_series(const std::filesystem::path& file, std::size_t kept);

}  // namespace repartee::persistence
