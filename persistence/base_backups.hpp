// Keeps the base backups of an embedded cluster's archive: a first one at once, a new one when the last is too old, the oldest and the log
// before them removed. A thread of its own; what fails is logged and tried again later.
// Thread contract: construction and destruction from the owner's thread; the destructor ends a backup under way.
#pragma once
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "core/metrics.hpp"
#include "persistence/subprocess.hpp"

namespace repartee::persistence {

class BaseBackups {
 public:
  struct Options {
    std::filesystem::path archive_dir, home, bin_dir;
    Identity identity;
    std::string conninfo;  // as the replicator
    Duration interval = std::chrono::hours(24);
    Duration retry_pause = std::chrono::minutes(5);
    Duration check_interval = std::chrono::seconds(30);
    std::size_t kept_max = 7;
  };
  BaseBackups(Options options, Metrics& metrics);
  ~BaseBackups();

 private:
  void work();
  bool due() const;
  Status take();
  Status run(const std::vector<std::string>& arguments);  // cancelled when stopping
  void prune();
  bool pause(Duration duration);  // false: stopping

  const Options options_;
  Counter& taken_;
  Counter& failed_;
  Gauge& last_at_;
  std::mutex mutex_;
  std::condition_variable stop_asked_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace repartee::persistence
