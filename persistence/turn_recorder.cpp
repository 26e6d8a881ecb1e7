#include "persistence/turn_recorder.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr Duration idle_poll = std::chrono::minutes(1);  // closing the queue wakes the thread; only old segments are looked after
constexpr Millis room_poll = Millis(100);                // for room in the backlog, or the journal's return

}  // namespace

TurnRecorder::TurnRecorder(Database& recorder, Options options, Metrics& metrics, std::unique_ptr<TurnJournal> journal)
    : options_(std::move(options)),
      queued_(metrics.counter("repartee_recorder_queued_total", "records taken for writing")),
      dropped_(metrics.counter("repartee_recorder_dropped_total", "records lost: queue or journal full, refused by the database, damaged, or "
                                                                  "no time at shutdown")),
      replayed_(metrics.counter("repartee_journal_replayed_total", "records of an earlier run that were brought to the database")),
      waiting_(metrics.gauge("repartee_recorder_queue_items", "records that wait to be written to the database, in memory or in the journal")),
      journaling_gauge_(metrics.gauge("repartee_journal_writable", "1: turns are safe once journaled; 0: only once committed")),
      journal_(std::move(journal)),
      writer_(recorder,
              {.lanes_max = options_.lanes_max,
               .retry_pause_min = options_.retry_pause_min,
               .retry_pause_max = options_.retry_pause_max,
               .before_first_write = options_.before_first_write,
               .pause = [this](Millis duration) { return pause(duration); }},
              metrics),
      queue_(options_.queue_items_max),
      backlog_({.items_max = options_.queue_items_max, .bytes_max = options_.backlog_bytes_max}) {
  journaling_gauge_.set(journal_ ? 1 : 0);
  if (journal_) adopt_found();
  journal_thread_ = std::thread([this] { keep_journal(); });
  database_thread_ = std::thread([this] { fill_database(); });
}

void TurnRecorder::adopt_found() {
  sequence_ = journal_->sequence_max();
  const auto& found = journal_->found();
  if (found.empty()) return;
  backlog_.push(found);
  replay_last_ = found.last;
  submitted_ = found.count;
  waiting_.set(static_cast<double>(found.count));
}

TurnRecorder::~TurnRecorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    drain_until_ = SteadyClock::now() + options_.shutdown_budget;
  }
  changed_.notify_all();
  queue_.close();
  journal_thread_.join();
  database_thread_.join();
}

// ---- the live path ----

bool TurnRecorder::record_turn(TurnRecord turn, std::function<void()> on_safe) {
  return submit(RecordedTurn{std::move(turn), std::move(on_safe)}, "turn");
}
bool TurnRecorder::record_session(SessionRecord session) { return submit(std::move(session), "session"); }

bool TurnRecorder::record_audit(AuditRecord line) {
  if (line.timestamp == WallTime{}) line.timestamp = std::chrono::system_clock::now();
  return submit(RecordedAudit{new_uuid(), std::move(line)}, "audit");
}

bool TurnRecorder::submit(RecordItem item, const char* kind) {
  if (journal_ && journal_->full()) return refuse("the journal has reached its greatest size", kind);
  ++submitted_;  // before anybody can settle it
  if (!queue_.try_push(std::move(item))) {
    --submitted_;
    return refuse("the queue is full", kind);
  }
  refusing_ = false;
  queued_.add();
  return true;
}

bool TurnRecorder::refuse(const char* why, const char* kind) {
  dropped_.add();
  if (!refusing_.exchange(true))
    log::error("recorder", "records are being lost", {{"why", why}, {"items_max", options_.queue_items_max}, {"kind", kind}});
  return false;
}

bool TurnRecorder::wait_until_idle(Duration patience) {
  const std::size_t wanted = submitted_;
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return settled_ >= std::min<std::size_t>(wanted, submitted_); });
}

// ---- the journal thread ----

void TurnRecorder::keep_journal() {
  Group group;  // appended, not yet synced
  TimePoint sync_at = no_deadline;
  for (bool done = false; !done;) {
    const auto wait = group.empty() ? idle_poll : std::max<Duration>(sync_at - SteadyClock::now(), Duration::zero());
    auto items = queue_.pop_batch(options_.group_items_max, wait);
    done = items.empty() && queue_.closed();
    if (items.empty() && group.empty() && journal_) journal_->retire(SteadyClock::now());
    if (group.empty()) sync_at = SteadyClock::now() + options_.sync_delay_max;
    if (!items.empty()) take_in(std::move(items), group);
    const bool may_wait = journaling() && !done && group.size() < options_.group_items_max && SteadyClock::now() < sync_at;
    if (group.empty() || may_wait) continue;
    secure(group);
    hand_over(group);
    group.clear();
  }
  std::lock_guard lock(mutex_);
  intake_done_ = true;
  changed_.notify_all();
}

void TurnRecorder::take_in(std::vector<RecordItem> items, Group& group) {
  const auto begin = group.size();
  group.reserve(begin + items.size());
  for (auto& item : items) {
    const auto bytes = journal_header_bytes + encoded_bytes(item);
    group.push_back({.sequence = ++sequence_, .bytes = bytes, .item = std::move(item)});
  }
  append(std::span(group).subspan(begin));
}

void TurnRecorder::append(std::span<SequencedRecord> records) {
  if (!journal_ || SteadyClock::now() < journal_retry_at_) return;
  if (auto status = journal_->append(records); !status) note_journal_failure(status.error());
}

