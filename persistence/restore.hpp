// `repartee restore`: brings a backup's rows and blobs back. Everything is checked: the parts' checksums before anything is touched, and
// the tables' rows against the manifest inside the one transaction that replaces them, so that a restore either is complete or has changed
// nothing. Afterwards the schema is brought up to this program's. Stop the servers of this database before.
// Thread contract: one thread at a time; blocking.
#pragma once
#include "persistence/backup.hpp"

namespace repartee::persistence {

struct RestoreOptions {
  DatabaseTarget owner;
  std::filesystem::path file;
  std::filesystem::path blob_dir;  // made when missing
  bool force = false;              // replace what is there
  std::shared_ptr<const SealingKeys> keys;  // for an encrypted backup
  PostgresTools::Options tools;
  Progress progress = [](const std::string&) {};
};
struct RestoreReport {
  BackupManifest manifest;
  std::size_t blobs = 0;
  int migrations_applied = 0;  // after it, because the backup was older
};
Result<RestoreReport> restore_backup(const RestoreOptions& options);

// Reads the whole file and compares each part's checksum with the manifest: `repartee restore --check`.
Result<BackupManifest> check_backup(const std::filesystem::path& file, std::shared_ptr<const SealingKeys> keys = nullptr);

}  // namespace repartee::persistence
