// A disk in memory for the journal, which can be full, take only parts of a write, refuse to sync, hold a sync up, or lose its power.
// Thread contract: every member from any thread.
#pragma once
#include <condition_variable>
#include <map>
#include <mutex>

#include "persistence/journal_files.hpp"

namespace repartee::persistence::test {

class MemoryDisk {
 public:
  struct File {
    std::string bytes;
    std::size_t synced_bytes = 0;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, File> files;
  std::size_t room_bytes = SIZE_MAX;   // left on the disk
  std::size_t write_bytes_max = SIZE_MAX;
  bool sync_fails = false, sync_held = false, list_fails = false, truncate_fails = false;
  int syncs = 0;

  void set(const std::function<void(MemoryDisk&)>& change) {
    std::lock_guard lock(mutex);
    change(*this);
    changed.notify_all();
  }
  void lose_power() {  // what was not synced is gone
    std::lock_guard lock(mutex);
    for (auto& [name, file] : files) file.bytes.resize(file.synced_bytes);
  }
  std::vector<std::string> names() {
    std::lock_guard lock(mutex);
    std::vector<std::string> names;
    for (const auto& [name, file] : files) names.push_back(std::filesystem::path(name).filename());
    return names;
  }
  std::string& bytes_of(const std::string& name) {
    std::lock_guard lock(mutex);
    for (auto& [path, file] : files)
      if (std::filesystem::path(path).filename() == name) return file.bytes;
    throw std::out_of_range(name);
  }
};

class MemoryFiles final : public JournalFiles {
 public:
  explicit MemoryFiles(std::shared_ptr<MemoryDisk> disk) : disk_(std::move(disk)) {}

  Status prepare(const std::filesystem::path&) override { return {}; }
  Result<std::vector<Entry>> list(const std::filesystem::path&) override {
    std::lock_guard lock(disk_->mutex);
    if (disk_->list_fails) return broken("list");
    std::vector<Entry> entries;
    for (const auto& [name, file] : disk_->files) entries.push_back({std::filesystem::path(name).filename(), file.bytes.size()});
    return entries;
  }
  Result<std::unique_ptr<JournalFile>> create(const std::filesystem::path& file) override {
    std::lock_guard lock(disk_->mutex);
    if (disk_->room_bytes == 0) return full();
    if (!disk_->files.emplace(file, MemoryDisk::File{}).second) return broken("create");
    return std::unique_ptr<JournalFile>(std::make_unique<Appended>(disk_, file));
  }
  Result<std::string> read(const std::filesystem::path& file, std::uint64_t offset, std::size_t bytes_max) override {
    std::lock_guard lock(disk_->mutex);
    const auto found = disk_->files.find(file);
    if (found == disk_->files.end() || offset > found->second.bytes.size()) return broken("read");
    return found->second.bytes.substr(offset, bytes_max);
  }
  Status truncate(const std::filesystem::path& file, std::uint64_t bytes) override {
    std::lock_guard lock(disk_->mutex);
    if (disk_->truncate_fails) return broken("truncate");
    auto& cut = disk_->files.at(file);
    cut.bytes.resize(bytes);
    cut.synced_bytes = std::min<std::size_t>(cut.synced_bytes, bytes);
    return {};
  }
  Status overwrite(const std::filesystem::path& file, std::string_view bytes) override {
    std::lock_guard lock(disk_->mutex);
    disk_->files[file] = {std::string(bytes), bytes.size()};
    return {};
  }
  Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    std::lock_guard lock(disk_->mutex);
    auto node = disk_->files.extract(from);
    node.key() = to;
    disk_->files.insert(std::move(node));
    return {};
  }
  Status remove(const std::filesystem::path& file) override {
    std::lock_guard lock(disk_->mutex);
    disk_->files.erase(file);
    return {};
  }

 private:
  class Appended final : public JournalFile {
   public:
    Appended(std::shared_ptr<MemoryDisk> disk, std::string name) : disk_(std::move(disk)), name_(std::move(name)) {}
    Result<std::size_t> write(std::string_view bytes) override {
      std::lock_guard lock(disk_->mutex);
      const auto taken = std::min({bytes.size(), disk_->room_bytes, disk_->write_bytes_max});
      if (taken == 0) return full();
      disk_->files.at(name_).bytes += bytes.substr(0, taken);
      if (disk_->room_bytes != SIZE_MAX) disk_->room_bytes -= taken;
      return taken;
    }
    Status sync() override {
      std::unique_lock lock(disk_->mutex);
      ++disk_->syncs;
      disk_->changed.notify_all();
      disk_->changed.wait(lock, [&] { return !disk_->sync_held; });
      if (disk_->sync_fails) return broken("sync");
      auto& file = disk_->files.at(name_);
      file.synced_bytes = file.bytes.size();
      return {};
    }
    Status truncate(std::uint64_t bytes) override { return MemoryFiles(disk_).truncate(name_, bytes); }

   private:
    const std::shared_ptr<MemoryDisk> disk_;
    const std::string name_;
  };

  static Error full() { return {Errc::resource_exhausted, "the disk is full"}; }
  static Error broken(const std::string& what) { return {Errc::unavailable, what + " failed"}; }

  const std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace repartee::persistence::test
