// The few operations on files that the journal needs, as an interface, so that tests can make a disk full, short or forgetful.
// Thread contract: one thread writes (create, JournalFile, prepare); another may read, list, rename, remove and overwrite at the same time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::persistence {

class JournalFile {  // open for appending; closed by the destructor
 public:
  virtual ~JournalFile() = default;
  virtual Result<std::size_t> write(std::string_view bytes) = 0;  // at the end; how many were taken, which may be fewer than given
  virtual Status sync() = 0;                                      // what was written survives a power cut
  virtual Status truncate(std::uint64_t bytes) = 0;
};

class JournalFiles {
 public:
  struct Entry {
    std::string name;
    std::uint64_t bytes = 0;
  };
  virtual ~JournalFiles() = default;
  virtual Status prepare(const std::filesystem::path& directory) = 0;  // makes it, and locks it for as long as the object lives: conflict
  virtual Result<std::vector<Entry>> list(const std::filesystem::path& directory) = 0;          // regular files
  virtual Result<std::unique_ptr<JournalFile>> create(const std::filesystem::path& file) = 0;   // must be new; its name is durable
  virtual Result<std::string> read(const std::filesystem::path& file, std::uint64_t offset, std::size_t bytes_max) = 0;  // fewer: the end
  virtual Status truncate(const std::filesystem::path& file, std::uint64_t bytes) = 0;
  virtual Status overwrite(const std::filesystem::path& file, std::string_view bytes) = 0;  // from the start, in place: needs no free space
  virtual Status rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual Status remove(const std::filesystem::path& file) = 0;
};

std::unique_ptr<JournalFiles> system_journal_files();

}  // namespace repartee::persistence
