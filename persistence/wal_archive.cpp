#include "persistence/wal_archive.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "persistence/cluster_home.hpp"
#include "persistence/params.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t segment_bytes = 16u << 20;  // initdb's default, which the embedded cluster keeps
constexpr std::size_t name_chars = 20;              // 20261120T060000.123Z

std::string first_line_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

bool write_line(const fs::path& file, const std::string& line) {
  std::ofstream out(file, std::ios::trunc);
  out << line << "\n";
  return out.flush().good();
}

fs::path note_in(const fs::path& home) { return home / "archive"; }

}  // namespace

fs::path wal_dir(const fs::path& archive_dir) { return archive_dir / "wal"; }
fs::path base_dir(const fs::path& archive_dir) { return archive_dir / "base"; }

Status prepare_archive(const fs::path& archive_dir, const fs::path& home, const Identity& identity) {
  // It stands in shell commands between single quotes, where PostgreSQL replaces what begins with %.
  if (!archive_dir.is_absolute() || archive_dir.string().find_first_of("'%\\\n") != std::string::npos)
    return Error{Errc::invalid_argument, "wal_archive_dir must be an absolute path without quotation marks, % and backslashes"};
  std::error_code failed;
  fs::create_directories(archive_dir, failed);
  if (failed) return system_error(failed.value(), "cannot make", archive_dir);
  const auto owner = archive_dir / "owner";
  const auto whose = first_line_of(owner);
  if (!whose.empty() && whose != home.string())
    return Error{Errc::conflict, archive_dir.string() + " is the archive of " + whose +
                                     ": give this database a wal_archive_dir of its own (if it was " +
                                     "moved from there, write its new place, " + home.string() + ", into " + owner.string() + ")"};
  if (whose.empty() && !write_line(owner, home.string())) return system_error(errno, "cannot write", owner);
  for (const auto& dir : {wal_dir(archive_dir), base_dir(archive_dir)})
    if (auto made = make_directory(dir, identity.uid, identity.gid, 0700); !made) return made;
  if (!can_enter(wal_dir(archive_dir), identity))
    return Error{Errc::permission_denied, archive_dir.string() + " cannot be reached by user " + identity.user +
                                              ": let it pass through the directories above (chmod o+x)"};
  return {};
}

bool is_anothers(const fs::path& archive_dir, const fs::path& home) {
  const auto whose = first_line_of(archive_dir / "owner");
  return !whose.empty() && whose != home.string();
}

void note_archive(const fs::path& archive_dir, const fs::path& home) { write_line(note_in(home), archive_dir.string()); }

void forget_archive(const fs::path& home) {
  std::error_code ignored;
  fs::remove(note_in(home), ignored);
}

bool is_noted(const fs::path& archive_dir, const fs::path& home) { return first_line_of(note_in(home)) == archive_dir.string(); }

std::vector<std::string> archive_settings(const fs::path& archive_dir, std::chrono::seconds timeout) {
  const auto dir = wal_dir(archive_dir).string();
  const auto to = "'" + dir + "/%f.gz'", unfinished = "'" + dir + "/%f.tmp'";
  return {"wal_level=replica", "archive_mode=on", "archive_timeout=" + std::to_string(timeout.count()),
          "archive_command=if test -f " + to + "; then gzip -dc " + to + " | cmp -s - '%p'; else gzip -1 -c '%p' > " + unfinished +
              " && sync " + unfinished + " && mv " + unfinished + " " + to + " && sync '" + dir + "'; fi"};
}

std::string restore_command(const fs::path& archive_dir, const fs::path& old_pg_wal) {
  const std::string from_archive = "gzip -dc '" + wal_dir(archive_dir).string() + "/%f.gz' > '%p' 2>/dev/null";
  return old_pg_wal.empty() ? from_archive : from_archive + " || cp '" + old_pg_wal.string() + "/%f' '%p' 2>/dev/null";
}

std::string base_backup_name(WallTime complete_at) {
  std::string name;
  for (const char c : to_timestamp(complete_at).substr(0, 23))  // to the millisecond
    if (c != '-' && c != ':') name += c;
  return name + "Z";
}

std::optional<WallTime> time_of_base_backup(const std::string& name) {
  if (name.size() != name_chars || name[8] != 'T' || name.back() != 'Z') return std::nullopt;
  return from_timestamp(name.substr(0, 4) + "-" + name.substr(4, 2) + "-" + name.substr(6, 2) + " " + name.substr(9, 2) + ":" +
                        name.substr(11, 2) + ":" + name.substr(13, 6) + "+00");
}

std::vector<BaseBackup> base_backups_in(const fs::path& archive_dir) {
  std::vector<BaseBackup> all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(base_dir(archive_dir), ignored))
    if (const auto time = time_of_base_backup(entry.path().filename().string())) all.push_back({entry.path(), *time});
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.complete_at < b.complete_at; });
  return all;
}

Result<std::string> first_segment_of(const fs::path& base_backup) {
  const auto file = base_backup / "backup_manifest";
  std::ifstream in(file);
  const auto manifest = nlohmann::json::parse(in, nullptr, false);
  const auto unreadable = Error{Errc::data_corrupt, file.string() + " is no manifest of a base backup"};
  if (!manifest.is_object() || !manifest.contains("WAL-Ranges") || !manifest["WAL-Ranges"].is_array() || manifest["WAL-Ranges"].empty())
    return unreadable;
  const auto& range = manifest["WAL-Ranges"][0];
  unsigned high = 0, low = 0;
  if (!range.is_object() || std::sscanf(range.value("Start-LSN", "").c_str(), "%X/%X", &high, &low) != 2) return unreadable;
  char name[25];
  std::snprintf(name, sizeof name, "%08X%08X%08X", range.value("Timeline", 0u), high, static_cast<unsigned>(low / segment_bytes));
  return std::string(name);
}

}  // namespace repartee::persistence
