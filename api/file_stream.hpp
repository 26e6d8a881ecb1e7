// A file as the body of an answer, read piece by piece away from the loops. The file is removed at once: it lives as long as it is read.
// Thread contract: as transport::BodyStream says.
#pragma once
#include <memory>
#include <string>

#include "api/blocking.hpp"

namespace repartee::api {

class FileStream final : public transport::BodyStream {
 public:
  static constexpr std::size_t piece_bytes = 256 * 1024;
  static Result<std::shared_ptr<FileStream>> take(const std::string& path, Blocking& blocking);  // unlinks it
  ~FileStream() override;
  std::uint64_t size_bytes() const override { return size_bytes_; }
  void next(Loop& loop, std::function<void(Result<std::string>)> done) override;

 private:
  FileStream(int fd, std::uint64_t size_bytes, Blocking& blocking) : fd_(fd), size_bytes_(size_bytes), blocking_(blocking) {}
  Result<std::string> read();

  const int fd_;
  const std::uint64_t size_bytes_;
  Blocking& blocking_;
};

}  // namespace repartee::api
