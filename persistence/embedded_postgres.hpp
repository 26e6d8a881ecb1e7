// The database that is there when the operator names none: a private PostgreSQL cluster below the data directory. It listens on a unix
// socket only; only the user this process runs as may connect, as repartee_owner, repartee_app or repartee_recorder, by peer
// authentication; nobody can connect as a superuser (the roles are made in single-user mode, before the first start).
// With a wal_archive_dir the write-ahead log and base backups go there (wal_archive.hpp), for a restore to any time (point_in_time.hpp).
// The postmaster is a child of a supervisor thread: it goes when this process goes, however that ends, and is started again, with growing
// pauses, when it dies itself.
// Thread contract: start() and stop() from the owner's thread; the rest from any thread.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/metrics.hpp"
#include "persistence/cluster_home.hpp"
#include "persistence/conninfo.hpp"
#include "persistence/postgres_install.hpp"

namespace repartee::persistence {

class BaseBackups;

class EmbeddedPostgres {
 public:
  struct Recovery {  // of a cluster that was unpacked from a base backup
    std::string restore_command;
    std::string target_time;  // empty: everything there is
  };
  struct Options {
    ClusterHome::Options home;      // home.data_dir must be set
    std::filesystem::path bin_dir;  // empty: the one under bin_root that fits
    std::filesystem::path bin_root = "/usr/lib/postgresql";
    std::string system_user = "postgres";  // whom the cluster runs as when this process is root
    std::size_t connections_max = 50;
    std::size_t shared_buffers_mb = 128;
    Duration create_patience = std::chrono::seconds(120);  // initdb
    Duration start_patience = std::chrono::seconds(60);    // crash recovery included
    Duration leftovers_patience = std::chrono::seconds(30);
    Duration stop_patience = std::chrono::seconds(10);  // then it is told to quit at once
    Millis restart_pause_min = Millis(100);
    Millis restart_pause_max = Millis(5000);
    Duration stable_after = std::chrono::seconds(60);                // a run this long resets the pause
    std::filesystem::path wal_archive_dir;                           // empty: no archive
    std::chrono::seconds archive_timeout = std::chrono::minutes(5);  // a segment that is not full goes to the archive after it
    Duration base_backup_interval = std::chrono::hours(24);
    std::size_t base_backups_kept_max = 7;
    std::optional<Recovery> recovery;
  };
  EmbeddedPostgres(Options options, Metrics& metrics);
  ~EmbeddedPostgres();  // stop()

  // Makes the cluster if there is none, starts it, and waits until it answers.
  Result<DatabaseTargets> start();
  void stop();
  // The targets of a cluster that another process of this user runs; connecting shows whether it does. Takes no lock.
  static Result<DatabaseTargets> targets_of_running(const Options& options);
  pid_t postmaster_pid() const { return pid_; }  // 0: down at the moment
  std::filesystem::path path() const;            // where the cluster's home is

 private:
  Status prepare();  // everything before the first launch
  Status create_cluster();
  Status run_single_user(const std::filesystem::path& cluster, const std::string& sql, bool durable);
  Status add_roles();  // those that clusters of an earlier release lack
  Status start_archive();
  Status write_access_files() const;
  void supervise(std::promise<Status> first_launch);
  Status launch();  // supervisor thread
  Status wait_until_ready(pid_t pid);
  void shut_down(pid_t pid);
  bool wait_for_stop(Duration at_most);  // true: stopping
  Error startup_error(const std::string& what) const;

  const Options options_;
  Metrics& metrics_;
  Counter& restarts_;
  Gauge& up_;
  Identity identity_;
  PostgresInstall install_;
  std::unique_ptr<ClusterHome> home_;
  std::unique_ptr<BaseBackups> base_backups_;
  std::thread supervisor_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  std::atomic<pid_t> pid_{0};
};

}  // namespace repartee::persistence
