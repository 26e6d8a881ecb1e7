#include "persistence/tar_archive.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "persistence/cluster_home.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_bytes = 512, read_bytes = 1 << 16;
constexpr std::size_t name_bytes_max = 100, prefix_bytes_max = 155;
constexpr std::string_view sealed_suffix = ".sealed";
constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::uint64_t octal_size_max = 077777777777;

struct Header {
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2], user[32], group[32],
      major[8], minor[8], prefix[155], unused[12];
};
static_assert(sizeof(Header) == block_bytes);

bool is_safe_name(const std::string& name) {
  if (name.empty() || name[0] == '/' || name.find('\0') != std::string::npos) return false;
  for (const auto& part : fs::path(name))
    if (part == ".." || part == "." || part.empty()) return false;
  return true;
}

unsigned checksum_of(Header header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  unsigned sum = 0;
  for (std::size_t i = 0; i < sizeof header; ++i) sum += reinterpret_cast<const unsigned char*>(&header)[i];
  return sum;
}

// "a/b/c" as prefix "a/b" and name "c", where it is too long for the name alone.
bool put_name(Header& header, const std::string& name) {
  if (name.size() <= name_bytes_max) {
    std::memcpy(header.name, name.data(), name.size());
    return true;
  }
  const auto slash = name.rfind('/', prefix_bytes_max);
  if (slash == std::string::npos || name.size() - slash - 1 > name_bytes_max) return false;
  std::memcpy(header.prefix, name.data(), slash);
  std::memcpy(header.name, name.data() + slash + 1, name.size() - slash - 1);
  return true;
}

void put_size(Header& header, std::uint64_t bytes) {
  if (bytes <= octal_size_max) {
    std::snprintf(header.size, sizeof header.size, "%011llo", static_cast<unsigned long long>(bytes));
    return;
  }
  std::memset(header.size, 0, sizeof header.size);
  header.size[0] = static_cast<char>(0x80);
  for (int i = 11; i > 3; --i, bytes >>= 8) header.size[i] = static_cast<char>(bytes & 0xff);
}

bool make_header(Header& header, const TarMember& member) {
  std::memset(&header, 0, sizeof header);
  if (!put_name(header, member.name)) return false;
  std::memcpy(header.mode, "0000600", 8);
  std::memcpy(header.uid, "0000000", 8);
  std::memcpy(header.gid, "0000000", 8);
  put_size(header, member.bytes);
  std::snprintf(header.mtime, sizeof header.mtime, "%011llo", static_cast<unsigned long long>(std::time(nullptr)));
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  std::array<char, 8> sum{};
  std::snprintf(sum.data(), sum.size(), "%06o", checksum_of(header));
  std::memcpy(header.checksum, sum.data(), 7);
  header.checksum[7] = ' ';
  return true;
}

std::optional<std::uint64_t> octal(const char* field, std::size_t bytes) {
  std::uint64_t value = 0;
  std::size_t i = 0;
  while (i < bytes && field[i] == ' ') ++i;
  for (; i < bytes && field[i] != '\0' && field[i] != ' '; ++i) {
    if (field[i] < '0' || field[i] > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(field[i] - '0');
  }
  return value;
}

std::optional<std::uint64_t> size_of(const Header& header) {
  if ((header.size[0] & 0x80) == 0) return octal(header.size, sizeof header.size);
  std::uint64_t value = 0;
  for (int i = 4; i < 12; ++i) value = value << 8 | static_cast<unsigned char>(header.size[i]);
  return value;
}

std::string field(const char* text, std::size_t bytes) { return std::string(text, strnlen(text, bytes)); }

std::size_t padding_of(std::uint64_t bytes) { return static_cast<std::size_t>((block_bytes - bytes % block_bytes) % block_bytes); }

// What authenticates a piece: whose it is, which one, and whether it is the last.
std::string piece_context(const std::string& member, std::uint64_t index, bool last) {
  return "backup:" + member + ":" + std::to_string(index) + (last ? ":last" : "");
}

Error damaged(const char* what) { return {Errc::data_corrupt, std::string("this is no whole backup: ") + what}; }

}  // namespace

Result<TarWriter> TarWriter::create(const fs::path& file, std::shared_ptr<const SealingKeys> keys) {
  std::error_code ignored;
  if (fs::exists(file, ignored)) return Error{Errc::conflict, file.string() + " is there already: give another name"};
  auto unfinished = file;
  unfinished += ".unfinished";
  const int fd = open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error(errno, "cannot write", unfinished);
  return TarWriter(file, unfinished, fd, std::move(keys));
}

