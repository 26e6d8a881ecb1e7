#include "persistence/turn_journal.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "core/log.hpp"
#include "persistence/frame_reader.hpp"
#include "persistence/sealed_bytes.hpp"

namespace repartee::persistence {
namespace {

constexpr const char* checkpoint_name = "checkpoint";
constexpr const char* corrupt_extension = ".corrupt";
constexpr std::size_t checkpoint_bytes_max = 64;
constexpr std::size_t seal_bytes_max = 1024;  // what encryption may add to a record

// The number of a name like 00000012.log.
std::optional<std::uint32_t> number_of(const std::string& name, std::string_view extension) {
  if (!name.ends_with(extension)) return {};
  std::uint32_t number = 0;
  const char* const end = name.data() + name.size() - extension.size();
  const auto [stop, failed] = std::from_chars(name.data(), end, number);
  return failed == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::string context_of(const FrameHeader& header) {
  std::string context;
  context += static_cast<char>(header.kind);
  context += static_cast<char>(header.version);
  return context + std::to_string(header.sequence);
}

}  // namespace

JournalSeal sealed_with(std::shared_ptr<const SealingKeys> keys) {
  if (!keys) return {};
  return {.seal = [keys](std::string_view plain, std::string_view context) { return keys->seal(plain, context); },
          .open = [keys](std::string_view sealed, std::string_view context) { return keys->open(sealed, context); }};
}

Result<std::unique_ptr<TurnJournal>> TurnJournal::open(Options options, Metrics& metrics, std::unique_ptr<JournalFiles> files) {
  std::unique_ptr<TurnJournal> journal(new TurnJournal(std::move(options), metrics, std::move(files)));
  if (auto recovered = journal->recover(); !recovered) return recovered.error();
  return journal;
}

TurnJournal::TurnJournal(Options options, Metrics& metrics, std::unique_ptr<JournalFiles> files)
    : options_(std::move(options)),
      metrics_(metrics),
      files_(std::move(files)),
      appended_(metrics.counter("repartee_journal_appended_total", "records written to the journal")),
      corrupt_(metrics.counter("repartee_journal_corrupt_total", "damaged places found in the journal; what stood there is lost")),
      torn_(metrics.counter("repartee_journal_torn_tails_total", "half-written ends of segments that were cut off at the start")),
      read_back_(metrics.counter("repartee_journal_read_back_total", "records read back from the journal for the database")),
      bytes_gauge_(metrics.gauge("repartee_journal_bytes", "size of the journal on disk")),
      segments_gauge_(metrics.gauge("repartee_journal_segments", "files of the journal on disk")),
      sync_seconds_(metrics.histogram("repartee_journal_sync_seconds", "time to make the journal durable", Metrics::latency_seconds())) {}

TurnJournal::~TurnJournal() {
  if (!sync()) log::warn("journal", "the end of the journal could not be made durable");
  remove_applied(true);
}

// ---- what an earlier run left ----

Status TurnJournal::recover() {
  if (auto ready = files_->prepare(options_.directory); !ready) {
    const auto there = files_->list(options_.directory);
    if (there || there.error().code != Errc::not_found) return ready;  // it exists, and is not ours to use
    errors("prepare").add();
    log::error("journal", "there is no journal, and none can be made", {{"error", ready.error().message}});
    return {};
  }
  prepared_ = true;
  auto entries = files_->list(options_.directory);
  if (!entries) return entries.error();
  for (const auto& entry : *entries) {
    for (const char* extension : {".log", corrupt_extension})
      if (const auto number = number_of(entry.name, extension)) next_number_ = std::max(next_number_, *number + 1);
    if (const auto number = number_of(entry.name, ".log"))
      segments_.push_back({.number = *number, .bytes = entry.bytes, .synced_bytes = entry.bytes, .done = true});
    if (entry.name == checkpoint_name)
      if (auto mark = files_->read(options_.directory / checkpoint_name, 0, checkpoint_bytes_max))
        applied_ = decode_mark(*mark).value_or(0);
  }
  std::sort(segments_.begin(), segments_.end(), [](const Segment& a, const Segment& b) { return a.number < b.number; });
  sequence_max_ = found_.last = applied_;
  found_.first = applied_ + 1;
  for (auto& segment : segments_)
    if (auto scanned = scan(segment); !scanned) return scanned;
  if (found_.count == 0) found_ = {};
  remove_applied(false);
  if (found_.count > 0)
    log::info("journal", "an earlier run left records that the database may not have", {{"count", found_.count}, {"bytes", bytes_.load()}});
  return {};
}

Status TurnJournal::scan(Segment& segment) {
  const Segment before = segment;
  FrameReader reader(*files_, path_of(segment), 0, segment.bytes, options_.record_bytes_max + seal_bytes_max);
  for (bool key_tried = false;;) {
    const auto got = reader.next();
    if (got == FrameReader::Got::unreadable) return reader.error();
    if (got == FrameReader::Got::bad_payload) note_corrupt(before, reader.offset(), "one record");
    if (got == FrameReader::Got::bad_header) note_corrupt(before, reader.offset(), "the rest of its file");
    if (got == FrameReader::Got::torn) cut_tail(segment, reader.offset());
    if (got != FrameReader::Got::frame && got != FrameReader::Got::bad_payload) return {};
    const auto sequence = reader.header().sequence;
    if (segment.first == 0) segment.first = sequence;
    segment.last = std::max(segment.last, sequence);
    const bool new_to_us = sequence > sequence_max_;  // which is at least what the database has
    found_.last = sequence_max_ = std::max(sequence_max_, sequence);
    if (got != FrameReader::Got::frame || !new_to_us) continue;
    ++found_.count;
    if (reader.header().version > journal_record_version)
      return Error{Errc::conflict, "the journal in " + options_.directory.string() + " was written by a newer release: start that one"};
    if (reader.header().sealed && !std::exchange(key_tried, true))
      if (auto opened = decode(reader); !opened)
        return Error{Errc::permission_denied, "the journal in " + options_.directory.string() + " is encrypted with another key: configure the " +
                                                  "key file it was written with (" + opened.error().message + ")"};
  }
}

void TurnJournal::cut_tail(Segment& segment, std::uint64_t offset) {
  torn_.add();
  log::warn("journal", "a record was not written to its end, as after a crash: it is cut off",
            {{"file", path_of(segment).string()}, {"offset", offset}, {"bytes", segment.bytes - offset}});
  if (auto cut = files_->truncate(path_of(segment), offset); !cut)
    log::warn("journal", "cutting failed, which does no harm", {{"error", cut.error().message}});
  segment.bytes = segment.synced_bytes = offset;
}

// `before`: the segment as it was when reading began; damage that was known then has been told.
void TurnJournal::note_corrupt(const Segment& before, std::uint64_t offset, const std::string& what) {
  if (before.corrupt) return;
  corrupt_.add();
  log::error("journal", "the journal is damaged: what stood there is lost, the rest is read",
             {{"file", path_of(before).string()}, {"offset", offset}, {"lost", what}});
  keep_when_done(before.number);
}

void TurnJournal::keep_when_done(std::uint32_t number) {
  std::lock_guard lock(mutex_);
  for (auto& segment : segments_)
    if (segment.number == number) segment.corrupt = true;
}

// ---- writing ----

Status TurnJournal::append(std::span<SequencedRecord> records) {
  std::string bytes;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].bytes <= options_.record_bytes_max) {
      if (auto framed = frame_record(bytes, records[i]); !framed) return framed;
    } else log::warn("journal", "a record is too large for the journal", {{"bytes", records[i].bytes}, {"bytes_max", options_.record_bytes_max}});
    if (bytes.size() < options_.segment_bytes_max && i + 1 < records.size()) continue;
    if (!bytes.empty())
      if (auto written = write_group(bytes, records.subspan(begin, i + 1 - begin)); !written) return written;
    bytes.clear();
    begin = i + 1;
  }
  return {};
}

