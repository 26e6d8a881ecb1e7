#include "commands/database.hpp"

#include <iostream>

#include "persistence/backup.hpp"
#include "persistence/wal_archive.hpp"

namespace repartee::commands {

namespace fs = std::filesystem;

persistence::EmbeddedPostgres::Options embedded_options(const config::Settings& settings) {
  persistence::EmbeddedPostgres::Options options;
  options.home.data_dir = settings.server.data_dir;
  if (!settings.database.wal_archive_dir.empty()) options.wal_archive_dir = fs::absolute(settings.database.wal_archive_dir);
  return options;
}

persistence::DatabaseAccess::Options database_options(const config::Settings& settings) {
  persistence::DatabaseAccess::Options options{.url = settings.database.url.reveal(), .embedded = embedded_options(settings)};
  auto& archive = options.embedded.wal_archive_dir;
  if (archive.empty() || !options.url.empty()) return options;
  const auto identity = persistence::identity_for_postgres(options.embedded.system_user);
  if (!identity) return options;  // told when it is needed
  const auto place = persistence::ClusterHome::locate(options.embedded.home, *identity);
  if (place && persistence::is_anothers(archive, place->home)) {
    std::cerr << archive.string() << " is another database's archive: not used for this one\n";
    archive.clear();
  }
  return options;
}

fs::path blob_dir(const config::Settings& settings) {
  return settings.storage.blob_dir.empty() ? fs::path(settings.server.data_dir) / "blobs" : fs::path(settings.storage.blob_dir);
}

Result<std::shared_ptr<const persistence::SealingKeys>> storage_keys(const config::Settings& settings) {
  if (settings.storage.key_file.empty()) return std::shared_ptr<const persistence::SealingKeys>();
  auto keys = persistence::SealingKeys::load(settings.storage.key_file);
  if (!keys) return Error{keys.error().code, "[storage] key_file: " + keys.error().message};
  return std::make_shared<const persistence::SealingKeys>(std::move(*keys));
}

persistence::TurnJournal::Options journal_options(const config::Settings& settings, std::shared_ptr<const persistence::SealingKeys> keys) {
  persistence::TurnJournal::Options options;
  if (settings.recorder.journal) options.directory = fs::absolute(settings.server.data_dir) / "journal";
  options.total_bytes_max = static_cast<std::uint64_t>(settings.recorder.journal_mb_max) << 20;
  options.seal = persistence::sealed_with(std::move(keys));
  return options;
}

Result<fs::path> backup_before(const config::Settings& settings, const persistence::DatabaseTarget& owner, const std::string& reason) {
  auto keys = storage_keys(settings);
  if (!keys) return keys.error();
  persistence::BackupOptions options;
  options.keys = std::move(*keys);
  options.owner = owner;
  options.blob_dir = blob_dir(settings);
  options.file =
      persistence::series_name(fs::path(settings.server.data_dir) / "backups" / (reason + ".tar"), std::chrono::system_clock::now());
  options.program = "repartee " REPARTEE_VERSION;
  options.tools.work_root = settings.server.data_dir;
  std::error_code failed;
  fs::create_directories(options.file.parent_path(), failed);
  auto made = persistence::make_backup(options);
  if (!made) return made.error();
  return options.file;
}

}  // namespace repartee::commands
