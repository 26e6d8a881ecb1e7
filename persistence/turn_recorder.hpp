// The write-behind recorder: what a live session submits is queued and written in batches by one thread, in the order it came.
// While the database is away the queue holds what it can (then submitting says no) and writing is retried, with growing pauses. A row the
// database refuses for good does not stop the others: the batch is split until it is found, it is tried once more without its
// open-shape JSON, then dropped with an error in the log. Writing again what may have been written is harmless (record_batch.hpp).
// Thread contract: every member from any thread; on_safe runs on the recorder's thread, after the commit. The destructor drains.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "core/bounded_queue.hpp"
#include "core/metrics.hpp"
#include "persistence/record_batch.hpp"
#include "persistence/stores.hpp"

namespace repartee::persistence {

class TurnRecorder final : public TurnSink {
 public:
  struct Options {
    std::size_t queue_items_max = 65536;
    std::size_t batch_items_max = 256;
    Millis retry_pause_min = Millis(50);
    Millis retry_pause_max = Millis(2000);
    Duration shutdown_budget = std::chrono::seconds(5);  // the destructor drains this long, plus at most one attempt under way
    // Runs before the first write, again until it succeeds: what the tables need (migrations, the default clone). Recorder's thread.
    std::function<Status()> before_first_write;
  };
  TurnRecorder(Database& recorder, Options options, Metrics& metrics);
  ~TurnRecorder() override;

  bool record_turn(TurnRecord turn, std::function<void()> on_safe) override;
  bool record_session(SessionRecord session) override;
  bool record_audit(AuditRecord line) override;

  bool wait_until_idle(Duration patience);  // everything submitted so far was written or dropped
  bool writing() const { return !away_; }   // false: the last attempt failed and is being retried

 private:
  bool submit(RecordItem item, const char* kind);
  void work();
  void write_in_time(std::span<RecordItem> items, bool lean = false);  // retries until written, dropped or shut down
  void isolate(std::span<RecordItem> items, bool lean, const Error& refusal);
  Status attempt(std::span<RecordItem> items, bool lean);
  Status make_partitions(std::span<const RecordItem> items);
  void drop(std::span<const RecordItem> items, const char* why);
  void note_failure(const Error& error);
  void note_success();
  bool pause(Millis duration);  // false: shut down, no time left

  Database& database_;
  const Options options_;
  Counter& queued_;
  Counter& written_;
  Counter& dropped_;
  Counter& retries_;
  Gauge& waiting_;
  BoundedQueue<RecordItem> queue_;
  std::set<std::string> months_made_;  // recorder's thread
  bool prepared_ = false;              // recorder's thread
  bool full_logged_ = false;           // under mutex_
  std::atomic<bool> away_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t submitted_ = 0, settled_ = 0;  // under mutex_
  bool stopping_ = false;
  TimePoint drain_until_ = no_deadline;
  std::thread thread_;
};

}  // namespace repartee::persistence
