// Writes batches of records into the database, whatever it takes: while the database is away it tries again, with growing pauses. A row the
// database refuses for good does not stop the others: the batch is split until it is found, it is tried once more without its open-shape
// JSON, then dropped with an error in the log. Writing again what may have been written is harmless (record_batch.hpp).
// A large batch is written in lanes, side by side, each on a connection of its own; what belongs to one session stays in one lane, in order.
// Thread contract: write() from one thread, blocking; writing() from any. on_safe of a turn that still has one runs on write()'s thread or
// a lane's, after the commit.
#pragma once
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "core/metrics.hpp"
#include "persistence/record_batch.hpp"

namespace repartee::persistence {

class RecordWriter {
 public:
  struct Options {
    std::size_t lanes_max = 2;         // no more than the pool has connections
    std::size_t lane_items_min = 128;  // fewer are not worth a lane
    Millis retry_pause_min = Millis(50);
    Millis retry_pause_max = Millis(2000);
    std::function<Status()> before_first_write;  // again until it succeeds; may be empty
    std::function<bool(Millis)> pause;           // waits; false: there is no more time, give up. Any lane's thread
  };
  RecordWriter(Database& recorder, Options options, Metrics& metrics);

  std::size_t write(std::vector<RecordItem> items);  // how many were given up on, for want of time: only when pause said so
  bool writing() const { return !away_; }            // false: the last attempt failed and is being repeated

 private:
  std::size_t write_in_time(std::span<RecordItem> items, bool lean);
  std::size_t isolate(std::span<RecordItem> items, bool lean, const Error& refusal);
  Status attempt(std::span<RecordItem> items, bool lean);
  Status prepare(std::span<const RecordItem> items);
  void drop(const RecordItem& item, const Error& refusal);
  void note_failure(const Error& error);
  void note_success();

  Database& database_;
  const Options options_;
  Counter& written_;
  Counter& dropped_;
  Counter& retries_;
  std::mutex preparing_;
  std::set<std::string> months_made_;  // under preparing_
  std::atomic<bool> prepared_{false};
  std::atomic<bool> away_{false};
};

}  // namespace repartee::persistence
