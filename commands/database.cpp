#include "commands/database.hpp"

#include "cache/sealed_bytes.hpp"
#include "persistence/backup.hpp"

namespace repartee::commands {

namespace fs = std::filesystem;

persistence::EmbeddedPostgres::Options embedded_options(const config::Settings& settings) {
  persistence::EmbeddedPostgres::Options options;
  options.home.data_dir = settings.server.data_dir;
  if (!settings.database.wal_archive_dir.empty()) options.wal_archive_dir = fs::absolute(settings.database.wal_archive_dir);
  return options;
}

persistence::DatabaseAccess::Options database_options(const config::Settings& settings) {
  return {.url = settings.database.url.reveal(), .embedded = embedded_options(settings)};
}

fs::path blob_dir(const config::Settings& settings) {
  return settings.cache.blob_dir.empty() ? fs::path(settings.server.data_dir) / "blobs" : fs::path(settings.cache.blob_dir);
}

Result<persistence::TurnJournal::Options> journal_options(const config::Settings& settings) {
  persistence::TurnJournal::Options options;
  options.directory = fs::absolute(settings.server.data_dir) / "journal";
  if (settings.cache.key_file.empty()) return options;
  auto loaded = cache::SealingKeys::load(settings.cache.key_file);
  if (!loaded) return loaded.error();
  const auto keys = std::make_shared<const cache::SealingKeys>(std::move(loaded).value());
  options.seal.seal = [keys](std::string_view plain, std::string_view context) { return keys->seal(plain, context); };
  options.seal.open = [keys](std::string_view sealed, std::string_view context) { return keys->open(sealed, context); };
  return options;
}

Result<fs::path> backup_before(const config::Settings& settings, const persistence::DatabaseTarget& owner, const std::string& reason) {
  persistence::BackupOptions options;
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
