// A directory that goes with the object.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace repartee::test {

class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/repartee-test-XXXXXX";
    if (!::mkdtemp(name)) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace repartee::test
