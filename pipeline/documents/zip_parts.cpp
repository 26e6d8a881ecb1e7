#include "pipeline/documents/zip_parts.hpp"

#include <zip.h>

#include <array>

namespace repartee::documents {
namespace {

constexpr std::size_t ratio_free_bytes = 1024 * 1024;  // small files of blanks compress well and hurt nobody

Error damaged() { return {Errc::data_corrupt, "The document is damaged and could not be unpacked."}; }
Error bomb() { return {Errc::invalid_argument, "The document unpacks to far more than a document holds, and is refused."}; }

bool leads_elsewhere(std::string_view name) {
  if (name.empty() || name.starts_with('/') || name.find('\\') != std::string_view::npos || name.find(':') != std::string_view::npos)
    return true;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    if (name.substr(at, end - at) == "..") return true;
    at = end + 1;
  }
  return false;
}

bool too_dense(std::uint64_t packed, std::uint64_t unpacked, const ExtractionLimits& limits) {
  return unpacked > ratio_free_bytes && unpacked / limits.zip_ratio_max > packed;
}

}  // namespace

struct ZipParts::Impl {
  explicit Impl(const ExtractionLimits& l) : limits(l) {}
  ~Impl() {
    if (archive) zip_discard(archive);
  }
  Status check() const;
  const ExtractionLimits limits;
  zip_t* archive = nullptr;
};

Status ZipParts::Impl::check() const {
  const auto entries = zip_get_num_entries(archive, 0);
  if (entries <= 0) return damaged();
  if (static_cast<std::size_t>(entries) > limits.zip_entries_max) return bomb();
  std::uint64_t total = 0;
  for (zip_int64_t i = 0; i < entries; ++i) {
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &info) != 0 || (info.valid & ZIP_STAT_NAME) == 0) return damaged();
    if (leads_elsewhere(info.name))
      return Error{Errc::invalid_argument, "The document holds file names that lead out of it, and is refused."};
    if ((info.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && info.encryption_method != ZIP_EM_NONE)
      return Error{Errc::invalid_argument, "The document is protected by a password; save it without one and upload it again."};
    if (too_dense(info.comp_size, info.size, limits) || info.size > limits.zip_total_bytes_max) return bomb();
    total += info.size;
    if (total > limits.zip_total_bytes_max) return bomb();
  }
  return {};
}

ZipParts::ZipParts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZipParts::~ZipParts() = default;
ZipParts::ZipParts(ZipParts&&) noexcept = default;

Result<ZipParts> ZipParts::open(std::string_view bytes, const ExtractionLimits& limits) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_error_fini(&error);
  if (!source) return damaged();
  auto impl = std::make_unique<Impl>(limits);
  impl->archive = zip_open_from_source(source, ZIP_RDONLY, nullptr);
  if (!impl->archive) {
    zip_source_free(source);
    return damaged();
  }
  if (auto fine = impl->check(); !fine) return fine.error();
  return ZipParts(std::move(impl));
}

bool ZipParts::has(const std::string& name) const { return zip_name_locate(impl_->archive, name.c_str(), 0) >= 0; }

Result<std::string> ZipParts::read(const std::string& name) const {
  const auto index = zip_name_locate(impl_->archive, name.c_str(), 0);
  if (index < 0) return Error{Errc::not_found, "The document has no part " + name};
  zip_stat_t info;
  zip_stat_init(&info);
  zip_stat_index(impl_->archive, static_cast<zip_uint64_t>(index), 0, &info);
  if (info.size > impl_->limits.zip_part_bytes_max) return bomb();
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(impl_->archive, static_cast<zip_uint64_t>(index), 0),
                                                               zip_fclose);
  if (!file) return damaged();
  std::string content;
  std::array<char, 64 * 1024> piece;
  for (;;) {
    const auto n = zip_fread(file.get(), piece.data(), piece.size());
    if (n < 0) return damaged();
    if (n == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(n));
    // What was declared need not be what comes.
    if (content.size() > impl_->limits.zip_part_bytes_max || too_dense(info.comp_size, content.size(), impl_->limits)) return bomb();
  }
}

}  // namespace repartee::documents
