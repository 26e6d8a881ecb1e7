// The recorder's append-only journal: what is in it, and synced, is not lost when the server or the machine stops.
//   <directory>/00000001.log ...  segments of frames (journal_record.hpp), written one after the other, numbered upwards
//   <directory>/checkpoint        up to which sequence the database has everything (a hint: to replay too much is harmless)
//   <directory>/NNNNNNNN.corrupt  a damaged segment whose readable records are all in the database: kept for a person to look at
// The recorder numbers records (sequence); the journal keeps them until applied() says that the database has them, then deletes whole
// segments. At open it finds what an earlier run left: a torn end is cut, damage is stepped over, and told.
// After a failed write the next append tries a fresh segment, so the journal heals when the disk does.
// Thread contract: append, sync and retire from one thread (the writer); read and applied from one other (the reader); the rest from any.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/metrics.hpp"
#include "persistence/journal_files.hpp"
#include "persistence/journal_record.hpp"

namespace repartee::persistence {

struct SequencedRecord {
  std::uint64_t sequence = 0;
  std::size_t bytes = 0;   // of its frame, about
  bool journaled = false;  // it can be read back from the journal
  RecordItem item;
};

class SealingKeys;

// Encrypts payloads. `context` (the frame's kind, version and sequence) is authenticated with them, so that no record can take another's
// place. Both empty: records lie open.
struct JournalSeal {
  std::function<Result<std::string>(std::string_view plain, std::string_view context)> seal;
  std::function<Result<std::string>(std::string_view sealed, std::string_view context)> open;
};
JournalSeal sealed_with(std::shared_ptr<const SealingKeys> keys);  // null: open

class FrameReader;

class TurnJournal {
 public:
  struct Options {
    std::filesystem::path directory;  // empty: no journal (see Store)
    std::uint64_t segment_bytes_max = 8 << 20;
    std::uint64_t total_bytes_max = 1 << 30;    // beyond it full() says so, and the recorder takes no more
    std::size_t record_bytes_max = 4 << 20;     // a larger record is not journaled
    std::size_t corrupt_segments_max = 4;       // that many are kept
    Duration segment_age_max = std::chrono::minutes(10);  // an older one is ended, so that what was said does not lie about on a quiet server
    JournalSeal seal;
  };
  // Records of consecutive sequences; `count` may be less than last - first + 1.
  struct Range {
    std::uint64_t first = 1, last = 0;
    std::size_t count = 0;
    bool empty() const { return first > last; }
  };
  struct ReadBack {
    std::vector<RecordItem> items;
    std::uint64_t last = 0;  // everything up to here is in `items`, or is lost
  };

  // conflict: another server has this journal. An error means that what an earlier run promised cannot be read: do not go on without a
  // person's look. A directory that cannot be made or written is not one; then append fails until it can.
  static Result<std::unique_ptr<TurnJournal>> open(Options options, Metrics& metrics,
                                                   std::unique_ptr<JournalFiles> files = system_journal_files());
  ~TurnJournal();  // removes what the database has

  const Range& found() const { return found_; }                // what an earlier run left to do
  std::uint64_t sequence_max() const { return sequence_max_; }  // the highest in use when opened
  bool full() const { return bytes_ >= options_.total_bytes_max; }
  std::uint64_t bytes() const { return bytes_; }

  // Writer. Sets `journaled` of what was written: all of it, or what came before the error (or was too large).
  Status append(std::span<SequencedRecord> records);
  Status sync();                // an error: nothing appended since the last sync can be relied on
  void retire(TimePoint now);   // ends a segment that has become too old

  // Reader.
  ReadBack read(const Range& range, std::size_t items_max, std::size_t bytes_max);  // at least one record, or the range's end
  void applied(std::uint64_t sequence);  // the database has everything up to here

 private:
  struct Segment {
    std::uint32_t number = 0;
    std::uint64_t first = 0, last = 0;  // sequences
    std::uint64_t bytes = 0, synced_bytes = 0;
    bool corrupt = false;
    bool done = false;  // nothing is appended any more
    TimePoint begun{};
  };
  struct Cursor {  // where the last read stopped
    std::uint32_t segment = 0;
    std::uint64_t offset = 0, after = 0;
  };

  TurnJournal(Options options, Metrics& metrics, std::unique_ptr<JournalFiles> files);
  Status recover();
  Status scan(Segment& segment);
  void cut_tail(Segment& segment, std::uint64_t offset);
  Status write_group(std::string_view bytes, std::span<SequencedRecord> records);
  Status write_all(std::string_view bytes);
  Status ensure_segment();
  void end_segment();
  Segment last_segment() const;
  Status begin_segment();
  void give_up_segment(std::uint64_t keep_bytes);
  bool read_segment(const Segment& segment, const Range& range, std::size_t items_max, std::size_t& bytes_left, ReadBack& out);
  Result<RecordItem> decode(const FrameReader& reader) const;
  Status frame_record(std::string& out, const SequencedRecord& record) const;
  void note_corrupt(const Segment& before, std::uint64_t offset, const std::string& what);
  void note_unreadable(const Segment& segment, const Error& error);
  void keep_when_done(std::uint32_t number);
  void remove_applied(bool closing);
  void bury(const Segment& segment);
  void publish();
  Counter& errors(const char* operation);
  std::filesystem::path path_of(const Segment& segment, const char* extension = ".log") const;

  const Options options_;
  Metrics& metrics_;
  const std::unique_ptr<JournalFiles> files_;
  Range found_;
  std::uint64_t sequence_max_ = 0;
  std::atomic<std::uint64_t> bytes_{0};

  mutable std::mutex mutex_;
  std::deque<Segment> segments_;  // oldest first; under mutex_
  std::uint64_t applied_ = 0;     // under mutex_

  std::unique_ptr<JournalFile> file_;  // writer's: the last segment's, unless done
  bool prepared_ = false;              // writer's: the directory is there and locked
  bool lost_unsynced_ = false;         // writer's: a segment was given up with records that were not synced
  std::uint32_t next_number_ = 1;      // writer's
  Cursor cursor_;                      // reader's
  bool checkpoint_failed_ = false;     // reader's

  Counter& appended_;
  Counter& corrupt_;
  Counter& torn_;
  Counter& read_back_;
  Gauge& bytes_gauge_;
  Gauge& segments_gauge_;
  Histogram& sync_seconds_;
};

}  // namespace repartee::persistence
