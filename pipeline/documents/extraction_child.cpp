// The child's side of extraction_process.hpp.
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <new>

#include "pipeline/documents/extraction_answer.hpp"
#include "pipeline/documents/extraction_process.hpp"
#include "pipeline/documents/sandbox.hpp"

namespace repartee::documents {
namespace {

constexpr int exit_failed = 1;
constexpr id_t nobody = 65534;
constexpr std::size_t stack_bytes = 64 * 1024 * 1024;  // the parsers recurse
constexpr rlim_t open_files_max = 64;                  // poppler's tables of character sets
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_can_be_limited = false;  // a sanitizer reserves terabytes
#else
constexpr bool memory_can_be_limited = true;
#endif

struct Order {
  DocumentType type = DocumentType::pdf;
  std::size_t seconds_max = 0, memory_bytes_max = 0;
  ExtractionLimits limits;
};

bool read_number(const char* text, std::size_t& value) {
  const char* end = text + std::strlen(text);
  const auto [rest, bad] = std::from_chars(text, end, value);
  return bad == std::errc() && rest == end && value > 0;
}

void limit(decltype(RLIMIT_CPU) what, rlim_t value) {
  const rlimit both{value, value};
  setrlimit(what, &both);
}

// What it needs is one core for a while, some memory, and to read the tables that its libraries came with.
bool give_up_rights(const Order& order) {
  if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody) != 0)) return false;
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // anew: changing the user cleared it
  if (getppid() != parent) return false;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  limit(RLIMIT_CPU, order.seconds_max);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);  // no file is written; a pipe is none
  limit(RLIMIT_NOFILE, open_files_max);
  if (memory_can_be_limited) limit(RLIMIT_AS, order.memory_bytes_max);
  if (memory_can_be_limited) enter_sandbox();  // a sanitizer wants to see more of the system
  return true;
}

struct Work {
  Order order;
  std::string_view bytes;
  std::string answer;
};

void* extract_on_large_stack(void* argument) {
  auto& work = *static_cast<Work*>(argument);
  try {
    work.answer = write_answer(extract(work.order.type, work.bytes, work.order.limits));
  } catch (const std::bad_alloc&) {
    work.answer = write_answer(Error{Errc::data_corrupt, "The document takes too much memory to read."});
  } catch (const std::exception&) {
    work.answer = write_answer(Error{Errc::data_corrupt, "The document is damaged and could not be read."});
  }
  return nullptr;
}

bool run(Work& work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread{};
  if (pthread_create(&thread, &attributes, extract_on_large_stack, &work) != 0) return false;
  return pthread_join(thread, nullptr) == 0;
}

}  // namespace

int run_extraction(int argc, const char* const* argv) {
  Work work;
  auto& order = work.order;
  const auto type = argc == 4 ? type_named(argv[0]) : Result<DocumentType>(Error{Errc::invalid_argument, "four arguments"});
  if (!type || !read_number(argv[1], order.seconds_max) || !read_number(argv[2], order.memory_bytes_max) ||
      !read_number(argv[3], order.limits.text_bytes_max))
    return exit_failed;
  order.type = *type;
  struct stat info {};
  if (fstat(STDIN_FILENO, &info) != 0 || info.st_size <= 0) return exit_failed;
  const auto size = static_cast<std::size_t>(info.st_size);
  void* document = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
  if (document == MAP_FAILED || !give_up_rights(order)) return exit_failed;
  order.limits.bytes_in_max = size;  // the parent has judged it
  work.bytes = {static_cast<const char*>(document), size};
  if (!run(work)) return exit_failed;
  for (std::string_view rest = work.answer; !rest.empty();) {
    const auto n = write(STDOUT_FILENO, rest.data(), rest.size());
    if (n <= 0) return exit_failed;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  _exit(0);  // nothing to tidy up, and what the document did to the heap need not be found out
}

}  // namespace repartee::documents
