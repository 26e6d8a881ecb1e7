// Where the private cluster lives, and that nobody else uses it.
//   <home>/                root's (or the running user's), may be passed through but not listed
//     lock                 held by flock as long as a server uses the home; says whose it is
//     pg_hba.conf, pg_ident.conf   who may connect: made anew at each start
//     postgres.log         PostgreSQL's own log
//     cluster/             PostgreSQL's data directory, its user's alone
//     run/                 the socket's directory, its user's alone (elsewhere when the path is too long for a socket)
// Thread contract: one thread at a time.
#pragma once
#include <filesystem>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "persistence/subprocess.hpp"

namespace repartee::persistence {

class ClusterHome {
 public:
  struct Options {
    std::filesystem::path data_dir;
    std::filesystem::path fallback_root = "/var/lib/repartee";  // when PostgreSQL's user cannot reach data_dir (below /root)
    std::filesystem::path short_root;                           // of socket directories; empty: /run for root, /tmp for others
  };
  struct Place {
    std::filesystem::path home, socket_dir;
  };
  // Where open() would find or make it. Takes no lock.
  static Result<Place> locate(const Options& options, const Identity& identity);
  // Makes what is missing, and takes the lock: conflict when another server holds it.
  static Result<ClusterHome> open(const Options& options, const Identity& identity);
  ClusterHome(ClusterHome&& other) noexcept;
  ClusterHome& operator=(ClusterHome&&) = delete;
  ~ClusterHome();  // lets the lock go

  const std::filesystem::path& path() const { return home_; }
  std::filesystem::path cluster() const { return home_ / "cluster"; }
  std::filesystem::path log_file() const { return home_ / "postgres.log"; }
  const std::filesystem::path& socket_dir() const { return socket_dir_; }
  Status ensure_socket_dir(const Identity& identity) const;  // again before each start: it may lie in /run or /tmp

  // Waits until no process works in the cluster any more: an old postmaster that is shutting down because its server died, or the
  // children of one that was killed. Those still there after half the time are told to quit at once, which loses nothing.
  // Then removes stale lock files (postmaster.pid, the socket's), whose number may be another process's by now.
  Status wait_for_leftovers(const Identity& identity, Duration patience) const;

 private:
  ClusterHome(std::filesystem::path home, std::filesystem::path socket_dir, int lock_fd)
      : home_(std::move(home)), socket_dir_(std::move(socket_dir)), lock_fd_(lock_fd) {}

  std::filesystem::path home_, socket_dir_;
  int lock_fd_;
};

// A directory of exactly this owner and mode, made if missing; never through a symbolic link.
Status make_directory(const std::filesystem::path& path, uid_t uid, gid_t gid, mode_t mode);
// Makes durable what was made, named or removed in it.
Status sync_directory(const std::filesystem::path& directory);
// The words for an error of the system, with advice where there is some (disk full, no permission).
Error system_error(int code, const std::string& doing, const std::filesystem::path& path);

}  // namespace repartee::persistence
