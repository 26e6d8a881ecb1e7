#include "persistence/postgres_tools.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "persistence/cluster_home.hpp"
#include "persistence/subprocess.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_bytes = 1 << 16, error_bytes_max = 2000;
constexpr Duration exit_patience = std::chrono::seconds(30);

bool has_all(const fs::path& bin_dir) {
  for (const char* program : {"pg_dump", "pg_restore", "psql"})
    if (access((bin_dir / program).c_str(), X_OK) != 0) return false;
  return true;
}

fs::path newest_below(const fs::path& root) {
  fs::path best;
  int best_version = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version > best_version && has_all(entry.path() / "bin")) {
      best_version = version;
      best = entry.path() / "bin";
    }
  }
  return best;
}

Status write_private(const fs::path& file, const std::string& text) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return system_error(errno, "cannot write", file);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int code = errno;
  close(fd);
  if (!written) return system_error(code, "cannot write", file);
  return {};
}

std::string passfile_line(const std::string& password) {
  std::string line = "*:*:*:*:";
  for (const char c : password) {
    if (c == ':' || c == '\\') line += '\\';
    line += c;
  }
  return line + "\n";
}

std::string last_words(const fs::path& file) {
  std::ifstream in(file);
  std::string text(error_bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

}  // namespace

Result<PostgresTools> PostgresTools::open(const DatabaseTarget& target, const Options& options) {
  const auto bin_dir = options.bin_dir.empty() ? newest_below(options.bin_root) : options.bin_dir;
  if (bin_dir.empty() || !has_all(bin_dir))
    return Error{Errc::unavailable, "pg_dump, pg_restore and psql are not installed below " + options.bin_root.string() +
                                        ": install the package postgresql-client"};
  std::error_code failed;
  fs::create_directories(options.work_root, failed);
  auto pattern = (fs::absolute(options.work_root) / "backup-work-XXXXXX").string();  // the tools run in another directory
  if (!mkdtemp(pattern.data())) return system_error(errno, "cannot make", pattern);
  auto [conninfo, password] = without_password(target);
  PostgresTools tools(bin_dir, pattern, conninfo);
  if (password.empty()) return tools;
  const auto passfile = tools.work_dir_ / "password";
  if (auto written = write_private(passfile, passfile_line(password)); !written) return written.error();
  tools.conninfo_ = with_keys({conninfo, {}}, {{"passfile", passfile.string()}}).conninfo;
  return tools;
}

PostgresTools::PostgresTools(PostgresTools&& other) noexcept
    : bin_dir_(std::move(other.bin_dir_)), work_dir_(std::exchange(other.work_dir_, {})), conninfo_(std::move(other.conninfo_)) {}

PostgresTools::~PostgresTools() {
  std::error_code ignored;
  if (!work_dir_.empty()) fs::remove_all(work_dir_, ignored);
}

Status PostgresTools::run(const std::string& program, std::vector<std::string> arguments,
                          const std::function<Status(std::string_view)>& output) const {
  const auto error_file = work_dir_ / "errors";
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return Error{Errc::unavailable, "no pipe for a child process"};
  SpawnRequest request;
  request.arguments = std::move(arguments);
  request.arguments.insert(request.arguments.begin(), bin_dir_ / program);
  request.output_fd = pipe_ends[1];
  request.error_fd = ::open(error_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  request.signal_on_parent_death = SIGTERM;
  const auto pid = spawn(request, Identity{});
  close(pipe_ends[1]);
  if (request.error_fd >= 0) close(request.error_fd);
  Status taken;
  std::string chunk(read_bytes, '\0');
  for (ssize_t n = 1; pid.ok() && taken.ok() && n > 0;) {
    n = read(pipe_ends[0], chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) n = 1;
    else if (n > 0) taken = output({chunk.data(), static_cast<std::size_t>(n)});
  }
  close(pipe_ends[0]);
  if (!pid) return pid.error();
  if (!taken) kill(*pid, SIGTERM);
  auto status = wait_exit(*pid, exit_patience);
  if (!status) {
    kill(*pid, SIGKILL);
    status = wait_exit(*pid, exit_patience);
  }
  if (!taken) return taken;
  if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0)
    return Error{Errc::unavailable, program + " failed: " + last_words(error_file)};
  return {};
}

}  // namespace repartee::persistence