Status TurnJournal::frame_record(std::string& out, const SequencedRecord& record) const {
  FrameHeader header{.kind = kind_of(record.item), .sealed = static_cast<bool>(options_.seal.seal), .sequence = record.sequence};
  auto payload = encode_record(record.item);
  if (header.sealed) {
    auto sealed = options_.seal.seal(payload, context_of(header));
    if (!sealed) return sealed.error();
    payload = std::move(sealed).value();
  }
  append_frame(out, header, payload);
  return {};
}

Status TurnJournal::write_group(std::string_view bytes, std::span<SequencedRecord> records) {
  auto ready = ensure_segment();
  if (ready) ready = write_all(bytes);
  if (!ready) {
    errors("write").add();
    return ready;
  }
  double count = 0;
  std::lock_guard lock(mutex_);
  auto& segment = segments_.back();
  segment.bytes += bytes.size();
  for (auto& record : records) {
    if (record.bytes > options_.record_bytes_max) continue;
    record.journaled = true;
    if (segment.first == 0) segment.first = record.sequence;
    segment.last = record.sequence;
    ++count;
  }
  appended_.add(count);
  publish();
  return {};
}

Status TurnJournal::write_all(std::string_view bytes) {
  const auto good_bytes = last_segment().bytes;
  while (!bytes.empty()) {
    auto taken = file_->write(bytes);
    if (!taken || *taken == 0) {
      give_up_segment(good_bytes);
      return taken ? Status(Error{Errc::resource_exhausted, "the disk takes no more of the journal"}) : Status(taken.error());
    }
    bytes.remove_prefix(*taken);
  }
  return {};
}

