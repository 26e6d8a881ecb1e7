#include "cache/blob_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/file_descriptor.hpp"
#include "core/ids.hpp"
#include "core/log.hpp"
#include "persistence/cluster_home.hpp"
#include "persistence/digest.hpp"

namespace repartee::cache {
namespace {

using persistence::SealingKeys;
using persistence::sync_directory;
namespace fs = std::filesystem;

constexpr std::string_view magic = "RPB1";
constexpr std::size_t digest_chars = 64, kind_chars_max = 32, uuid_chars = 36;
constexpr std::size_t header_bytes = magic.size() + digest_chars;

Error disk_error(int code, const std::string& doing, const fs::path& path) { return persistence::system_error(code, doing, path); }

Status make_directories(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) return disk_error(failed.value(), "cannot make", path);
  return {};
}

Status write_durably(const fs::path& path, std::string_view bytes) {
  Status status;
  {
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return disk_error(errno, "cannot make", path);
    if (!write_all(file.get(), bytes) || ::fsync(file.get()) != 0) status = disk_error(errno, "cannot write", path);
  }
  if (!status) ::unlink(path.c_str());
  return status ? sync_directory(path.parent_path()) : status;
}

Result<std::string> read_whole(const fs::path& path, std::size_t bytes_max) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno == ENOENT) return Error{Errc::not_found, "there is no such blob"};
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return disk_error(errno, "cannot read", path);
  if (static_cast<std::size_t>(info.st_size) > bytes_max) return Error{Errc::data_corrupt, "a blob is larger than one can be"};
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = ::read(file.get(), bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(errno, "cannot read", path);
    if (n == 0) return Error{Errc::data_corrupt, "a blob became shorter while it was read"};
    at += static_cast<std::size_t>(n);
  }
  return bytes;
}

