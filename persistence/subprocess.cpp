#include "persistence/subprocess.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/file_descriptor.hpp"

namespace repartee::persistence {
namespace {

constexpr int exit_cannot_become_user = 126;
constexpr int exit_cannot_execute = 127;
constexpr Millis exit_poll = Millis(10);
constexpr std::size_t output_bytes_max = 64 * 1024;
constexpr int groups_max = 256;

bool open_pipe(FileDescriptor& read_end, FileDescriptor& write_end) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
  return true;
}

// Between fork and exec only async-signal-safe calls: other threads' locks are frozen as they were.
bool become(const Identity& identity) {
  if (!identity.differs) return true;
  return setgroups(identity.groups.size(), identity.groups.data()) == 0 && setgid(identity.gid) == 0 && setuid(identity.uid) == 0;
}

struct Descriptors {
  int input, output, error;
};

[[noreturn]] void run_child(char* const* arguments, const Identity& identity, Descriptors fds, int death_signal, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  umask(077);
  if (!become(identity)) _exit(exit_cannot_become_user);
  if (death_signal != 0) {  // after setuid, which clears it
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent) _exit(exit_cannot_execute);  // the parent died before the line above
  }
  dup2(fds.input, STDIN_FILENO);
  dup2(fds.output, STDOUT_FILENO);
  dup2(fds.error, STDERR_FILENO);
  if (close_range(3, ~0U, 0) != 0)
    for (int fd = 3; fd < 65536; ++fd) close(fd);
  if (chdir("/") != 0) _exit(exit_cannot_execute);
  static char locale[] = "LC_ALL=C.UTF-8";
  static char path[] = "PATH=/usr/bin:/bin";
  char* environment[] = {locale, path, nullptr};
  execve(arguments[0], arguments, environment);
  _exit(exit_cannot_execute);
}

}  // namespace

Result<Identity> identity_for_postgres(const std::string& system_user) {
  Identity identity;
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
    return Error{Errc::unavailable, "this process's user id " + std::to_string(geteuid()) +
                                        " has no name in /etc/passwd, which PostgreSQL needs: give it one, or use --database-url"};
  identity.caller = found->pw_name;
  if (geteuid() == 0) {
    if (getpwnam_r(system_user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
      return Error{Errc::unavailable, "there is no system user " + system_user +
                                          " to run the database as: install the package postgresql, or use --database-url"};
    identity.differs = true;
  }
  identity.user = found->pw_name;
  identity.uid = found->pw_uid;
  identity.gid = found->pw_gid;
  int count = groups_max;
  identity.groups.resize(groups_max);
  if (getgrouplist(identity.user.c_str(), identity.gid, identity.groups.data(), &count) < 0) count = groups_max;
  identity.groups.resize(static_cast<std::size_t>(count));
  return identity;
}

Result<pid_t> spawn(const SpawnRequest& request, const Identity& identity) {
  std::vector<std::string> arguments = request.arguments;
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const FileDescriptor null_fd(open("/dev/null", O_RDWR | O_CLOEXEC));
  FileDescriptor input_read, input_write;
  if (request.input.size() > input_bytes_max || !open_pipe(input_read, input_write))
    return Error{Errc::unavailable, "no pipe for a child process"};
  for (std::size_t sent = 0; sent < request.input.size();) {
    const auto n = write(input_write.get(), request.input.data() + sent, request.input.size() - sent);
    if (n <= 0) return Error{Errc::unavailable, "cannot write to a pipe"};
    sent += static_cast<std::size_t>(n);
  }
  input_write.reset();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return Error{Errc::unavailable, std::string("cannot start a process: ") + std::strerror(errno)};
  const int output_fd = request.output_fd >= 0 ? request.output_fd : null_fd.get();
  const Descriptors fds{input_read.get(), output_fd, request.error_fd >= 0 ? request.error_fd : output_fd};
  if (pid == 0) run_child(pointers.data(), identity, fds, request.signal_on_parent_death, parent);
  return pid;
}

std::optional<int> poll_exit(pid_t pid) {
  int status = 0;
  const pid_t got = waitpid(pid, &status, WNOHANG);
  if (got == pid) return status;
  if (got < 0 && errno == ECHILD) return 0;  // somebody else's wait took it; it is gone all the same
  return std::nullopt;
}

std::optional<int> wait_exit(pid_t pid, Duration patience) {
  for (const auto until = SteadyClock::now() + patience;; std::this_thread::sleep_for(exit_poll)) {
    if (auto status = poll_exit(pid)) return status;
    if (SteadyClock::now() >= until) return std::nullopt;
  }
}

Status run_to_end(SpawnRequest request, const Identity& identity, Duration patience, std::string& output) {
  FileDescriptor output_read, output_write;
  if (!open_pipe(output_read, output_write)) return Error{Errc::unavailable, "no pipe for a child process"};
  request.output_fd = output_write.get();
  request.signal_on_parent_death = SIGKILL;
  auto pid = spawn(request, identity);
  if (!pid) return pid.error();
  output_write.reset();
  const auto until = SteadyClock::now() + patience;
  std::array<char, 4096> chunk{};
  for (bool open = true; open && SteadyClock::now() < until;) {
    pollfd ready{output_read.get(), POLLIN, 0};
    if (poll(&ready, 1, 100) <= 0) continue;
    const auto n = read(output_read.get(), chunk.data(), chunk.size());
    if (n > 0 && output.size() < output_bytes_max) output.append(chunk.data(), static_cast<std::size_t>(n));
    open = n > 0;
  }
  auto status = wait_exit(*pid, std::max<Duration>(until - SteadyClock::now(), Millis(0)));
  if (!status) {
    kill(*pid, SIGKILL);
    wait_exit(*pid, std::chrono::seconds(5));
    return Error{Errc::deadline_exceeded, request.arguments[0] + " did not finish in time"};
  }
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == exit_cannot_become_user)
    return Error{Errc::permission_denied, "this process may not run programs as user " + identity.user};
  return Error{Errc::unavailable, request.arguments[0] + " failed"};
}

bool can_enter(const std::filesystem::path& directory, const Identity& identity) {
  if (!identity.differs) return access(directory.c_str(), X_OK) == 0;
  const pid_t pid = fork();
  if (pid == 0) _exit(become(identity) && access(directory.c_str(), X_OK) == 0 ? 0 : 1);
  const auto status = pid > 0 ? wait_exit(pid, std::chrono::seconds(10)) : std::nullopt;
  return status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

}  // namespace repartee::persistence
