#include "persistence/journal_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/file_descriptor.hpp"
#include "persistence/cluster_home.hpp"

namespace repartee::persistence {
namespace {

namespace fs = std::filesystem;

constexpr mode_t directory_mode = 0700, file_mode = 0600;  // what was said in a call is nobody else's business

class SystemFile final : public JournalFile {
 public:
  SystemFile(FileDescriptor fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::size_t> write(std::string_view bytes) override {
    ssize_t n;
    do n = ::write(fd_.get(), bytes.data(), bytes.size());
    while (n < 0 && errno == EINTR);
    if (n < 0) return system_error(errno, "cannot write", path_);
    return static_cast<std::size_t>(n);
  }
  Status sync() override {
    if (fdatasync(fd_.get()) != 0) return system_error(errno, "cannot make durable", path_);
    return {};
  }
  Status truncate(std::uint64_t bytes) override {
    if (ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) return system_error(errno, "cannot shorten", path_);
    return {};
  }

 private:
  FileDescriptor fd_;
  fs::path path_;
};

class SystemFiles final : public JournalFiles {
 public:
  Status prepare(const fs::path& directory) override {
    if (lock_) return {};
    std::error_code failed;
    fs::create_directories(directory.parent_path(), failed);  // mkdir below says it if that failed
    if (mkdir(directory.c_str(), directory_mode) != 0 && errno != EEXIST) return system_error(errno, "cannot make", directory);
    FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return system_error(errno, "cannot open", directory);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
      return Error{Errc::conflict, "another repartee server writes its journal in " + directory.string() +
                                       ": stop it, or give this one a --data-dir of its own"};
    lock_ = std::move(fd);
    return sync_directory(directory.parent_path());
  }

  Result<std::vector<Entry>> list(const fs::path& directory) override {
    std::vector<Entry> entries;
    std::error_code failed;
    for (fs::directory_iterator it(directory, failed), end; !failed && it != end; it.increment(failed)) {
      std::error_code gone;
      if (!it->is_regular_file(gone)) continue;
      const auto bytes = it->file_size(gone);
      if (!gone) entries.push_back({it->path().filename().string(), bytes});
    }
    if (failed == std::errc::no_such_file_or_directory || failed == std::errc::not_a_directory)
      return Error{Errc::not_found, "there is no directory " + directory.string()};
    if (failed) return system_error(failed.value(), "cannot list", directory);
    return entries;
  }

  Result<std::unique_ptr<JournalFile>> create(const fs::path& file) override {
    FileDescriptor fd(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, file_mode));
    if (!fd) return system_error(errno, "cannot make", file);
    if (auto durable = sync_directory(file.parent_path()); !durable) return durable.error();
    return std::unique_ptr<JournalFile>(std::make_unique<SystemFile>(std::move(fd), file));
  }

  Result<std::string> read(const fs::path& file, std::uint64_t offset, std::size_t bytes_max) override {
    const FileDescriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return system_error(errno, "cannot open", file);
    std::string bytes(bytes_max, '\0');
    std::size_t filled = 0;
    while (filled < bytes_max) {
      const auto n = pread(fd.get(), bytes.data() + filled, bytes_max - filled, static_cast<off_t>(offset + filled));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error(errno, "cannot read", file);
      if (n == 0) break;
      filled += static_cast<std::size_t>(n);
    }
    bytes.resize(filled);
    return bytes;
  }

  Status truncate(const fs::path& file, std::uint64_t bytes) override {
    if (::truncate(file.c_str(), static_cast<off_t>(bytes)) != 0) return system_error(errno, "cannot shorten", file);
    return {};
  }

  Status overwrite(const fs::path& file, std::string_view bytes) override {
    const FileDescriptor fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
    if (!fd || pwrite(fd.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      return system_error(errno, "cannot write", file);
    return {};
  }

  Status rename(const fs::path& from, const fs::path& to) override {
    std::error_code failed;
    fs::rename(from, to, failed);
    if (failed) return system_error(failed.value(), "cannot rename", from);
    return {};
  }

  Status remove(const fs::path& file) override {
    std::error_code failed;
    fs::remove(file, failed);
    if (failed) return system_error(failed.value(), "cannot remove", file);
    return {};
  }

 private:
  FileDescriptor lock_;  // of the directory itself: needs no file, so it works on a full disk
};

}  // namespace

std::unique_ptr<JournalFiles> system_journal_files() { return std::make_unique<SystemFiles>(); }

}  // namespace repartee::persistence
