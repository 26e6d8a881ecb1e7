// The extracting child as a program of its own, for tests: `repartee extract-document` without the rest of repartee. A page that begins
// with
// "<!-- test: ... -->" makes it misbehave as a broken library would.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "pipeline/documents/extraction_process.hpp"

namespace repartee::documents {

// In the place of the one of html.cpp, which this program does not link.
Result<ExtractedText> extract_html(std::string_view bytes, const ExtractionLimits& limits) {
  constexpr std::string_view asked = "<!-- test: ";
  if (!bytes.starts_with(asked)) return extract_text(bytes.substr(bytes.find('>') + 1), limits);
  bytes.remove_prefix(asked.size());
  if (bytes.starts_with("crash")) std::abort();
  if (bytes.starts_with("spin"))
    for (volatile bool on = true; on;) {}
  if (bytes.starts_with("sleep")) std::this_thread::sleep_for(std::chrono::hours(1));
  if (bytes.starts_with("memory"))
    for (std::vector<std::string> kept;;) kept.emplace_back(16 * 1024 * 1024, 'x');
  int descriptors = 0;
  for (int fd = 0; fd < 64; ++fd) descriptors += fcntl(fd, F_GETFD) >= 0;
  signal(SIGXFSZ, SIG_IGN);
  char name[] = "/tmp/extraction-test-XXXXXX";
  const int file = mkstemp(name);
  const auto written = file >= 0 ? write(file, "x", 1) : -1;
  if (file >= 0) unlink(name);
  const int made = fork();
  if (made == 0) _exit(0);
  const bool reads = open("/etc/passwd", O_RDONLY) >= 0, connects = socket(AF_INET, SOCK_STREAM, 0) >= 0;
  return ExtractedText{"descriptors " + std::to_string(descriptors) + ", written " + std::to_string(written > 0 ? written : 0) +
                           (made < 0 ? ", no child" : ", a child") + (connects ? ", a socket" : ", no socket") +
                           (reads ? ", a file" : ", no file"),
                       "", 0};
}

}  // namespace repartee::documents

int main(int argc, char** argv) {
  if (argc < 2 || std::strcmp(argv[1], repartee::documents::extraction_command) != 0) return 2;
  return repartee::documents::run_extraction(argc - 2, argv + 2);
}
