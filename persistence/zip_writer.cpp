#include "persistence/zip_writer.hpp"

#include <zlib.h>

#include <array>
#include <ctime>

namespace repartee::persistence {
namespace {

constexpr std::uint32_t full_32 = 0xFFFFFFFF;
constexpr std::uint16_t full_16 = 0xFFFF, flags = 0x0808;  // sizes follow the data; names are UTF-8
constexpr std::uint16_t version_20 = 20, version_zip64 = 45, made_on_unix = 3 << 8, method_deflate = 8, zip64_extra = 1;
constexpr std::uint32_t mode_owner_only = 0100600U << 16;

class Bytes {
 public:
  Bytes& u16(std::uint64_t value) { return little_endian(value, 2); }
  Bytes& u32(std::uint64_t value) { return little_endian(value, 4); }
  Bytes& u64(std::uint64_t value) { return little_endian(value, 8); }
  Bytes& text(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  Bytes& little_endian(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8 * i) & 0xFF);
    return *this;
  }
  std::string bytes_;
};

struct Entry {
  std::string name;
  std::uint64_t offset = 0, compressed = 0, plain = 0;
  std::uint32_t crc = 0;
};

bool stays_inside(std::string_view name) {
  if (name.empty() || name.size() > ZipWriter::name_bytes_max || name.front() == '/' || name.find('\\') != name.npos ||
      name.find('\0') != name.npos)
    return false;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    if (const auto part = name.substr(at, end - at); part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

struct ZipWriter::Impl {
  Impl(ByteSink to, WallTime time, std::uint64_t offset) : sink(std::move(to)), written(offset), first(offset) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    dos_time = static_cast<std::uint32_t>(utc.tm_hour << 11 | utc.tm_min << 5 | utc.tm_sec / 2);
    dos_date = static_cast<std::uint32_t>((utc.tm_year - 80) << 9 | (utc.tm_mon + 1) << 5 | utc.tm_mday);
    // -15: raw deflate, as zip has it
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  ~Impl() { deflateEnd(&stream); }

  Status put(const std::string& bytes) {
    written += bytes.size();
    return sink(bytes);
  }

  Status compress(std::string_view bytes, int flush) {
    auto& entry = entries.back();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    int state = Z_OK;
    do {
      stream.next_out = reinterpret_cast<Bytef*>(block.data());
      stream.avail_out = static_cast<uInt>(block.size());
      state = deflate(&stream, flush);
      const std::size_t made = block.size() - stream.avail_out;
      entry.compressed += made;
      written += made;
      if (made > 0)
        if (auto status = sink({block.data(), made}); !status) return status;
    } while (stream.avail_out == 0 || (flush == Z_FINISH && state != Z_STREAM_END));
    return {};
  }

  Status end_entry() {
    if (!open) return {};
    open = false;
    if (auto status = compress({}, Z_FINISH); !status) return status;
    deflateReset(&stream);
    const auto& entry = entries.back();
    return put(Bytes().u32(0x08074b50).u32(entry.crc).u32(entry.compressed).u32(entry.plain).str());
  }

  Bytes& directory_entry(Bytes& out, const Entry& entry) const {
    const bool far = entry.offset >= full_32;
    out.u32(0x02014b50).u16(made_on_unix | version_zip64).u16(far ? version_zip64 : version_20).u16(flags).u16(method_deflate);
    out.u16(dos_time).u16(dos_date).u32(entry.crc).u32(entry.compressed).u32(entry.plain);
    out.u16(entry.name.size())
        .u16(far ? 12 : 0)
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(mode_owner_only)
        .u32(far ? full_32 : entry.offset)
        .text(entry.name);
    if (far) out.u16(zip64_extra).u16(8).u64(entry.offset);
    return out;
  }

  const ByteSink sink;
  std::uint64_t written;
  const std::uint64_t first;
  std::uint32_t dos_time = 0, dos_date = 0;
  z_stream stream{};
  std::array<char, 64 * 1024> block{};
  std::vector<Entry> entries;
  bool open = false;
};

ZipWriter::ZipWriter(ByteSink sink, WallTime time, std::uint64_t offset) : impl_(std::make_unique<Impl>(std::move(sink), time, offset)) {}
ZipWriter::~ZipWriter() = default;

std::uint64_t ZipWriter::entry_bytes() const { return impl_->open ? impl_->entries.back().plain : 0; }
std::uint64_t ZipWriter::bytes() const { return impl_->written - impl_->first; }

Status ZipWriter::begin(std::string_view name) {
  if (!stays_inside(name)) return Error{Errc::invalid_argument, "not a name for an entry of an archive"};
  if (impl_->entries.size() >= entries_max) return Error{Errc::resource_exhausted, "the archive has too many entries"};
  if (auto status = impl_->end_entry(); !status) return status;
  impl_->entries.push_back({std::string(name), impl_->written});
  impl_->entries.back().crc = static_cast<std::uint32_t>(crc32(0, nullptr, 0));
  impl_->open = true;
  Bytes header;
  header.u32(0x04034b50).u16(version_20).u16(flags).u16(method_deflate).u16(impl_->dos_time).u16(impl_->dos_date);
  header.u32(0).u32(0).u32(0).u16(name.size()).u16(0).text(name);
  return impl_->put(header.str());
}

Status ZipWriter::write(std::string_view bytes) {
  if (!impl_->open) return Error{Errc::internal, "no entry is open"};
  auto& entry = impl_->entries.back();
  if (entry.plain + bytes.size() > entry_bytes_max) return Error{Errc::resource_exhausted, "an entry of the archive is too large"};
  if (bytes.empty()) return {};
  entry.plain += bytes.size();
  entry.crc = static_cast<std::uint32_t>(crc32_z(entry.crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  return impl_->compress(bytes, Z_NO_FLUSH);
}

Status ZipWriter::finish() {
  if (auto status = impl_->end_entry(); !status) return status;
  const std::uint64_t start = impl_->written, count = impl_->entries.size();
  for (const auto& entry : impl_->entries) {
    Bytes out;
    if (auto status = impl_->put(impl_->directory_entry(out, entry).str()); !status) return status;
  }
  const std::uint64_t end = impl_->written, size = end - start;
  Bytes out;
  if (end >= full_32) {
    out.u32(0x06064b50)
        .u64(44)
        .u16(made_on_unix | version_zip64)
        .u16(version_zip64)
        .u32(0)
        .u32(0)
        .u64(count)
        .u64(count)
        .u64(size)
        .u64(start);
    out.u32(0x07064b50).u32(0).u64(end).u32(1);
  }
  const bool far = end >= full_32;
  out.u32(0x06054b50).u16(0).u16(0).u16(far ? full_16 : count).u16(far ? full_16 : count);
  out.u32(far ? full_32 : size).u32(far ? full_32 : start).u16(0);
  return impl_->put(out.str());
}

}  // namespace repartee::persistence
