// Writing and reading a tar archive as a stream of members whose size need not be known beforehand: what an operator can look into with
// tar, too. With keys every member is sealed, in pieces, and its name in the archive ends with .sealed; only its size shows. Format: POSIX
// ustar, https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html ("ustar Interchange Format"), sizes from 8 GiB on in GNU's
// base-256 form. Only regular files; reading refuses anything else, and names that lead out of a directory.
// Thread contract: one thread at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "persistence/digest.hpp"
#include "persistence/sealed_bytes.hpp"

namespace repartee::persistence {

struct TarMember {
  std::string name;
  std::uint64_t bytes = 0;  // as they stand in the archive: sealed, where it is
  std::string sha256;       // of them: of what was written, or of what was read so far once the member is read to its end
};

class TarWriter {
 public:
  // A new file, readable by this user only. Under a temporary name until finish().
  static Result<TarWriter> create(const std::filesystem::path& file, std::shared_ptr<const SealingKeys> keys = nullptr);
  TarWriter(TarWriter&& other) noexcept;
  TarWriter& operator=(TarWriter&&) = delete;
  ~TarWriter();  // unfinished: removed

  Status begin(const std::string& name);
  Status append(std::string_view bytes);
  Result<TarMember> end();
  Result<TarMember> add_file(const std::filesystem::path& file, const std::string& name);
  Status finish();  // on the disk, and named
  std::uint64_t bytes() const { return at_; }

 private:
  TarWriter(std::filesystem::path file, std::filesystem::path unfinished, int fd, std::shared_ptr<const SealingKeys> keys);
  Status write_all(std::string_view bytes);
  Status write_content(std::string_view bytes);
  Status seal_piece(bool last);
  std::string stored_name() const;

  std::filesystem::path file_, unfinished_;
  int fd_;
  std::uint64_t at_ = 0, header_at_ = 0;
  TarMember member_;
  Sha256 hash_;
  std::shared_ptr<const SealingKeys> keys_;
  std::string pending_;       // of the member, not yet sealed
  std::uint64_t pieces_ = 0;  // of the member
};

// Errors besides a damaged archive's: permission_denied, sealed with a key that is not there.
class TarReader {
 public:
  static Result<TarReader> open(const std::filesystem::path& file, std::shared_ptr<const SealingKeys> keys = nullptr);
  TarReader(TarReader&& other) noexcept;
  TarReader& operator=(TarReader&&) = delete;
  ~TarReader();

  Result<std::optional<TarMember>> next();          // empty: the end. Skips what was not read.
  Result<std::string> read(std::size_t bytes_max);  // empty: the end of the member. Sealed ones come by the piece
  std::string sha256() { return hash_.hex(); }      // of the member, after its end; once

 private:
  TarReader(int fd, std::shared_ptr<const SealingKeys> keys) : fd_(fd), keys_(std::move(keys)) {}
  Result<std::string> read_exactly(std::size_t bytes);
  Result<std::string> read_content(std::size_t bytes);
  Result<std::string> read_piece();

  int fd_;
  std::uint64_t left_ = 0;  // of the member
  std::size_t padding_ = 0;
  Sha256 hash_;
  std::shared_ptr<const SealingKeys> keys_;
  std::string name_;            // of the member
  std::optional<bool> sealed_;  // all members alike: a forged one would be open
  std::uint64_t pieces_ = 0;    // of the member
};

}  // namespace repartee::persistence
