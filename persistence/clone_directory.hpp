// The CloneDirectory of the live path: asks the database on threads of its own, remembers answers for a short time, and always knows the
// default clone, even when the database is away or has never been there.
// Thread contract: as stores.hpp says. Destroy it before the loops it answers on.
#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "core/worker_pool.hpp"
#include "persistence/echo_repository.hpp"
#include "persistence/stores.hpp"

namespace repartee::persistence {

class StoredCloneDirectory final : public CloneDirectory {
 public:
  struct Options {
    Duration fresh_for = std::chrono::seconds(5);
    Duration deadline = std::chrono::seconds(3);  // a look-up that waits longer for a thread answers deadline_exceeded
    std::size_t entries_max = 4096;               // answers remembered; all are forgotten beyond it
    std::size_t workers = 2;
    std::size_t queue_jobs_max = 1024;
  };
  StoredCloneDirectory(Database& app, CloneRecord default_clone, Options options);
  ~StoredCloneDirectory() override;

  void find(Loop& loop, std::string id_or_name, std::string user_id, std::function<void(Result<CloneRecord>)> done) override;
  StreamPtr watch(Loop& loop, const std::string& id, std::function<void()> changed) override;
  void forget(const std::string& id);  // after this clone was made, changed or removed
  void forget_all();                   // after any may have been

 private:
  using Key = std::pair<std::string, std::string>;  // id or name, caller
  struct Entry {
    Result<CloneRecord> answer;
    TimePoint until;
  };
  struct Watches;  // who wants to hear of which clone
  class Watch;
  void forget_answers();
  bool is_default(const std::string& id_or_name) const;
  std::optional<Result<CloneRecord>> remembered(const Key& key);
  void remember(const Key& key, const Result<CloneRecord>& answer);
  void answer_default(Loop& loop, std::function<void(Result<CloneRecord>)> done);
  void refresh_default();  // in the background

  EchoRepository echos_;
  const std::shared_ptr<Watches> watches_;
  const Options options_;
  const std::string default_id_;
  std::mutex mutex_;
  std::map<Key, Entry> entries_;
  CloneRecord default_clone_;  // as last seen in the database, or as built in
  TimePoint default_until_{};
  bool refreshing_ = false, refresh_again_ = false;  // again: it was changed while it was being read
  std::unique_ptr<WorkerPool> pool_;                 // last: its threads end before the rest goes
};

}  // namespace repartee::persistence
