#include "pipeline/documents/extraction_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include "core/file_descriptor.hpp"
#include "pipeline/documents/extraction_answer.hpp"

namespace repartee::documents {
namespace {

constexpr int stop_check_ms = 100;
constexpr std::size_t answer_overhead_bytes = 4096;  // beside title and text

Error no_process(const char* what) {
  return {Errc::unavailable, std::string("no process to read the document in: ") + what + ": " + std::strerror(errno)};
}
Error did_not_survive(const char* why) {
  return {Errc::data_corrupt,
          std::string("The document could not be read: ") + why + ". It may be damaged; save it anew and upload it again."};
}

// Between fork and exec only async-signal-safe calls.
[[noreturn]] void become_child(const char* program, char* const* arguments, int input, int output, int null_fd, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(null_fd, STDERR_FILENO);
  if (close_range(3, ~0U, 0) != 0)
    for (int fd = 3; fd < 65536; ++fd) close(fd);
  static char locale[] = "LC_ALL=C.UTF-8";
  char* environment[] = {locale, nullptr};
  execve(program, arguments, environment);
  _exit(127);
}

// The child, until it is waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  int wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

// Everything the child says, until it closes its end.
Status read_answer(int fd, Duration time_max, std::size_t bytes_max, const std::function<bool()>& should_stop, std::string& answer) {
  const auto until = SteadyClock::now() + time_max;
  std::vector<char> piece(64 * 1024);
  for (;;) {
    if (should_stop && should_stop()) return Error{Errc::cancelled, "reading the document was called off"};
    const auto left = to_ms(until - SteadyClock::now());
    if (left <= 0) return did_not_survive("that took too long");
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, stop_check_ms))) <= 0) continue;
    const auto n = read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return {};
    answer.append(piece.data(), static_cast<std::size_t>(n));
    if (answer.size() > bytes_max) return did_not_survive("its text does not end");
  }
}

}  // namespace

Result<ExtractedText> ExtractionProcess::extract(DocumentType type, std::string_view bytes,
                                                 const std::function<bool()>& should_stop) const {
  if (type == DocumentType::text || type == DocumentType::markdown) return documents::extract(type, bytes, options_.limits);
  if (bytes.size() > options_.limits.bytes_in_max) return documents::extract(type, bytes, options_.limits);  // says so, and does no more

  const FileDescriptor input(memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (input.get() < 0 || !write_all(input.get(), bytes) || lseek(input.get(), 0, SEEK_SET) != 0) return no_process("its input");
  fcntl(input.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return no_process("its pipe");
  const FileDescriptor from_child(ends[0]);
  FileDescriptor to_us(ends[1]);
  const FileDescriptor null_fd(open("/dev/null", O_RDWR | O_CLOEXEC));

  const auto seconds = std::max<std::int64_t>(1, to_ms(options_.time_max) / 1000);
  std::vector<std::string> words{"repartee",
                                 extraction_command,
                                 to_string(type),
                                 std::to_string(seconds),
                                 std::to_string(options_.memory_bytes_max),
                                 std::to_string(options_.limits.text_bytes_max)};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return no_process("fork");
  if (pid == 0) become_child(options_.program.c_str(), arguments.data(), input.get(), to_us.get(), null_fd.get(), parent);
  Child child(pid);
  to_us.reset();
  std::string answer;
  const auto bytes_max = options_.limits.text_bytes_max + answer_overhead_bytes;
  if (auto heard = read_answer(from_child.get(), options_.time_max, bytes_max, should_stop, answer); !heard) return heard.error();
  const int status = child.wait();
  if (WIFSIGNALED(status))
    return did_not_survive(WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL ? "that took too long" : "the reader failed at it");
  if (WEXITSTATUS(status) == 127) return Error{Errc::unavailable, "the program that reads documents could not be started"};
  return parse_answer(answer);
}

}  // namespace repartee::documents
