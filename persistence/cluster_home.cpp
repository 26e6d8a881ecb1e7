#include "persistence/cluster_home.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "core/file_descriptor.hpp"
#include "core/log.hpp"
#include "persistence/digest.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t socket_path_bytes_max = 106;  // sun_path holds 108, its end included
constexpr std::size_t path_digest_chars = 16;
constexpr Millis leftovers_poll = Millis(20);

std::string short_digest(const fs::path& path) { return sha256_hex(path.string()).substr(0, path_digest_chars); }

bool has_cluster(const fs::path& home) {
  struct stat unused {};
  return stat((home / "cluster" / "PG_VERSION").c_str(), &unused) == 0;
}

Result<fs::path> canonical_data_dir(const fs::path& wanted) {
  std::error_code failed;
  fs::create_directories(wanted, failed);
  if (failed) return system_error(failed.value(), "cannot make the data directory", wanted);
  auto canonical = fs::canonical(wanted, failed);
  if (failed) return system_error(failed.value(), "cannot open the data directory", wanted);
  return canonical;
}

// data_dir/postgres, unless PostgreSQL's user cannot get there.
Result<fs::path> choose_home(const ClusterHome::Options& options, const Identity& identity) {
  auto data_dir = canonical_data_dir(options.data_dir);
  if (!data_dir) return data_dir.error();
  const fs::path inside = *data_dir / "postgres";
  const fs::path outside = options.fallback_root / short_digest(*data_dir);
  const bool reachable = can_enter(*data_dir, identity);
  if (has_cluster(inside)) {
    if (reachable) return inside;
    return Error{Errc::permission_denied,
                 "the database in " + inside.string() + " cannot be reached by user " + identity.user +
                     " any more: let it pass through the directories above (chmod o+x), or move the data directory"};
  }
  if (reachable && !has_cluster(outside)) return inside;
  std::error_code failed;
  fs::create_directories(options.fallback_root, failed);
  if (failed) return system_error(failed.value(), "cannot make", options.fallback_root);
  if (!can_enter(options.fallback_root, identity))
    return Error{Errc::permission_denied,
                 "neither " + data_dir->string() + " nor " + options.fallback_root.string() + " can be reached by user " + identity.user};
  log::info("postgres", "the database lives outside the data directory, where its system user can reach it",
            {{"data_dir", data_dir->string()}, {"database_dir", outside.string()}});
  return outside;
}

fs::path choose_socket_dir(const ClusterHome::Options& options, const fs::path& home) {
  // Neither libpq nor unix_socket_directories takes a comma or a quotation mark in a path.
  constexpr const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+-";
  const auto fits = [](const fs::path& dir) {
    const auto socket = (dir / ".s.PGSQL.5432").string();
    return socket.size() <= socket_path_bytes_max && socket.find_first_not_of(plain) == std::string::npos;
  };
  if (const auto usual = home / "run"; fits(usual)) return usual;
  const bool root = geteuid() == 0;
  const fs::path base = !options.short_root.empty() ? options.short_root : root && access("/run", W_OK) == 0 ? "/run" : "/tmp";
  return base / ("repartee-" + std::to_string(geteuid()) + "-" + short_digest(home));
}

std::string read_file(int fd) {
  char text[64] = {};
  const auto n = pread(fd, text, sizeof text - 1, 0);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

Result<int> take_lock(const fs::path& home) {
  const auto file = home / "lock";
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error(errno, "cannot make the lock", file);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_file(fd);
    close(fd);
    return Error{Errc::conflict, "another repartee server" + (holder.empty() ? "" : " (process " + holder + ")") +
                                     " is using the database in " + home.string() + ": stop it, or give this one a --data-dir of its own"};
  }
  const auto pid = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const int code = errno;
    close(fd);
    return system_error(code, "cannot write", file);
  }
  return fd;
}

