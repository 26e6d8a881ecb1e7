// The write-behind recorder: what a live session submits goes through a bounded queue to one thread that writes it into the journal, in
// groups, and on from there to another thread that writes it into the database, in batches, in the order it came.
//   record_*()  ->  queue  ->  [journal thread: append, sync, on_safe]  ->  backlog  ->  [database thread: RecordWriter, checkpoint]
// A turn is safe when the journal is synced: at most sync_delay_max after its group's first record was appended. While the database is away
// the backlog holds what it may in memory and leaves the rest in the journal. What an earlier run left in the journal comes first.
// While the journal cannot be written (disk full), and without one, a turn is safe only once it is committed, what waits is bounded by
// the backlog and then the queue, and record_* says no beyond; the journal is tried again every journal_retry_pause.
// Thread contract: every member from any thread; on_safe runs on one of the recorder's threads. The destructor drains: all into the
// journal, as much as shutdown_budget allows into the database.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/bounded_queue.hpp"
#include "core/metrics.hpp"
#include "persistence/record_backlog.hpp"
#include "persistence/record_writer.hpp"
#include "persistence/stores.hpp"

namespace repartee::persistence {

class TurnRecorder final : public TurnSink {
 public:
  struct Options {
    std::size_t queue_items_max = 65536;     // on the way to the journal; as many again may wait in memory for the database
    std::size_t backlog_bytes_max = 64 << 20;
    std::size_t batch_items_max = 1024;      // one transaction
    std::size_t batch_bytes_max = 8 << 20;
    std::size_t lanes_max = 2;               // transactions side by side, of one batch: see RecordWriter
    std::size_t group_items_max = 1024;      // appended to the journal, and synced, at once
    Millis sync_delay_max = Millis(20);      // quality.md allows 50: the rest is for the disk
    Millis journal_retry_pause = std::chrono::seconds(1);
    Millis retry_pause_min = Millis(50);
    Millis retry_pause_max = Millis(2000);
    Duration shutdown_budget = std::chrono::seconds(5);  // for the database, plus at most one attempt under way
    // Runs before the first write, again until it succeeds: what the tables need (migrations, the default clone). Database thread.
    std::function<Status()> before_first_write;
    // Runs once what an earlier run left is in the database, again until it succeeds; not at all when it left nothing. Database thread.
    std::function<Status()> after_replay;
  };
  TurnRecorder(Database& recorder, Options options, Metrics& metrics, std::unique_ptr<TurnJournal> journal = nullptr);
  ~TurnRecorder() override;

  bool record_turn(TurnRecord turn, std::function<void()> on_safe) override;
  bool record_session(SessionRecord session) override;
  bool record_audit(AuditRecord line) override;

  bool wait_until_idle(Duration patience);  // everything submitted so far, and what an earlier run left, was written or dropped
  bool writing() const { return writer_.writing(); }   // false: the last attempt failed and is being retried
  bool journaling() const { return journal_ && !journal_failing_; }

 private:
  using Group = std::vector<SequencedRecord>;

  bool submit(RecordItem item, const char* kind);
  bool refuse(const char* why, const char* kind);
  void adopt_found();

  void keep_journal();  // the journal thread
  void take_in(std::vector<RecordItem> items, Group& group);
  void append(std::span<SequencedRecord> records);
  void secure(std::span<SequencedRecord> records);
  void hand_over(Group& group);
  void note_journal_failure(const Error& error);
  void note_journal_success();

  void fill_database();  // the database thread
  bool next_work(RecordBacklog::Work& work);
  bool write_records(std::vector<SequencedRecord>& records);  // false: shut down, no time left
  bool write_range(RecordBacklog::Range range);
  bool finish_replay();
  void settle(std::size_t count, std::uint64_t sequence);
  void count_remains(std::span<const SequencedRecord> records);
  void count_remains(std::size_t journaled, std::size_t unjournaled);
  bool pause(Millis duration);  // false: shut down, no time left

  const Options options_;
  Counter& queued_;
  Counter& dropped_;
  Counter& replayed_;
  Gauge& waiting_;
  Gauge& journaling_gauge_;
  const std::unique_ptr<TurnJournal> journal_;
  RecordWriter writer_;
  BoundedQueue<RecordItem> queue_;
  std::atomic<std::size_t> submitted_{0}, settled_{0};
  std::atomic<bool> refusing_{false};  // told already
  std::atomic<bool> journal_failing_{false};

  std::uint64_t sequence_ = 0;   // journal thread
  TimePoint journal_retry_at_{};  // journal thread

  std::mutex mutex_;
  std::condition_variable changed_;
  RecordBacklog backlog_;  // under mutex_
  bool intake_done_ = false, stopping_ = false;
  std::uint64_t replay_last_ = 0;  // database thread: 0 when nothing is being replayed
  TimePoint drain_until_ = no_deadline;
  std::thread journal_thread_, database_thread_;
};

}  // namespace repartee::persistence
