#include "persistence/point_in_time.hpp"

#include <fstream>
#include <regex>
#include <thread>

#include "persistence/connection.hpp"
#include "persistence/wal_archive.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr Millis replay_poll = Millis(100);
constexpr Duration unpack_patience = std::chrono::hours(6);
constexpr const char* ended_early = "recovery ended before configured recovery target was reached";
constexpr Statement replayed{"replayed", "SELECT NOT pg_is_in_recovery() AS done, pg_last_xact_replay_timestamp() AS last"};

bool log_says(const fs::path& log_file, const std::string& what) {
  std::ifstream in(log_file);
  for (std::string line; std::getline(in, line);)
    if (line.find(what) != std::string::npos) return true;
  return false;
}

Result<BaseBackup> base_backup_before(const fs::path& archive_dir, WallTime at) {
  const auto all = base_backups_in(archive_dir);
  if (all.empty()) return Error{Errc::not_found, "there is no base backup in " + base_dir(archive_dir).string()};
  for (auto backup = all.rbegin(); backup != all.rend(); ++backup)
    if (backup->complete_at <= at) return *backup;
  return Error{Errc::not_found, "the archive reaches back to " + to_timestamp(all.front().complete_at) + " only"};
}

class PointInTime {
 public:
  PointInTime(const PointInTimeOptions& options, Metrics& metrics) : options_(options), metrics_(metrics) {}

  Result<PointInTimeReport> run() {
    if (options_.cluster.wal_archive_dir.empty())
      return Error{Errc::invalid_argument, "a restore to a time needs the archive: [database] wal_archive_dir"};
    if (options_.at > std::chrono::system_clock::now()) return Error{Errc::invalid_argument, "the time to restore to has not come yet"};
    auto backup = base_backup_before(options_.cluster.wal_archive_dir, options_.at);
    if (!backup) return backup.error();
    report_.base_backup = backup->path;
    report_.last_commit = backup->complete_at;
    if (auto unpacked = unpack(*backup); !unpacked) return unpacked.error();
    options_.progress("replaying the log up to " + to_timestamp(options_.at));
    auto target = to_timestamp(options_.at);
    target.replace(target.size() - 1, 1, "+00");  // where this setting is read, PostgreSQL does not know what Z is
    auto reached = replay(target);
    if (!reached) return reached.error();
    if (!*reached) {  // nothing was committed after that time, or the log has a gap: everything there is
      report_.complete = false;
      reached = replay({});
      if (!reached) return reached.error();
    }
    link_blobs();
    return report_;
  }

 private:
  Status unpack(const BaseBackup& backup) {
    auto identity = identity_for_postgres(options_.cluster.system_user);
    if (!identity) return identity.error();
    ClusterHome::Options place = options_.cluster.home;
    place.data_dir = options_.into;
    auto home = ClusterHome::open(place, *identity);
    if (!home) return home.error();
    if (std::error_code ignored; fs::exists(home->cluster(), ignored))
      return Error{Errc::conflict, home->cluster().string() + " is there already: restore into a new directory"};
    auto install = choose_postgres(options_.cluster.bin_dir, options_.cluster.bin_root, old_cluster(*identity));
    if (!install) return install.error();
    options_.progress("unpacking " + backup.path.string());
    const auto unfinished = home->path() / "cluster.new";
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    if (auto made = make_directory(unfinished, identity->uid, identity->gid, 0700); !made) return made;
    const auto as_owner = [&](std::vector<std::string> arguments) {
      SpawnRequest request;
      request.arguments = std::move(arguments);
      std::string output;
      auto ran = run_to_end(request, *identity, unpack_patience, output);
      return ran ? ran : Status(Error{ran.error().code, ran.error().message + ": " + output.substr(0, 500)});
    };
    for (const auto& [archive, into] : {std::pair{"base.tar.gz", unfinished}, std::pair{"pg_wal.tar.gz", unfinished / "pg_wal"}})
      if (auto done = as_owner({"/bin/tar", "-xzf", backup.path / archive, "-C", into}); !done) return done;
    // Every file against the checksums that were taken with it.
    if (auto whole = as_owner({install->bin_dir / "pg_verifybackup", "--no-parse-wal", "--quiet", "--exit-on-error",
                               "--manifest-path=" + (backup.path / "backup_manifest").string(), unfinished});
        !whole)
      return Error{Errc::data_corrupt, "the base backup " + backup.path.string() + " is damaged: " + whole.error().message};
    if (auto signalled = as_owner({"/usr/bin/touch", unfinished / "recovery.signal"}); !signalled) return signalled;
    fs::rename(unfinished, home->cluster(), ignored);
    if (ignored) return system_error(ignored.value(), "cannot name", home->cluster());
    home_ = home->path();
    return {};
  }

