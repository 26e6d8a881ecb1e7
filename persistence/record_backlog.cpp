#include "persistence/record_backlog.hpp"

namespace repartee::persistence {

bool RecordBacklog::push(SequencedRecord& record) {
  if (record.journaled) {
    // Once it spills it goes on until there is room for many: ranges of one record each would be slow to read back.
    if (spilling() && !has_much_room()) {
      auto& range = std::get<Range>(slots_.back());
      range.last = record.sequence;
      ++range.count;
      return true;
    }
    if (!has_room(record.bytes)) {
      slots_.emplace_back(Range{record.sequence, record.sequence, 1});
      return true;
    }
  } else if (!has_room(record.bytes)) {
    return false;
  }
  ++items_;
  bytes_ += record.bytes;
  slots_.emplace_back(std::move(record));
  return true;
}

RecordBacklog::Work RecordBacklog::take(std::size_t items_max, std::size_t bytes_max) {
  Work work;
  if (!slots_.empty() && std::holds_alternative<Range>(slots_.front())) {
    work.range = std::get<Range>(slots_.front());
    slots_.pop_front();
    return work;
  }
  std::size_t bytes = 0;
  while (!slots_.empty() && work.records.size() < items_max) {
    auto* const record = std::get_if<SequencedRecord>(&slots_.front());
    if (!record || (!work.records.empty() && bytes + record->bytes > bytes_max)) break;
    bytes += record->bytes;
    bytes_ -= record->bytes;
    --items_;
    work.records.push_back(std::move(*record));
    slots_.pop_front();
  }
  return work;
}

}  // namespace repartee::persistence
