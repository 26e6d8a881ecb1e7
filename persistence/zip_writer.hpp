// Writes a zip archive as a stream, never holding more than a block of it: entries deflated, sizes in data descriptors, ZIP64 where the
// archive outgrows 4 GiB (APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16). libzip can read what this writes, but not write without a file to
// go back in, so it is of no use for an answer that is sent while it is made. Thread contract: one thread at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace repartee::persistence {

using ByteSink = std::function<Status(std::string_view bytes)>;

class ZipWriter {
 public:
  static constexpr std::uint64_t entry_bytes_max = 2ULL * 1024 * 1024 * 1024;  // before compression; resource_exhausted beyond it
  static constexpr std::size_t entries_max = 60'000;
  static constexpr std::size_t name_bytes_max = 512;

  // `offset`: how many bytes the sink has taken before, when the archive follows something else.
  ZipWriter(ByteSink sink, WallTime time, std::uint64_t offset = 0);
  ~ZipWriter();

  Status begin(std::string_view name);  // ends the entry before it. invalid_argument: a name that is empty, absolute or leaves the archive
  Status write(std::string_view bytes);
  Status finish();                    // the directory; nothing may follow
  std::uint64_t entry_bytes() const;  // of the open entry, before compression
  std::uint64_t bytes() const;        // written to the sink

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::persistence
