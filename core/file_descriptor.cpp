#include "core/file_descriptor.hpp"

#include <unistd.h>

#include <cerrno>

namespace repartee {

void FileDescriptor::reset(int fd) {
  const int kept = errno;
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  errno = kept;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace repartee