// The id of the key a blob's file was sealed with, from its first bytes.
std::string key_id_in(const fs::path& path) {
  std::array<char, 16> head{};
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const auto n = file ? ::read(file.get(), head.data(), head.size()) : 0;
  return SealingKeys::key_id_of(std::string_view(head.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
}

}  // namespace

bool is_blob_key(std::string_view key) {
  if (key.size() < uuid_chars + 2 || key.size() > uuid_chars + 1 + kind_chars_max) return false;
  const auto kind = key.substr(0, key.size() - uuid_chars - 1);
  return std::all_of(kind.begin(), kind.end(), [](char c) { return c >= 'a' && c <= 'z'; }) && key[kind.size()] == '-' &&
         is_uuid(key.substr(kind.size() + 1));
}

Result<std::unique_ptr<DirectoryBlobStore>> DirectoryBlobStore::open(Options options, Metrics& metrics) {
  if (auto made = make_directories(options.root / "staging"); !made) return made.error();
  return std::unique_ptr<DirectoryBlobStore>(new DirectoryBlobStore(std::move(options), metrics));
}

DirectoryBlobStore::DirectoryBlobStore(Options options, Metrics& metrics)
    : options_(std::move(options)),
      written_bytes_(metrics.counter("repartee_blob_written_bytes_total", "bytes of blobs written")),
      corrupt_(metrics.counter("repartee_blob_corrupt_total", "blobs whose checksum did not hold when they were read")),
      removed_(metrics.counter("repartee_blob_removed_total", "blobs removed")) {}

// A uuid's last digits are random, its first ones are the time: those would put a day's blobs into one directory.
fs::path DirectoryBlobStore::published(const std::string& key) const {
  const std::size_t n = key.size();
  return options_.root / key.substr(n - 4, 2) / key.substr(n - 2, 2) / key;
}

Result<BlobInfo> DirectoryBlobStore::stage(std::string_view kind, std::string_view content) {
  BlobInfo info{std::string(kind) + '-' + new_uuid(), persistence::sha256_hex(content), content.size()};
  if (!is_blob_key(info.key)) return Error{Errc::invalid_argument, "a blob's kind is 1 to 32 lower-case letters"};
  if (content.size() > options_.blob_bytes_max)
    return Error{Errc::invalid_argument, "a blob may have at most " + std::to_string(options_.blob_bytes_max) + " bytes"};
  auto bytes = in_file_form(info.key, content, info.checksum);
  if (!bytes) return bytes.error();
  if (auto written = write_durably(staged(info.key), *bytes); !written) return written.error();
  written_bytes_.add(static_cast<double>(content.size()));
  return info;
}

// Sealed, the checksum too: it would tell which content this is.
Result<std::string> DirectoryBlobStore::in_file_form(const std::string& key, std::string_view content, const std::string& checksum) const {
  auto bytes = std::string(magic) + checksum;
  bytes += content;
  if (!options_.keys) return bytes;
  return options_.keys->seal(bytes, key);
}

Status DirectoryBlobStore::publish(const std::string& key) {
  if (!is_blob_key(key)) return Error{Errc::invalid_argument, "not a blob's key"};
  const fs::path from = staged(key), to = published(key);
  if (auto made = make_directories(to.parent_path()); !made) return made;
  if (::rename(from.c_str(), to.c_str()) != 0) {
    if (errno == ENOENT && ::access(to.c_str(), F_OK) == 0) return {};
    if (errno == ENOENT) return Error{Errc::not_found, "there is no such blob"};
    return disk_error(errno, "cannot rename", from);
  }
  // The new directories too, down from the root.
  for (const auto& directory : {options_.root, to.parent_path().parent_path(), to.parent_path()})
    if (auto synced = sync_directory(directory); !synced) return synced;
  return {};
}

Result<std::string> DirectoryBlobStore::read(const std::string& key) {
  if (!is_blob_key(key)) return Error{Errc::invalid_argument, "not a blob's key"};
  const std::size_t file_bytes_max = options_.blob_bytes_max + header_bytes + SealingKeys::overhead_bytes;
  auto bytes = read_whole(published(key), file_bytes_max);
  if (!bytes && bytes.error().code == Errc::not_found) bytes = read_whole(staged(key), file_bytes_max);
  if (!bytes && bytes.error().code == Errc::not_found) bytes = read_whole(published(key), file_bytes_max);  // it was published meanwhile
  if (!bytes) return bytes;
  const auto corrupt = [&](const char* why) {
    corrupt_.add();
    log::error("blobs", "a blob is damaged", {{"blob", key}, {"why", why}});
    return Error{Errc::data_corrupt, "the blob is damaged"};
  };
  if (SealingKeys::is_sealed(*bytes)) {
    if (!options_.keys) return Error{Errc::not_found, "the blob is encrypted and there is no key file"};
    bytes = options_.keys->open(*bytes, key);
    if (!bytes) return bytes.error().code == Errc::data_corrupt ? corrupt("it does not decrypt") : bytes.error();
  }
  const std::string_view file(*bytes);
  if (file.size() < header_bytes || !file.starts_with(magic)) return corrupt("its header is none");
  const auto content = file.substr(header_bytes);
  if (persistence::sha256_hex(content) != file.substr(magic.size(), digest_chars)) return corrupt("its checksum does not hold");
  return std::string(content);
}

Status DirectoryBlobStore::remove(const std::string& key) {
  if (!is_blob_key(key)) return Error{Errc::invalid_argument, "not a blob's key"};
  for (const auto& path : {staged(key), published(key)}) {
    if (::unlink(path.c_str()) == 0) removed_.add();
    else if (errno != ENOENT) return disk_error(errno, "cannot remove", path);
  }
  return {};
}

Result<BlobStore::Swept> DirectoryBlobStore::sweep(const Referenced& referenced, Duration grace) {
  Swept swept;
  std::vector<fs::path> old;
  std::error_code failed;
  const auto before = fs::file_time_type::clock::now() - std::chrono::duration_cast<fs::file_time_type::duration>(grace);
  for (auto at = fs::recursive_directory_iterator(options_.root, failed); !failed && at != fs::recursive_directory_iterator();
       at.increment(failed)) {
    std::error_code gone;  // a file may be removed or published while we look
    if (!at->is_regular_file(gone) || at->is_symlink(gone) || !is_blob_key(at->path().filename().string())) continue;
    if (at->last_write_time(gone) > before || gone) continue;
    old.push_back(at->path());
    if (old.size() < options_.sweep_batch) continue;
    if (auto done = sweep_batch(old, referenced, swept); !done) return done.error();
  }
  if (failed) return disk_error(failed.value(), "cannot list", options_.root);
  if (auto done = sweep_batch(old, referenced, swept); !done) return done.error();
  if (swept.removed + swept.published > 0)
    log::info("blobs", "swept", {{"kept", swept.kept}, {"removed", swept.removed}, {"published", swept.published}});
  return swept;
}

Result<std::vector<fs::path>> DirectoryBlobStore::all_files() const {
  std::vector<fs::path> files;
  std::error_code failed;
  for (auto at = fs::recursive_directory_iterator(options_.root, failed); !failed && at != fs::recursive_directory_iterator();
       at.increment(failed)) {
    std::error_code gone;
    if (at->is_regular_file(gone) && !at->is_symlink(gone) && is_blob_key(at->path().filename().string())) files.push_back(at->path());
  }
  if (failed) return disk_error(failed.value(), "cannot list", options_.root);
  return files;
}

Result<std::map<std::string, std::size_t>> DirectoryBlobStore::count_by_key() {
  const auto files = all_files();
  if (!files) return files.error();
  std::map<std::string, std::size_t> counts;
  for (const auto& file : *files) ++counts[key_id_in(file)];
  return counts;
}

Result<DirectoryBlobStore::Resealed> DirectoryBlobStore::reseal() {
  if (!options_.keys) return Error{Errc::invalid_argument, "there is no key to seal with"};
  const auto files = all_files();
  if (!files) return files.error();
  Resealed done;
  for (const auto& file : *files) {
    const auto key = file.filename().string();
    if (key_id_in(file) == options_.keys->writing_key_id()) {
      ++done.kept;
      continue;
    }
    const auto content = read(key);
    if (!content && content.error().code == Errc::not_found && ::access(file.c_str(), F_OK) != 0) continue;  // removed meanwhile
    if (!content) {
      ++done.damaged;
      log::error("blobs", "a blob stays as it is", {{"blob", key}, {"why", content.error().message}});
      continue;
    }
    auto bytes = in_file_form(key, *content, persistence::sha256_hex(*content));
    if (!bytes) return bytes.error();
    if (auto replaced = replace(file, *bytes); !replaced) return replaced.error();
    ++done.resealed;
  }
  return done;
}

Status DirectoryBlobStore::replace(const fs::path& file, std::string_view bytes) {
  const auto made = options_.root / "staging" / ("resealing-" + file.filename().string());  // no blob's key
  ::unlink(made.c_str());
  if (auto written = write_durably(made, bytes); !written) return written;
  if (::access(file.c_str(), F_OK) != 0) return ::unlink(made.c_str()), Status();  // removed, or published, meanwhile
  if (::rename(made.c_str(), file.c_str()) != 0) return disk_error(errno, "cannot rename", made);
  return sync_directory(file.parent_path());
}

Status DirectoryBlobStore::sweep_batch(std::vector<fs::path>& files, const Referenced& referenced, Swept& swept) {
  if (files.empty()) return {};
  std::vector<std::string> keys;
  for (const auto& file : files) keys.push_back(file.filename().string());
  auto wanted = referenced(keys);
  if (!wanted) return wanted.error();  // not knowing is no reason to remove
  for (const auto& file : files) {
    const auto key = file.filename().string();
    if (!wanted->contains(key)) {
      if (auto removed = remove(key); !removed) return removed;
      ++swept.removed;
    } else if (file.parent_path().filename() == "staging") {
      if (auto done = publish(key); !done) return done;
      ++swept.published;
    } else {
      ++swept.kept;
    }
  }
  files.clear();
  return {};
}

}  // namespace repartee::cache
