// What a person may ask for: everything of theirs in one archive, and that all of it goes.
// The tables are found by their column user_id, so that later ones are covered without being named here. Both work over the owner's pool.
//
// export_user writes a zip as a stream: <table>.jsonl for every table (a row a line; digests of passwords, tokens and keys are left out),
// blobs/<key> for every file those rows name, manifest.json with the counts. Rows are read through cursors of one transaction.
// erase_user removes the rows in batches, then the user together with writing the audit line that says so; it may be repeated after any
// failure. The user's earlier lines of the audit log stay too, until retention drops them. Conversations that other people had with the
// user's public clones go with the clones (the schema's ON DELETE CASCADE). Thread contract: any thread; blocking, for as long as it takes.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "persistence/database.hpp"
#include "persistence/job_worker.hpp"
#include "persistence/stores.hpp"
#include "persistence/zip_writer.hpp"

namespace repartee::persistence {

class Privacy {
 public:
  // What lies outside the database. Empty ones are left out.
  struct Hooks {
    std::function<Status(const std::string& blob_key, const ByteSink& sink)> read_blob;
    std::function<void(const std::vector<std::string>& blob_keys)> release_blobs;  // their rows are gone
    std::function<Status(const std::string& user_id)> end_sessions;                // before anything is erased
    std::function<Status(const std::string& user_id)> forget_journal;              // turns on their way, and those kept on disk
    std::function<void(const std::string& user_id)> forget_caches;                 // in memory, on all nodes
  };
  struct Options {
    int lines_page = 500;                                           // rows fetched at once; a page holds at most about 4 MiB
    int rows_batch = 1000;                                          // rows deleted in one transaction
    std::uint64_t table_part_bytes_max = 1024ULL * 1024 * 1024;     // a table's next rows go to <table>.2.jsonl and so on
    std::uint64_t archive_bytes_max = 256ULL * 1024 * 1024 * 1024;  // resource_exhausted beyond it
  };
  using ShouldStop = std::function<bool()>;
  struct Erased {
    std::map<std::string, std::int64_t> rows;  // by table; without those that went with a parent's row
    std::int64_t total() const;
  };

  Privacy(Database& owner, TurnSink& audit, Hooks hooks, Options options)
      : database_(owner), audit_(audit), hooks_(std::move(hooks)), options_(options) {}
  Privacy(Database& owner, TurnSink& audit, Hooks hooks) : Privacy(owner, audit, std::move(hooks), Options()) {}

  Status export_user(const std::string& user_id, const ByteSink& sink, const ShouldStop& should_stop = {});
  // Into a file that only this process's user can read, complete or not there.
  Result<std::uint64_t> export_to_file(const std::string& user_id, const std::string& path, const ShouldStop& should_stop = {});
  Result<Erased> erase_user(const std::string& user_id, const ShouldStop& should_stop = {});

  // A job of the server's own (no user_id: its row would go with the user's) with the payload {"user_id": "..."}.
  static NewJob erasure_job(const std::string& user_id);
  JobWorker::Handler erasure_handler();

 private:
  struct Exporter;
  Result<std::vector<std::string>> tables_with(const char* column);
  Status erase_rows(const std::vector<std::string>& tables, const std::string& user_id, const ShouldStop& should_stop, Erased& erased);
  Result<bool> erase_table(const std::string& table, const std::string& user_id, const ShouldStop& should_stop, Erased& erased);
  Status erase_last(const std::string& user_id, Erased& erased);
  Status record_export(const std::string& user_id);

  Database& database_;
  TurnSink& audit_;
  const Hooks hooks_;
  const Options options_;
};

inline constexpr const char* erasure_job_kind = "privacy.erase";

}  // namespace repartee::persistence
