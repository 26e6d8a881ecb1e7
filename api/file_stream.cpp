#include "api/file_stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace repartee::api {

Result<std::shared_ptr<FileStream>> FileStream::take(const std::string& path, Blocking& blocking) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ::unlink(path.c_str());
  struct stat about {};
  if (fd < 0 || ::fstat(fd, &about) != 0) {
    if (fd >= 0) ::close(fd);
    return Error{Errc::unavailable, "the file cannot be read"};
  }
  return std::shared_ptr<FileStream>(new FileStream(fd, static_cast<std::uint64_t>(about.st_size), blocking));
}

FileStream::~FileStream() { ::close(fd_); }

// One piece at a time is asked for, so that nobody else reads meanwhile.
Result<std::string> FileStream::read() {
  std::string piece(piece_bytes, '\0');
  ssize_t bytes = 0;
  do bytes = ::read(fd_, piece.data(), piece.size());
  while (bytes < 0 && errno == EINTR);
  if (bytes < 0) return Error{Errc::unavailable, "the file cannot be read"};
  piece.resize(static_cast<std::size_t>(bytes));
  return piece;
}

void FileStream::next(Loop& loop, std::function<void(Result<std::string>)> done) {
  const auto self = std::static_pointer_cast<FileStream>(shared_from_this());
  blocking_.run<std::string>(loop, [self] { return self->read(); }, std::move(done));
}

}  // namespace repartee::api