struct Leftovers {
  std::vector<pid_t> pids;
  bool certain = true;  // false: there are processes named postgres that could not be looked into (a container without CAP_SYS_PTRACE)
};

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// Processes of PostgreSQL's user that work in the cluster: a postmaster and its children make it their working directory.
Leftovers processes_in(const fs::path& cluster, uid_t uid) {
  Leftovers found;
  const auto postmaster = first_line(cluster / "postmaster.pid");
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    struct stat owner {};
    if (stat(entry.path().c_str(), &owner) != 0 || owner.st_uid != uid) continue;
    std::error_code gone;
    const auto works_in = fs::read_symlink(entry.path() / "cwd", gone);
    const bool hidden = gone == std::errc::permission_denied && first_line(entry.path() / "comm") == "postgres";
    if (hidden) found.certain = false;
    if ((!gone && works_in == cluster) || (hidden && name == postmaster)) found.pids.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace

Error system_error(int code, const std::string& doing, const fs::path& path) {
  const std::string what = doing + " " + path.string() + ": " + std::strerror(code);
  if (code == ENOSPC || code == EDQUOT) return {Errc::resource_exhausted, what + ": make room on that disk"};
  if (code == EACCES || code == EPERM || code == EROFS) return {Errc::permission_denied, what + ": give a --data-dir that may be written"};
  return {Errc::unavailable, what};
}

Status sync_directory(const fs::path& directory) {
  const FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return system_error(errno, "cannot make durable", directory);
  return {};
}

Status make_directory(const fs::path& path, uid_t uid, gid_t gid, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return system_error(errno, "cannot make", path);
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return system_error(errno, "cannot open", path);
  struct stat now {};
  int code = fstat(fd, &now) == 0 ? 0 : errno;
  if (code == 0 && (now.st_uid != uid || now.st_gid != gid) && fchown(fd, uid, gid) != 0) code = errno;
  if (code == 0 && (now.st_mode & 07777) != mode && fchmod(fd, mode) != 0) code = errno;
  close(fd);
  if (code != 0) return system_error(code, "cannot take over", path);
  return {};
}

Result<ClusterHome::Place> ClusterHome::locate(const Options& options, const Identity& identity) {
  auto home = choose_home(options, identity);
  if (!home) return home.error();
  return Place{*home, choose_socket_dir(options, *home)};
}

Result<ClusterHome> ClusterHome::open(const Options& options, const Identity& identity) {
  auto place = locate(options, identity);
  if (!place) return place.error();
  if (auto made = make_directory(place->home, geteuid(), getegid(), 0711); !made) return made.error();
  auto lock = take_lock(place->home);
  if (!lock) return lock.error();
  return ClusterHome(place->home, place->socket_dir, *lock);
}

ClusterHome::ClusterHome(ClusterHome&& other) noexcept
    : home_(std::move(other.home_)), socket_dir_(std::move(other.socket_dir_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

ClusterHome::~ClusterHome() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

Status ClusterHome::ensure_socket_dir(const Identity& identity) const {
  return make_directory(socket_dir_, identity.uid, identity.gid, 0700);
}

Status ClusterHome::wait_for_leftovers(const Identity& identity, Duration patience) const {
  const auto started = SteadyClock::now();
  bool told = false;
  auto left = processes_in(cluster(), identity.uid);
  for (; !left.pids.empty(); left = processes_in(cluster(), identity.uid)) {
    const auto waited = SteadyClock::now() - started;
    if (waited >= patience)
      return Error{Errc::unavailable, "an earlier PostgreSQL (process " + std::to_string(left.pids.front()) + ") still works in " +
                                          cluster().string() + " and does not end"};
    if (waited >= patience / 2 && !std::exchange(told, true)) {
      log::warn("postgres", "an earlier PostgreSQL does not end by itself: telling it to quit at once", {{"pid", left.pids.front()}});
      for (const pid_t pid : left.pids) kill(pid, SIGQUIT);
    }
    std::this_thread::sleep_for(leftovers_poll);
  }
  if (!left.certain) return {};
  // Nobody is there, and the lock keeps others out. PostgreSQL would take a number of these files for a living postmaster when another
  // process has it by now, or when the dead one waits as a zombie for an init that collects nothing, as in many containers.
  for (const auto& stale : {cluster() / "postmaster.pid", socket_dir_ / ".s.PGSQL.5432.lock", socket_dir_ / ".s.PGSQL.5432"}) unlink(stale.c_str());
  return {};
}

}  // namespace repartee::persistence
