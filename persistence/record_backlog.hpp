// What waits for the database, in order: records in memory up to a limit and, beyond it, ranges of sequences that stand in the journal only
// and are read back when their turn comes. So an hour without a database costs disk, not memory.
// Thread contract: none of its own; the recorder's mutex.
#pragma once
#include <deque>
#include <variant>

#include "persistence/turn_journal.hpp"

namespace repartee::persistence {

class RecordBacklog {
 public:
  using Range = TurnJournal::Range;
  struct Limits {
    std::size_t items_max = 65536;
    std::size_t bytes_max = 64 << 20;
  };
  struct Work {                              // one of the two
    std::vector<SequencedRecord> records;
    Range range;                             // when there are no records
  };

  explicit RecordBacklog(Limits limits) : limits_(limits) {}

  // Takes the record. False: there is no room, and it is not in the journal either; then it is left where it is.
  bool push(SequencedRecord& record);
  void push(const Range& range) { slots_.emplace_back(range); }
  Work take(std::size_t items_max, std::size_t bytes_max);
  void put_back(const Range& rest) { slots_.emplace_front(rest); }  // of a range that was taken

  bool empty() const { return slots_.empty(); }
  std::size_t items_in_memory() const { return items_; }
  bool spilling() const { return !slots_.empty() && std::holds_alternative<Range>(slots_.back()); }

 private:
  bool has_room(std::size_t bytes) const { return items_ < limits_.items_max && (items_ == 0 || bytes_ + bytes <= limits_.bytes_max); }
  bool has_much_room() const { return items_ <= limits_.items_max / 2 && bytes_ <= limits_.bytes_max / 2; }

  const Limits limits_;
  std::deque<std::variant<SequencedRecord, Range>> slots_;
  std::size_t items_ = 0, bytes_ = 0;  // in memory
};

}  // namespace repartee::persistence
