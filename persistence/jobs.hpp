// Work for later (table jobs): asked for here, done by a JobWorker (job_worker.hpp) of any node. At least once: a job whose worker dies or
// loses the database in the middle is begun again, so what a job does must bear repetition. What fails is retried with growing pauses, then
// left as a dead letter. A job's row, with its result, is kept a day after its end, a dead letter longer.
// Thread contract: any thread; blocking. Over the app pool, every call works as the job's user and sees nobody else's; over the owner's
// pool it works for the server.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "persistence/database.hpp"

namespace repartee::persistence {

struct NewJob {
  std::string kind;               // whose handler does it: "privacy.export"
  std::string queue = "default";  // default | audio | analysis | embeddings
  std::string user_id;            // on whose behalf; empty: the server's own
  std::string payload_json = "{}";
  std::string unique_key;  // not empty: asked for once, however often this is called, until the row expires
  int attempts_max = 5;
  std::optional<WallTime> run_at;  // not before
};

struct JobRecord {
  std::string id, user_id, queue, kind, payload_json;
  std::string status;  // queued | running | completed | dead | cancelled
  double progress = 0;
  int attempts = 0, attempts_max = 0;
  bool cancel_asked = false;
  std::string result_json;  // empty until completed
  std::string error;        // of the last attempt
  std::optional<WallTime> run_at, locked_until, finished_at, expires_at;
};
JobRecord to_job(const Row& row);

class JobQueue {
 public:
  static constexpr std::size_t list_max = 200;
  static constexpr std::size_t payload_bytes_max = 1024 * 1024;

  explicit JobQueue(Database& database) : database_(database) {}
  Result<std::string> enqueue(const NewJob& job);                              // its id, or that of the one there with its unique_key
  static std::string enqueue_in(Transaction& transaction, const NewJob& job);  // together with what else the transaction does
  Result<JobRecord> find(const std::string& id, const std::string& user_id);   // not_found
  Result<std::vector<JobRecord>> list(const std::string& status, const std::string& user_id, std::size_t limit = 50);  // newest first
  // Queued: it never runs. Running: its handler is told, and may still complete. not_found, conflict when it is over.
  Status cancel(const std::string& id, const std::string& user_id);
  Status revive(const std::string& id);  // a dead letter starts over; over the owner's pool only

 private:
  Database& database_;
};

}  // namespace repartee::persistence
