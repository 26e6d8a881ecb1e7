// What several commands need to reach the configured database.
// Thread contract: called from main.
#pragma once
#include <filesystem>
#include <memory>

#include "config/settings.hpp"
#include "persistence/database_access.hpp"
#include "persistence/sealed_bytes.hpp"
#include "persistence/turn_journal.hpp"

namespace repartee::commands {

persistence::EmbeddedPostgres::Options embedded_options(const config::Settings& settings);
// For commands. An archive that is another database's (a restored one is looked into, with the configuration of the old) is left alone.
persistence::DatabaseAccess::Options database_options(const config::Settings& settings);
std::filesystem::path blob_dir(const config::Settings& settings);
Result<std::shared_ptr<const persistence::SealingKeys>> storage_keys(const config::Settings& settings);  // null: none configured
// Of the turns on their way, below data_dir; no directory when [recorder] journal is false.
persistence::TurnJournal::Options journal_options(const config::Settings& settings, std::shared_ptr<const persistence::SealingKeys> keys);

// Backs the whole database up to a new file beside it, `reason` in its name, and says so; for what is about to change it.
Result<std::filesystem::path> backup_before(const config::Settings& settings, const persistence::DatabaseTarget& owner,
                                            const std::string& reason);

}  // namespace repartee::commands