TarWriter::TarWriter(fs::path file, fs::path unfinished, int fd, std::shared_ptr<const SealingKeys> keys)
    : file_(std::move(file)), unfinished_(std::move(unfinished)), fd_(fd), keys_(std::move(keys)) {}
TarWriter::TarWriter(TarWriter&& other) noexcept
    : file_(std::move(other.file_)),
      unfinished_(std::move(other.unfinished_)),
      fd_(std::exchange(other.fd_, -1)),
      at_(other.at_),
      header_at_(other.header_at_),
      member_(std::move(other.member_)),
      hash_(std::move(other.hash_)),
      keys_(std::move(other.keys_)),
      pending_(std::move(other.pending_)),
      pieces_(other.pieces_) {}

TarWriter::~TarWriter() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(unfinished_.c_str());
}

Status TarWriter::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, "cannot write", unfinished_);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at_ += static_cast<std::uint64_t>(n);
  }
  return {};
}

// The header says nothing yet: end() puts the size there.
Status TarWriter::begin(const std::string& name) {
  Header header;
  member_ = {name, 0, {}};
  if (!is_safe_name(name) || !make_header(header, {stored_name(), 0, {}}))
    return Error{Errc::invalid_argument, "a file name is too long for tar: " + name};
  hash_ = Sha256();
  pieces_ = 0;
  header_at_ = at_;
  return write_all({reinterpret_cast<const char*>(&header), sizeof header});
}

std::string TarWriter::stored_name() const { return keys_ ? member_.name + std::string(sealed_suffix) : member_.name; }

Status TarWriter::append(std::string_view bytes) {
  if (!keys_) return write_content(bytes);
  while (!bytes.empty()) {
    const auto taken = bytes.substr(0, piece_bytes - pending_.size());
    pending_ += taken;
    bytes.remove_prefix(taken.size());
    if (bytes.empty()) return {};  // a full piece may be the last
    if (auto sealed = seal_piece(false); !sealed) return sealed;
  }
  return {};
}

Status TarWriter::write_content(std::string_view bytes) {
  hash_.update(bytes);
  member_.bytes += bytes.size();
  return write_all(bytes);
}

// Four bytes of length, little-endian, then what SealingKeys makes of it.
Status TarWriter::seal_piece(bool last) {
  auto sealed = keys_->seal(pending_, piece_context(member_.name, pieces_++, last));
  if (!sealed) return sealed.error();
  pending_.clear();
  const auto size = static_cast<std::uint32_t>(sealed->size());
  std::string length;
  for (int shift = 0; shift < 32; shift += 8) length += static_cast<char>(size >> shift & 0xff);
  if (auto written = write_content(length); !written) return written;
  return write_content(*sealed);
}

Result<TarMember> TarWriter::end() {
  if (keys_)
    if (auto sealed = seal_piece(true); !sealed) return sealed.error();
  member_.sha256 = hash_.hex();
  if (auto padded = write_all(std::string(padding_of(member_.bytes), '\0')); !padded) return padded.error();
  Header header;
  make_header(header, {stored_name(), member_.bytes, {}});
  if (pwrite(fd_, &header, sizeof header, static_cast<off_t>(header_at_)) != static_cast<ssize_t>(sizeof header))
    return system_error(errno, "cannot write", unfinished_);
  return member_;
}

Result<TarMember> TarWriter::add_file(const fs::path& file, const std::string& name) {
  const int in = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (in < 0) return system_error(errno, "cannot read", file);
  auto status = begin(name);
  std::string chunk(read_bytes, '\0');
  for (ssize_t n = 1; status.ok() && n > 0;) {
    n = read(in, chunk.data(), chunk.size());
    if (n < 0) status = system_error(errno, "cannot read", file);
    if (n > 0) status = append({chunk.data(), static_cast<std::size_t>(n)});
  }
  close(in);
  if (!status) return status.error();
  return end();
}

Status TarWriter::finish() {
  if (auto written = write_all(std::string(2 * block_bytes, '\0')); !written) return written;
  if (fsync(fd_) != 0) return system_error(errno, "cannot make durable", unfinished_);
  // link, not rename: what may have appeared there meanwhile is not replaced.
  if (link(unfinished_.c_str(), file_.c_str()) != 0) return system_error(errno, "cannot name", file_);
  unlink(unfinished_.c_str());
  close(std::exchange(fd_, -1));
  return sync_directory(file_.has_parent_path() ? file_.parent_path() : fs::path("."));
}

