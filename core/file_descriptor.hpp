// A file descriptor that is closed with its object.
// Thread contract: one thread at a time.
#pragma once
#include <string_view>
#include <utility>

namespace repartee {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}  // as open() and its like return it: negative is none
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset(int fd = -1);                           // keeps errno
  int release() { return std::exchange(fd_, -1); }  // to somebody else, who closes it

 private:
  int fd_;
};

bool write_all(int fd, std::string_view bytes);  // false: errno tells

}  // namespace repartee
