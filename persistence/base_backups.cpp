#include "persistence/base_backups.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.hpp"
#include "persistence/cluster_home.hpp"
#include "persistence/wal_archive.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr Millis exit_poll = Millis(50);
constexpr Duration kill_patience = std::chrono::seconds(5);

double seconds_of(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

}  // namespace

BaseBackups::BaseBackups(Options options, Metrics& metrics)
    : options_(std::move(options)),
      taken_(metrics.counter("repartee_base_backups_total", "base backups that were taken")),
      failed_(metrics.counter("repartee_base_backup_failures_total", "base backups that failed")),
      last_at_(metrics.gauge("repartee_base_backup_last_timestamp_seconds", "when the newest base backup was complete")),
      thread_([this] { work(); }) {}

BaseBackups::~BaseBackups() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  thread_.join();
}

void BaseBackups::work() {
  Duration wait{};
  while (pause(wait)) {
    wait = options_.check_interval;
    if (!due()) continue;
    if (auto taken = take(); taken) {
      taken_.add();
      prune();
    } else if (taken.error().code != Errc::cancelled) {
      failed_.add();
      wait = options_.retry_pause;
      log::error("postgres", "no base backup: it is tried again later", {{"error", taken.error().message}});
    }
  }
}

bool BaseBackups::due() const {
  const auto all = base_backups_in(options_.archive_dir);
  if (all.empty() || !is_noted(options_.archive_dir, options_.home)) return true;
  last_at_.set(seconds_of(all.back().complete_at));
  return std::chrono::system_clock::now() - all.back().complete_at >= options_.interval;
}

Status BaseBackups::take() {
  const auto started = SteadyClock::now();
  const auto unfinished = base_dir(options_.archive_dir) / "unfinished";
  std::error_code failed;
  fs::remove_all(unfinished, failed);
  if (auto ran = run({options_.bin_dir / "pg_basebackup", "--pgdata=" + unfinished.string(), "--format=tar", "--gzip",
                      "--wal-method=stream", "--checkpoint=fast", "--label=repartee", "--no-password", "--dbname=" + options_.conninfo});
      !ran)
    return ran;
  const auto complete_at = std::chrono::system_clock::now();
  const auto final_name = base_dir(options_.archive_dir) / base_backup_name(complete_at);
  fs::rename(unfinished, final_name, failed);
  if (failed) return system_error(failed.value(), "cannot name", final_name);
  if (auto durable = sync_directory(base_dir(options_.archive_dir)); !durable) return durable;
  note_archive(options_.archive_dir, options_.home);
  last_at_.set(seconds_of(complete_at));
  log::info("postgres", "base backup taken",
            {{"path", final_name.string()}, {"took_ms", static_cast<long long>(to_ms(SteadyClock::now() - started))}});
  return {};
}

// Its messages go to postgres.log: they are for whoever looks there anyway when something is wrong.
Status BaseBackups::run(const std::vector<std::string>& arguments) {
  const auto log_file = options_.home / "postgres.log";
  SpawnRequest request;
  request.arguments = arguments;
  request.output_fd = open(log_file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  request.signal_on_parent_death = SIGTERM;
  const auto pid = spawn(request, options_.identity);
  if (request.output_fd >= 0) close(request.output_fd);
  if (!pid) return pid.error();
  for (;;) {
    if (const auto status = poll_exit(*pid)) {
      if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
      return Error{Errc::unavailable, arguments[0] + " failed (see " + log_file.string() + ")"};
    }
    if (pause(exit_poll)) continue;
    kill(*pid, SIGTERM);
    if (!wait_exit(*pid, kill_patience)) {
      kill(*pid, SIGKILL);
      wait_exit(*pid, kill_patience);
    }
    return Error{Errc::cancelled, "the server is stopping"};
  }
}

void BaseBackups::prune() {
  auto all = base_backups_in(options_.archive_dir);
  for (; all.size() > options_.kept_max; all.erase(all.begin())) {
    std::error_code failed;
    fs::remove_all(all.front().path, failed);
    if (failed)
      log::warn("postgres", "an old base backup cannot be removed", {{"path", all.front().path.string()}, {"error", failed.message()}});
  }
  if (all.empty()) return;
  const auto oldest_needed = first_segment_of(all.front().path);
  if (!oldest_needed) {
    log::warn("postgres", "the log of the oldest base backup is not known: none is removed", {{"error", oldest_needed.error().message}});
    return;
  }
  if (auto cleaned = run({options_.bin_dir / "pg_archivecleanup", "-x", ".gz", wal_dir(options_.archive_dir), *oldest_needed});
      !cleaned && cleaned.error().code != Errc::cancelled)
    log::warn("postgres", "old write-ahead log cannot be removed", {{"error", cleaned.error().message}});
}

bool BaseBackups::pause(Duration duration) {
  std::unique_lock lock(mutex_);
  return !stop_asked_.wait_for(lock, duration, [&] { return stopping_; });
}

}  // namespace repartee::persistence