Result<TarReader> TarReader::open(const fs::path& file, std::shared_ptr<const SealingKeys> keys) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(errno, "cannot read", file);
  return TarReader(fd, std::move(keys));
}
TarReader::TarReader(TarReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      left_(other.left_),
      padding_(other.padding_),
      hash_(std::move(other.hash_)),
      keys_(std::move(other.keys_)),
      name_(std::move(other.name_)),
      sealed_(other.sealed_),
      pieces_(other.pieces_) {}
TarReader::~TarReader() {
  if (fd_ >= 0) close(fd_);
}

Result<std::string> TarReader::read_exactly(std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t got = 0; got < bytes;) {
    const auto n = ::read(fd_, out.data() + got, bytes - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{Errc::unavailable, std::string("cannot read the backup: ") + std::strerror(errno)};
    if (n == 0) return damaged("it ends too early");
    got += static_cast<std::size_t>(n);
  }
  return out;
}

Result<std::optional<TarMember>> TarReader::next() {
  while (left_ > 0)
    if (auto skipped = read_content(std::min<std::uint64_t>(left_, read_bytes)); !skipped) return skipped.error();
  if (auto skipped = read_exactly(std::exchange(padding_, 0)); !skipped) return skipped.error();
  auto block = read_exactly(block_bytes);
  if (!block) return block.error();
  if (block->find_first_not_of('\0') == std::string::npos) return std::optional<TarMember>();
  Header header;
  std::memcpy(&header, block->data(), sizeof header);
  const auto sum = octal(header.checksum, sizeof header.checksum);
  const auto bytes = size_of(header);
  if (!sum || *sum != checksum_of(header) || !bytes || std::memcmp(header.magic, "ustar", 5) != 0) return damaged("a header is wrong");
  const auto prefix = field(header.prefix, sizeof header.prefix);
  TarMember member{(prefix.empty() ? "" : prefix + "/") + field(header.name, sizeof header.name), *bytes, {}};
  if ((header.type != '0' && header.type != '\0') || !is_safe_name(member.name)) return damaged("it holds something that is no plain file");
  const bool sealed = member.name.ends_with(sealed_suffix);
  if (sealed) member.name.resize(member.name.size() - sealed_suffix.size());
  if (std::exchange(sealed_, sealed).value_or(sealed) != sealed) return damaged("some of it is encrypted, and some is not");
  if (sealed && !keys_)
    return Error{Errc::permission_denied, "the backup is encrypted: configure the key file it was made with ([storage] key_file)"};
  left_ = *bytes;
  padding_ = padding_of(*bytes);
  hash_ = Sha256();
  name_ = member.name;
  pieces_ = 0;
  return std::optional<TarMember>(std::move(member));
}

Result<std::string> TarReader::read(std::size_t bytes_max) {
  if (left_ == 0) return std::string();
  return *sealed_ ? read_piece() : read_content(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes_max)));
}

Result<std::string> TarReader::read_content(std::size_t bytes) {
  auto chunk = read_exactly(bytes);
  if (!chunk) return chunk;
  hash_.update(*chunk);
  left_ -= bytes;
  return chunk;
}

Result<std::string> TarReader::read_piece() {
  constexpr std::size_t length_bytes = 4;
  if (left_ < length_bytes) return damaged("a sealed part ends too early");
  auto length = read_content(length_bytes);
  if (!length) return length;
  std::uint32_t size = 0;
  for (int i = 3; i >= 0; --i) size = size << 8 | static_cast<unsigned char>((*length)[static_cast<std::size_t>(i)]);
  if (size > left_ || size > piece_bytes + SealingKeys::overhead_bytes) return damaged("a sealed part is longer than it can be");
  auto sealed = read_content(size);
  if (!sealed) return sealed;
  auto plain = keys_->open(*sealed, piece_context(name_, pieces_++, left_ == 0));
  if (plain) return plain;
  if (plain.error().code != Errc::not_found) return damaged("a sealed part does not open");
  return Error{Errc::permission_denied, "the backup was encrypted with the key \"" + SealingKeys::key_id_of(*sealed) +
                                            "\", which is not in the key file: add it there, below the present one"};
}

}  // namespace repartee::persistence