Status TurnJournal::ensure_segment() {
  const auto last = last_segment();
  const bool old = SteadyClock::now() - last.begun >= options_.segment_age_max;
  if (file_ && !last.done && !old && last.bytes < options_.segment_bytes_max) return {};
  if (auto durable = sync(); !durable) {
    lost_unsynced_ = true;  // the caller's next sync() hears of it
    return durable;
  }
  end_segment();
  return begin_segment();
}

// It holds nothing unsynced. Without a file the reader may remove it.
void TurnJournal::end_segment() {
  file_.reset();
  std::lock_guard lock(mutex_);
  if (!segments_.empty()) segments_.back().done = true;
}

TurnJournal::Segment TurnJournal::last_segment() const {
  std::lock_guard lock(mutex_);
  return segments_.empty() ? Segment{.done = true} : segments_.back();
}

Status TurnJournal::begin_segment() {
  if (!prepared_)
    if (auto ready = files_->prepare(options_.directory); !ready) return ready;
  prepared_ = true;
  Segment segment{.number = next_number_, .begun = SteadyClock::now()};
  auto made = files_->create(path_of(segment));
  if (!made) {
    files_->remove(path_of(segment)).ok();  // it may be there without being durable
    return made.error();
  }
  ++next_number_;
  file_ = std::move(made).value();
  std::lock_guard lock(mutex_);
  segments_.push_back(segment);
  return {};
}

// The last segment keeps what it holds up to `keep_bytes` and is not written any more. Best effort: what stays behind is a torn end.
void TurnJournal::give_up_segment(std::uint64_t keep_bytes) {
  if (auto cut = file_->truncate(keep_bytes); !cut) log::debug("journal", "cutting failed", {{"error", cut.error().message}});
  std::lock_guard lock(mutex_);
  auto& segment = segments_.back();
  segment.bytes = keep_bytes;
  segment.done = true;
  if (segment.synced_bytes == keep_bytes) file_.reset();  // else sync() still needs it
  publish();
}

Status TurnJournal::sync() {
  if (std::exchange(lost_unsynced_, false)) return Error{Errc::unavailable, "the journal was not made durable"};
  if (!file_) return {};
  const auto last = last_segment();
  if (last.synced_bytes == last.bytes) return {};
  const auto started = SteadyClock::now();
  auto durable = file_->sync();
  sync_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - started).count());
  if (!durable) {
    // What the kernel did with the pages is unknown, and asking again would say that all is well: nothing of it counts.
    errors("sync").add();
    give_up_segment(last.synced_bytes);
    return durable;
  }
  if (last.done) file_.reset();
  std::lock_guard lock(mutex_);
  segments_.back().synced_bytes = last.bytes;
  return {};
}

void TurnJournal::retire(TimePoint now) {
  const auto last = last_segment();
  if (!last.done && now - last.begun >= options_.segment_age_max && last.synced_bytes == last.bytes) end_segment();
}

// ---- reading back ----

TurnJournal::ReadBack TurnJournal::read(const Range& range, std::size_t items_max, std::size_t bytes_max) {
  std::deque<Segment> segments;
  {
    std::lock_guard lock(mutex_);
    std::copy_if(segments_.begin(), segments_.end(), std::back_inserter(segments),
                 [&](const Segment& s) { return s.last >= range.first && s.first <= range.last && s.synced_bytes > 0; });
  }
  ReadBack out;
  out.last = range.first - 1;
  for (const auto& segment : segments)
    if (!read_segment(segment, range, items_max, bytes_max, out)) return out;
  out.last = range.last;
  return out;
}

