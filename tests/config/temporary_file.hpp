// A file that lasts as long as the object.
// Thread contract: one thread.
#pragma once
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace repartee::testing_support {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int file = ::mkstemp(path_.data());
    if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
    ::close(file);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/repartee-test-XXXXXX";
};

}  // namespace repartee::testing_support
