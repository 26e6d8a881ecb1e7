#include "persistence/embedded_postgres.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "core/log.hpp"
#include "persistence/base_backups.hpp"
#include "persistence/roles.hpp"
#include "persistence/wal_archive.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t new_cluster_bytes = 100u << 20;  // initdb's files and the first of the write-ahead log
constexpr std::uintmax_t log_bytes_max = 10u << 20;       // then postgres.log becomes postgres.log.1, at the next start
constexpr std::size_t log_tail_bytes = 4096;
constexpr Millis ready_poll = Millis(10);
constexpr Millis watch_poll = Millis(100);
constexpr Duration quit_patience = std::chrono::seconds(5);
constexpr const char* database_name = "repartee";

// For single-user mode, before anybody can connect. Statements end with a semicolon and an empty line (-j).
constexpr const char* bootstrap_sql = R"(CREATE ROLE repartee_owner LOGIN NOSUPERUSER;

CREATE ROLE repartee_app LOGIN;

CREATE ROLE repartee_recorder LOGIN;

CREATE ROLE repartee_analyst NOLOGIN;

CREATE ROLE repartee_backup NOLOGIN BYPASSRLS;

GRANT repartee_backup TO repartee_owner;

CREATE DATABASE repartee OWNER repartee_owner;

REVOKE ALL ON DATABASE repartee FROM PUBLIC;

GRANT CONNECT ON DATABASE repartee TO repartee_app, repartee_recorder, repartee_analyst, repartee_backup;

)";
// The same for clusters that an earlier release made; repeatable. home/roles tells that it was done.
constexpr const char* roles_version = "2\n";
constexpr const char* additional_roles_sql = R"(DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'repartee_replicator') THEN CREATE ROLE repartee_replicator LOGIN REPLICATION; END IF;
END $$;

GRANT repartee_analyst TO repartee_owner;

)";