// False: enough was read, and there may be more.
bool TurnJournal::read_segment(const Segment& segment, const Range& range, std::size_t items_max, std::size_t& bytes_left, ReadBack& out) {
  const bool goes_on = cursor_.segment == segment.number && cursor_.after == out.last;
  FrameReader reader(*files_, path_of(segment), goes_on ? cursor_.offset : 0, segment.synced_bytes,
                     options_.record_bytes_max + seal_bytes_max);
  for (;;) {
    const auto got = reader.next();
    if (got == FrameReader::Got::unreadable) note_unreadable(segment, reader.error());
    if (got == FrameReader::Got::bad_payload) note_corrupt(segment, reader.offset(), "one record");
    if (got == FrameReader::Got::bad_header || got == FrameReader::Got::torn) note_corrupt(segment, reader.offset(), "the rest of its file");
    if (got == FrameReader::Got::bad_payload) continue;
    if (got != FrameReader::Got::frame) return true;
    const auto& header = reader.header();
    if (header.sequence <= out.last) continue;
    if (header.sequence > range.last) return true;
    if (out.items.size() >= items_max || (!out.items.empty() && header.payload_bytes > bytes_left)) {
      cursor_ = {segment.number, reader.offset(), out.last};
      return false;
    }
    bytes_left -= std::min<std::size_t>(bytes_left, header.payload_bytes);
    out.last = header.sequence;
    auto item = decode(reader);
    if (!item) {
      note_corrupt(segment, reader.offset(), item.error().message);
      continue;
    }
    out.items.push_back(std::move(item).value());
    read_back_.add();
  }
}

void TurnJournal::note_unreadable(const Segment& segment, const Error& error) {
  errors("read").add();
  log::error("journal", "a part of the journal cannot be read: it is left out, and kept", {{"error", error.message}});
  keep_when_done(segment.number);
}

Result<RecordItem> TurnJournal::decode(const FrameReader& reader) const {
  const auto& header = reader.header();
  if (!header.sealed) return decode_record(header.kind, header.version, reader.payload());
  if (!options_.seal.open) return Error{Errc::data_corrupt, "an encrypted record, and there is no key"};
  auto plain = options_.seal.open(reader.payload(), context_of(header));
  if (!plain) return plain.error();
  return decode_record(header.kind, header.version, *plain);
}

// ---- letting go ----

void TurnJournal::applied(std::uint64_t sequence) {
  {
    std::lock_guard lock(mutex_);
    if (sequence <= applied_) return;
    applied_ = sequence;
    if (segments_.empty()) return;
  }
  auto noted = files_->overwrite(options_.directory / checkpoint_name, encode_mark(sequence));
  if (!noted) {
    errors("checkpoint").add();
    if (!checkpoint_failed_)
      log::warn("journal", "the checkpoint cannot be written: a start would replay too much", {{"error", noted.error().message}});
  }
  checkpoint_failed_ = !noted;
  remove_applied(false);
}

void TurnJournal::remove_applied(bool closing) {
  std::vector<Segment> gone;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(segments_, [&](const Segment& segment) {
      const bool over = (closing || segment.done) && segment.last <= applied_;
      if (over) gone.push_back(segment);
      return over;
    });
    publish();
  }
  for (const auto& segment : gone) bury(segment);
}

void TurnJournal::bury(const Segment& segment) {
  const auto buried = segment.corrupt ? files_->rename(path_of(segment), path_of(segment, corrupt_extension)) : files_->remove(path_of(segment));
  if (!buried) {
    errors("remove").add();
    log::warn("journal", "a journal file that is not needed any more cannot be removed", {{"error", buried.error().message}});
  }
  if (!segment.corrupt) return;
  auto entries = files_->list(options_.directory);
  if (!entries) return;
  std::erase_if(*entries, [](const JournalFiles::Entry& entry) { return !number_of(entry.name, corrupt_extension); });
  std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (std::size_t i = 0; i + options_.corrupt_segments_max < entries->size(); ++i)
    if (auto removed = files_->remove(options_.directory / (*entries)[i].name); !removed) errors("remove").add();
}

void TurnJournal::publish() {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments_) bytes += segment.bytes;
  bytes_ = bytes;
  bytes_gauge_.set(static_cast<double>(bytes));
  segments_gauge_.set(static_cast<double>(segments_.size()));
}

Counter& TurnJournal::errors(const char* operation) {
  return metrics_.counter("repartee_journal_errors_total", "operations on the journal's files that failed", {{"operation", operation}});
}

std::filesystem::path TurnJournal::path_of(const Segment& segment, const char* extension) const {
  char name[16];
  std::snprintf(name, sizeof name, "%08u", segment.number);
  return options_.directory / (std::string(name) + extension);
}

}  // namespace repartee::persistence
