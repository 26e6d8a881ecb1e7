// What is kept, and for how long: the daily sweep that removes the rest. In batches, each a transaction; over the owner's pool. A dry run
// only counts. The tables are found by their columns (deleted_at, expires_at), so that later ones are covered without being named here.
// Thread contract: any thread; blocking, for as long as it takes.
#pragma once
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "persistence/database.hpp"
#include "persistence/job_worker.hpp"

namespace repartee::persistence {

class Retention {
 public:
  struct Options {
    int soft_deleted_days = 30;    // rows marked as deleted; users by erasure, with everything of theirs
    int conversations_days = 365;  // sessions with their turns and messages, by when they were last active
    int audit_days = 730;          // whole months of the audit log
    int expired_files_days = 0;    // made audio, after its own expires_at
    int rate_limits_hours = 1;     // buckets nobody took from: full again long before
    int rows_batch = 1000;
  };
  struct Hooks {
    std::function<void(const std::vector<std::string>& blob_keys)> release_blobs;  // their rows are gone
    std::function<Status(const std::string& user_id)> erase_user;                  // empty: users marked as deleted stay
  };
  struct Swept {
    std::string what;  // "audio_files expires_at"
    std::int64_t rows = 0;
  };
  using ShouldStop = std::function<bool()>;

  Retention(Database& owner, Hooks hooks, Options options) : database_(owner), hooks_(std::move(hooks)), options_(options) {}

  // What was removed, or would be. One table's trouble does not keep the others: its error comes at the end.
  Result<std::vector<Swept>> sweep(bool dry_run, const ShouldStop& should_stop = {}, const std::function<void(double)>& progress = {});
  // Which of these blobs some row points to, in whatever table.
  Result<std::set<std::string>> referenced_blobs(std::span<const std::string> keys);
  Status make_audit_partitions();  // this month's and the next ones', also daily

  JobWorker::Handler sweep_handler();
  JobWorker::Handler partitions_handler();

 private:
  struct Rule {
    std::string table, column;
    std::chrono::hours age;
  };
  Result<std::vector<Rule>> rules();
  Result<std::int64_t> apply(const Rule& rule, bool dry_run, const ShouldStop& should_stop);
  Result<std::int64_t> drop_audit(bool dry_run);
  Result<std::int64_t> erase_users(bool dry_run, const ShouldStop& should_stop);

  Database& database_;
  const Hooks hooks_;
  const Options options_;
};

inline constexpr const char* retention_job_kind = "retention.sweep";
inline constexpr const char* partitions_job_kind = "audit.partitions";

}  // namespace repartee::persistence