std::string tail_of(const fs::path& file) {
  std::ifstream in(file, std::ios::ate | std::ios::binary);
  if (!in) return {};
  const auto size = static_cast<std::size_t>(in.tellg());
  const auto from = size > log_tail_bytes ? size - log_tail_bytes : 0;
  in.seekg(static_cast<std::streamoff>(from));
  std::string text(size - from, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

// The last line of `text` that says something.
std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const auto newline = text.rfind('\n');
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

Error explain(const std::string& what, const std::string& output, const fs::path& where) {
  if (output.find("No space left on device") != std::string::npos || output.find("Disk quota exceeded") != std::string::npos)
    return {Errc::resource_exhausted, what + ": the disk that holds " + where.string() + " is full"};
  if (output.find("Permission denied") != std::string::npos) return {Errc::permission_denied, what + ": " + last_line(output)};
  return {Errc::unavailable, what + (output.empty() ? "" : ": " + last_line(output))};
}

Status write_file(const fs::path& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return system_error(errno, "cannot write", path);
  const bool written = fchmod(fd, 0644) == 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int code = errno;
  close(fd);
  if (!written) return system_error(code, "cannot write", path);
  return {};
}

// One call for a thousand new files: initdb's fsync of each takes seconds on a disk that needs milliseconds for one.
Status sync_disk_of(const fs::path& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_error(errno, "cannot open", directory);
  const bool synced = syncfs(fd) == 0;
  const int code = errno;
  close(fd);
  if (!synced) return system_error(code, "cannot make durable", directory);
  return {};
}

std::string conninfo(const fs::path& socket_dir, const std::string& user, const std::string& database) {
  return "host='" + socket_dir.string() + "' port=5432 dbname=" + database + " user=" + user;
}

Result<DatabaseTargets> targets_at(const fs::path& socket_dir) {
  DatabaseTargets targets;
  for (auto [target, role] : {std::pair{&targets.owner, roles::owner}, {&targets.app, roles::app}, {&targets.recorder, roles::recorder}}) {
    auto parsed = parse_target(conninfo(socket_dir, role, database_name));
    if (!parsed) return parsed.error();
    *target = std::move(*parsed);
  }
  return targets;
}

}  // namespace

EmbeddedPostgres::EmbeddedPostgres(Options options, Metrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      restarts_(metrics.counter("repartee_postgres_restarts_total", "times the embedded database died and was started again")),
      up_(metrics.gauge("repartee_postgres_up", "1 while the embedded database answers")) {}

EmbeddedPostgres::~EmbeddedPostgres() { stop(); }

fs::path EmbeddedPostgres::path() const { return home_ ? home_->path() : fs::path(); }

Result<DatabaseTargets> EmbeddedPostgres::start() {
  if (auto prepared = prepare(); !prepared) {
    home_.reset();
    return prepared.error();
  }
  std::promise<Status> first_launch;
  auto launched = first_launch.get_future();
  stopping_ = false;
  supervisor_ = std::thread([this, promise = std::move(first_launch)]() mutable { supervise(std::move(promise)); });
  if (auto status = launched.get(); !status) {
    stop();
    return status.error();
  }
  if (auto archiving = start_archive(); !archiving) {
    stop();
    return archiving.error();
  }
  return targets_at(home_->socket_dir());
}

Result<DatabaseTargets> EmbeddedPostgres::targets_of_running(const Options& options) {
  auto identity = identity_for_postgres(options.system_user);
  if (!identity) return identity.error();
  auto place = ClusterHome::locate(options.home, *identity);
  if (!place) return place.error();
  return targets_at(place->socket_dir);
}

void EmbeddedPostgres::stop() {
  base_backups_.reset();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_asked_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
  home_.reset();
}

Status EmbeddedPostgres::prepare() {
  auto identity = identity_for_postgres(options_.system_user);
  if (!identity) return identity.error();
  identity_ = std::move(*identity);
  auto home = ClusterHome::open(options_.home, identity_);
  if (!home) return home.error();
  home_ = std::make_unique<ClusterHome>(std::move(*home));
  auto install = choose_postgres(options_.bin_dir, options_.bin_root, home_->cluster());
  if (!install) return install.error();
  install_ = *install;
  if (options_.wal_archive_dir.empty()) forget_archive(home_->path());
  else if (auto archive = prepare_archive(options_.wal_archive_dir, home_->path(), identity_); !archive) return archive;
  if (!version_of_cluster(home_->cluster()))
    if (auto created = create_cluster(); !created) return created;
  if (auto added = add_roles(); !added) return added;
  return write_access_files();
}

// Under another name first: a crash in the middle leaves no half-made cluster behind that looks like a whole one.
Status EmbeddedPostgres::create_cluster() {
  const auto unfinished = home_->path() / "cluster.new";
  struct statvfs disk {};
  if (statvfs(home_->path().c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < new_cluster_bytes)
    return Error{Errc::resource_exhausted,
                 "the disk that holds " + home_->path().string() + " is too full for a database: make room, or choose another --data-dir"};
  std::error_code failed;
  fs::remove_all(unfinished, failed);
  if (auto made = make_directory(unfinished, identity_.uid, identity_.gid, 0700); !made) return made;
  log::info("postgres", "making the database", {{"path", home_->path().string()}, {"version", install_.version}});
  SpawnRequest initdb;
  initdb.arguments = {install_.bin_dir / "initdb",
                      "--pgdata=" + unfinished.string(),
                      "--username=postgres",
                      "--auth=reject",
                      "--encoding=UTF8",
                      "--locale=C.UTF-8",
                      "--data-checksums",
                      "--no-instructions",
                      "--no-sync"};
  std::string output;
  if (auto ran = run_to_end(initdb, identity_, options_.create_patience, output); !ran)
    return explain("the database could not be made", output, home_->path());
  if (auto made = run_single_user(unfinished, std::string(bootstrap_sql) + additional_roles_sql, false); !made) return made;
  if (std::error_code in_the_way; fs::exists(home_->cluster(), in_the_way))
    return Error{Errc::conflict, home_->cluster().string() + " is there but holds no database: move it away"};
  if (auto durable = sync_disk_of(unfinished); !durable) return durable;
  if (rename(unfinished.c_str(), home_->cluster().c_str()) != 0) return system_error(errno, "cannot name", home_->cluster());
  if (auto synced = sync_disk_of(home_->path()); !synced) return synced;
  return write_file(home_->path() / "roles", roles_version);
}

// As a superuser, which nobody can become later. Not durable: for a cluster that is made durable as a whole afterwards.
Status EmbeddedPostgres::run_single_user(const fs::path& cluster, const std::string& sql, bool durable) {
  SpawnRequest single;
  single.arguments = {install_.bin_dir / "postgres",      "--single", "-j", "-D", cluster, "-c", "exit_on_error=on", "-c",
                      durable ? "fsync=on" : "fsync=off", "postgres"};
  single.input = sql;
  std::string output;
  auto ran = run_to_end(single, identity_, options_.create_patience, output);
  if (!ran || output.find("ERROR:") != std::string::npos) return explain("the database's roles could not be made", output, home_->path());
  return {};
}

Status EmbeddedPostgres::add_roles() {
  const auto marker = home_->path() / "roles";
  std::error_code ignored;
  if (fs::exists(marker, ignored) || options_.recovery) return {};
  if (auto waited = home_->wait_for_leftovers(identity_, options_.leftovers_patience); !waited) return waited;
  if (auto added = run_single_user(home_->cluster(), additional_roles_sql, true); !added) return added;
  return write_file(marker, roles_version);
}

Status EmbeddedPostgres::start_archive() {
  if (options_.wal_archive_dir.empty()) return {};
  BaseBackups::Options options;
  options.archive_dir = options_.wal_archive_dir;
  options.home = home_->path();
  options.bin_dir = install_.bin_dir;
  options.identity = identity_;
  options.conninfo = conninfo(home_->socket_dir(), roles::replicator, "replication");
  options.interval = options_.base_backup_interval;
  options.kept_max = options_.base_backups_kept_max;
  base_backups_ = std::make_unique<BaseBackups>(std::move(options), metrics_);
  return {};
}

// Not in the cluster, which belongs to another user: root writes nothing there.
Status EmbeddedPostgres::write_access_files() const {
  if (auto written = write_file(home_->path() / "pg_hba.conf",
                                "# Made at each start of the server.\nlocal all all peer map=repartee\n"
                                "local replication repartee_replicator peer map=repartee\n");
      !written)
    return written;
  std::string map = "# Made at each start of the server.\n";
  for (const char* role : {roles::owner, roles::app, roles::recorder}) map += "repartee \"" + identity_.caller + "\" " + role + "\n";
  // pg_basebackup runs as the user who owns the cluster's files anyway.
  map += "repartee \"" + identity_.user + "\" " + roles::replicator + "\n";
  return write_file(home_->path() / "pg_ident.conf", map);
}

void EmbeddedPostgres::supervise(std::promise<Status> first_launch) {
  auto launched = launch();
  const bool started = launched.ok();
  first_launch.set_value(std::move(launched));
  if (!started) return;
  auto pause = options_.restart_pause_min;
  auto up_since = SteadyClock::now();
  while (!wait_for_stop(watch_poll)) {
    const pid_t pid = pid_;
    if (pid != 0 && !poll_exit(pid)) continue;
    if (pid != 0) {
      pid_ = 0;
      up_.set(0);
      log::error("postgres", "the database died; starting it again", {{"pid", pid}, {"log", home_->log_file().string()}});
      if (SteadyClock::now() - up_since >= options_.stable_after) pause = options_.restart_pause_min;
    }
    if (wait_for_stop(pause)) break;
    pause = std::min(pause * 2, options_.restart_pause_max);
    restarts_.add();
    if (auto again = launch(); !again) {
      log::error("postgres", "the database does not start", {{"error", again.error().message}});
      continue;
    }
    up_since = SteadyClock::now();
    log::info("postgres", "the database is back", {{"pid", static_cast<int>(pid_.load())}});
  }
  if (const pid_t pid = pid_; pid != 0) shut_down(pid);
  pid_ = 0;
  up_.set(0);
}

bool EmbeddedPostgres::wait_for_stop(Duration at_most) {
  std::unique_lock lock(mutex_);
  return stop_asked_.wait_for(lock, at_most, [&] { return stopping_; });
}

Status EmbeddedPostgres::launch() {
  if (auto waited = home_->wait_for_leftovers(identity_, options_.leftovers_patience); !waited) return waited;
  if (auto made = home_->ensure_socket_dir(identity_); !made) return made;
  const auto log_file = home_->log_file();
  std::error_code ignored;
  if (fs::file_size(log_file, ignored) > log_bytes_max && !ignored) fs::rename(log_file, log_file.string() + ".1", ignored);
  const int log_fd = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log_fd < 0) return system_error(errno, "cannot write", log_file);
  SpawnRequest server;
  server.arguments = {install_.bin_dir / "postgres", "-D", home_->cluster()};
  const auto set = [&](const std::string& setting) { server.arguments.insert(server.arguments.end(), {"-c", setting}); };
  set("listen_addresses=");
  set("port=5432");
  set("unix_socket_directories=" + home_->socket_dir().string());
  set("unix_socket_permissions=0700");
  set("hba_file=" + (home_->path() / "pg_hba.conf").string());
  set("ident_file=" + (home_->path() / "pg_ident.conf").string());
  set("max_connections=" + std::to_string(options_.connections_max));
  set("shared_buffers=" + std::to_string(options_.shared_buffers_mb) + "MB");
  set("fsync=on");
  set("synchronous_commit=on");
  set("recovery_init_sync_method=syncfs");  // after a crash, for the same reason as in sync_disk_of
  set("jit=off");
  set("logging_collector=off");
  set("log_line_prefix=%m [%p] %u ");
  set("log_parameter_max_length=0");
  set("log_error_verbosity=terse");  // the details of an error hold values: what was said stays out of the log
  if (!options_.wal_archive_dir.empty())
    for (const auto& setting : archive_settings(options_.wal_archive_dir, options_.archive_timeout)) set(setting);
  if (options_.recovery) {
    set("restore_command=" + options_.recovery->restore_command);
    set("recovery_target_time=" + options_.recovery->target_time);
    set("recovery_target_action=promote");
  }
  server.output_fd = log_fd;
  server.signal_on_parent_death = SIGINT;  // "fast" shutdown
  auto pid = spawn(server, identity_);
  close(log_fd);
  if (!pid) return pid.error();
  auto ready = wait_until_ready(*pid);
  if (!ready) {
    if (!poll_exit(*pid)) shut_down(*pid);
    return ready;
  }
  pid_ = *pid;
  up_.set(1);
  return {};
}

Status EmbeddedPostgres::wait_until_ready(pid_t pid) {
  const auto probe = conninfo(home_->socket_dir(), roles::app, database_name) + " connect_timeout=2";
  for (const auto until = SteadyClock::now() + options_.start_patience; SteadyClock::now() < until;) {
    if (poll_exit(pid)) return startup_error("the database did not start");
    if (PQping(probe.c_str()) == PQPING_OK) return {};
    if (wait_for_stop(ready_poll)) return Error{Errc::cancelled, "stopped while the database was starting"};
  }
  return startup_error("the database does not answer");
}

Error EmbeddedPostgres::startup_error(const std::string& what) const {
  auto error = explain(what, tail_of(home_->log_file()), home_->path());
  error.message += " (see " + home_->log_file().string() + ")";
  return error;
}

void EmbeddedPostgres::shut_down(pid_t pid) {
  kill(pid, SIGINT);
  if (wait_exit(pid, options_.stop_patience)) return;
  log::warn("postgres", "the database does not stop; telling it to quit at once", {{"pid", pid}});
  kill(pid, SIGQUIT);
  if (wait_exit(pid, quit_patience)) return;
  kill(pid, SIGKILL);
  wait_exit(pid, quit_patience);
}

}  // namespace repartee::persistence
