// The parts of an Office file, which is a zip archive: checked as a whole before anything is unpacked, then read one by one, in memory.
// Refused: more entries, or more and denser content than the limits say (bombs), names that lead elsewhere, encrypted entries.
// Thread contract: one thread at a time.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/documents/extract.hpp"

namespace repartee::documents {

class ZipParts {
 public:
  static Result<ZipParts> open(std::string_view bytes, const ExtractionLimits& limits);  // `bytes` outlive it
  ~ZipParts();
  ZipParts(ZipParts&&) noexcept;
  bool has(const std::string& name) const;
  Result<std::string> read(const std::string& name) const;  // not_found; data_corrupt; invalid_argument when it grows too large

 private:
  struct Impl;
  explicit ZipParts(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::documents