void TurnRecorder::secure(std::span<SequencedRecord> records) {
  const auto is_journaled = [](const SequencedRecord& record) { return record.journaled; };
  if (!journal_ || std::none_of(records.begin(), records.end(), is_journaled)) return;
  if (auto status = journal_->sync(); !status) {
    note_journal_failure(status.error());
    for (auto& record : records) record.journaled = false;
    return;
  }
  if (SteadyClock::now() >= journal_retry_at_) note_journal_success();
  for (auto& record : records)
    if (auto* turn = std::get_if<RecordedTurn>(&record.item); turn && record.journaled && turn->on_safe) std::exchange(turn->on_safe, {})();
}

void TurnRecorder::hand_over(Group& group) {
  for (std::size_t next = 0;;) {
    std::unique_lock lock(mutex_);
    while (next < group.size() && backlog_.push(group[next])) ++next;
    changed_.notify_all();
    waiting_.set(static_cast<double>(submitted_ - settled_));
    if (next == group.size()) return;
    changed_.wait_until(lock, std::min(drain_until_, SteadyClock::now() + room_poll));
    const bool late = SteadyClock::now() >= drain_until_;
    lock.unlock();
    const auto rest = std::span(group).subspan(next);
    append(rest);
    secure(rest);
    if (late && !rest.front().journaled) return count_remains(rest);
  }
}

void TurnRecorder::note_journal_failure(const Error& error) {
  journal_retry_at_ = SteadyClock::now() + options_.journal_retry_pause;
  if (journal_failing_.exchange(true)) return;
  journaling_gauge_.set(0);
  log::error("journal", "the journal cannot be written: turns are safe only once the database has them", {{"error", error.message}});
}

void TurnRecorder::note_journal_success() {
  if (!journal_failing_.exchange(false)) return;
  journaling_gauge_.set(1);
  log::info("journal", "the journal is written again");
}

// ---- the database thread ----

void TurnRecorder::fill_database() {
  for (RecordBacklog::Work work; next_work(work);)
    if (!(work.records.empty() ? write_range(work.range) : write_records(work.records))) break;
  std::lock_guard lock(mutex_);
  while (!backlog_.empty()) {
    const auto work = backlog_.take(options_.batch_items_max, options_.batch_bytes_max);
    count_remains(work.records);
    count_remains(work.range.count, 0);
  }
}

bool TurnRecorder::next_work(RecordBacklog::Work& work) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !backlog_.empty() || intake_done_; });
  if (backlog_.empty() || SteadyClock::now() >= drain_until_) return false;
  work = backlog_.take(options_.batch_items_max, options_.batch_bytes_max);
  changed_.notify_all();  // there may be room now
  return true;
}

bool TurnRecorder::write_records(std::vector<SequencedRecord>& records) {
  std::vector<RecordItem> items;
  items.reserve(records.size());
  std::size_t unjournaled = 0;
  for (auto& record : records) {
    items.push_back(std::move(record.item));
    unjournaled += !record.journaled;
  }
  if (const auto given_up = writer_.write(std::move(items)); given_up > 0) {
    const auto lost = std::min(given_up, unjournaled);
    count_remains(given_up - lost, lost);
    return false;
  }
  settle(records.size(), records.back().sequence);
  return true;
}

bool TurnRecorder::write_range(RecordBacklog::Range range) {
  auto read = journal_->read(range, options_.batch_items_max, options_.batch_bytes_max);
  const auto count = read.items.size();
  RecordBacklog::Range rest{read.last + 1, range.last, range.count - std::min(range.count, count)};
  if (const auto given_up = writer_.write(std::move(read.items)); given_up > 0) {
    count_remains(given_up + rest.count, 0);
    return false;
  }
  const bool replaying = range.first <= replay_last_;
  if (replaying) replayed_.add(static_cast<double>(count));
  if (!rest.empty()) {
    std::lock_guard lock(mutex_);
    backlog_.put_back(rest);
  } else if (rest.count > 0) {
    dropped_.add(static_cast<double>(rest.count));
    log::error("recorder", "records that were in the journal are lost: it is damaged", {{"count", rest.count}});
  }
  if (replaying && rest.empty() && !finish_replay()) return false;
  settle(rest.empty() ? count + rest.count : count, read.last);
  return true;
}

bool TurnRecorder::finish_replay() {
  log::info("recorder", "what an earlier run left in the journal is in the database", {{"count", replayed_.value()}});
  replay_last_ = 0;
  if (!options_.after_replay) return true;
  for (;;) {
    const auto done = options_.after_replay();
    if (done) return true;
    log::warn("recorder", "cannot finish the replay yet", {{"error", done.error().message}});
    if (!pause(options_.retry_pause_max)) return false;
  }
}

void TurnRecorder::settle(std::size_t count, std::uint64_t sequence) {
  if (journal_) journal_->applied(sequence);
  {
    std::lock_guard lock(mutex_);
    settled_ += count;
    waiting_.set(static_cast<double>(submitted_ - settled_));
  }
  changed_.notify_all();
}

void TurnRecorder::count_remains(std::span<const SequencedRecord> records) {
  const auto journaled = static_cast<std::size_t>(std::count_if(records.begin(), records.end(), [](const auto& record) { return record.journaled; }));
  count_remains(journaled, records.size() - journaled);
}

void TurnRecorder::count_remains(std::size_t journaled, std::size_t unjournaled) {
  if (journaled > 0) log::info("recorder", "records stay in the journal, for the next start", {{"count", journaled}});
  if (unjournaled == 0) return;
  dropped_.add(static_cast<double>(unjournaled));
  log::error("recorder", "records lost: the database did not come back before shutdown", {{"count", unjournaled}});
}

bool TurnRecorder::pause(Millis duration) {
  std::unique_lock lock(mutex_);
  const auto until = SteadyClock::now() + duration;
  while (SteadyClock::now() < std::min(until, drain_until_)) changed_.wait_until(lock, std::min(until, drain_until_));
  return SteadyClock::now() < drain_until_;
}

}  // namespace repartee::persistence