  fs::path old_cluster(const Identity& identity) const {
    std::error_code ignored;
    if (!fs::exists(options_.cluster.home.data_dir, ignored)) return {};
    const auto place = ClusterHome::locate(options_.cluster.home, identity);
    return place ? place->home / "cluster" : fs::path();
  }

  // False: the log ended before the target.
  Result<bool> replay(const std::string& target_time) {
    auto identity = identity_for_postgres(options_.cluster.system_user);
    if (!identity) return identity.error();
    const auto old = old_cluster(*identity);
    EmbeddedPostgres::Options cluster = options_.cluster;
    cluster.home.data_dir = options_.into;
    cluster.wal_archive_dir.clear();
    cluster.recovery = {restore_command(options_.cluster.wal_archive_dir, old.empty() ? fs::path() : old / "pg_wal"), target_time};
    std::error_code ignored;
    fs::remove(home_ / "postgres.log", ignored);
    EmbeddedPostgres postgres(cluster, metrics_);
    auto targets = postgres.start();
    const auto until = SteadyClock::now() + options_.patience;
    for (; targets.ok() && SteadyClock::now() < until; std::this_thread::sleep_for(replay_poll)) {
      if (log_says(home_ / "postgres.log", ended_early)) return false;
      if (done(targets->owner)) return true;
    }
    if (log_says(home_ / "postgres.log", ended_early)) return false;
    if (!targets) return targets.error();
    return Error{Errc::deadline_exceeded, "replaying the log did not end in time"};
  }

  bool done(const DatabaseTarget& owner) {
    try {
      Connection connection(owner, {});
      connection.begin();
      const auto rows = connection.exec(replayed);
      if (const auto last = rows[0].maybe_time("last")) report_.last_commit = *last;
      return rows[0].boolean("done");
    } catch (const DatabaseError&) { return false; }  // not yet, or it is being started again
  }

  void link_blobs() {
    const auto from = options_.cluster.home.data_dir / "blobs", to = options_.into / "blobs";
    std::error_code failed;
    for (auto entry = fs::recursive_directory_iterator(from, failed); !failed && entry != fs::recursive_directory_iterator();
         entry.increment(failed)) {
      if (!entry->is_regular_file() || entry->is_symlink()) continue;
      const auto path = to / fs::relative(entry->path(), from);
      std::error_code linked;
      fs::create_directories(path.parent_path(), linked);
      fs::create_hard_link(entry->path(), path, linked);  // a blob is never changed once it has its name
      if (linked) fs::copy_file(entry->path(), path, linked);
      if (!linked) ++report_.blobs;
      else options_.progress("a blob was not copied: " + path.string() + ": " + linked.message());
    }
  }

  const PointInTimeOptions& options_;
  Metrics& metrics_;
  fs::path home_;
  PointInTimeReport report_;
};

}  // namespace

Result<PointInTimeReport> restore_to_time(const PointInTimeOptions& options, Metrics& metrics) {
  return PointInTime(options, metrics).run();
}

Result<WallTime> parse_time_with_zone(std::string_view text) {
  static const std::regex form(R"((\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d(?:\.\d{1,6})?)? ?(Z|UTC|([+-])(\d\d):?(\d\d)?))");
  std::cmatch part;
  const Error wrong{Errc::invalid_argument, "a time reads 2026-11-20 06:00:00+00 (with its zone); got " + std::string(text)};
  if (!std::regex_match(text.data(), text.data() + text.size(), part, form)) return wrong;
  const auto utc = from_timestamp(part.str(1) + " " + part.str(2) + (part[3].matched ? part.str(3) : ":00") + "+00");
  if (!utc) return wrong;
  if (!part[5].matched) return *utc;
  const auto offset = std::chrono::minutes(std::stoi(part.str(6)) * 60 + (part[7].matched ? std::stoi(part.str(7)) : 0));
  return part.str(5) == "+" ? *utc - offset : *utc + offset;
}

}  // namespace repartee::persistence
