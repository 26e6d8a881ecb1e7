#include "persistence/turn_recorder.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr Duration queue_poll = std::chrono::hours(1);  // closing the queue wakes the thread
constexpr Statement make_partition{"recorder_partition", "SELECT audit_logs_make_partition(($1 || '-15')::timestamptz)"};

// The database will refuse these rows however often they come. Everything else may pass.
bool is_refusal(Errc code) { return code == Errc::invalid_argument || code == Errc::conflict || code == Errc::internal; }

std::string name_of(const RecordItem& item) {
  if (const auto* turn = std::get_if<RecordedTurn>(&item))
    return "turn " + std::to_string(turn->record.turn_index) + " of session " + turn->record.session_id;
  if (const auto* session = std::get_if<SessionRecord>(&item)) return "session " + session->id;
  return "audit line " + std::get<RecordedAudit>(item).id;
}

}  // namespace

TurnRecorder::TurnRecorder(Database& recorder, Options options, Metrics& metrics)
    : database_(recorder),
      options_(std::move(options)),
      queued_(metrics.counter("repartee_recorder_queued_total", "records taken for writing")),
      written_(metrics.counter("repartee_recorder_written_total", "records committed")),
      dropped_(
          metrics.counter("repartee_recorder_dropped_total", "records lost: queue full, refused by the database, or no time at shutdown")),
      retries_(metrics.counter("repartee_recorder_retries_total", "attempts to write a batch that failed and were repeated")),
      waiting_(metrics.gauge("repartee_recorder_queue_items", "records that wait to be written")),
      queue_(options_.queue_items_max),
      thread_([this] { work(); }) {}

TurnRecorder::~TurnRecorder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    drain_until_ = SteadyClock::now() + options_.shutdown_budget;
  }
  changed_.notify_all();
  queue_.close();
  thread_.join();
}

bool TurnRecorder::record_turn(TurnRecord turn, std::function<void()> on_safe) {
  return submit(RecordedTurn{std::move(turn), std::move(on_safe)}, "turn");
}
bool TurnRecorder::record_session(SessionRecord session) { return submit(std::move(session), "session"); }

bool TurnRecorder::record_audit(AuditRecord line) {
  if (line.timestamp == WallTime{}) line.timestamp = std::chrono::system_clock::now();
  return submit(RecordedAudit{new_uuid(), std::move(line)}, "audit");
}

bool TurnRecorder::submit(RecordItem item, const char* kind) {
  std::lock_guard lock(mutex_);
  if (!queue_.try_push(std::move(item))) {
    dropped_.add();
    if (!std::exchange(full_logged_, true))
      log::error("recorder", "the queue is full: records are being lost", {{"items_max", options_.queue_items_max}, {"kind", kind}});
    return false;
  }
  full_logged_ = false;
  ++submitted_;
  queued_.add();
  waiting_.set(static_cast<double>(submitted_ - settled_));
  return true;
}

bool TurnRecorder::wait_until_idle(Duration patience) {
  std::unique_lock lock(mutex_);
  const auto wanted = submitted_;
  return changed_.wait_for(lock, patience, [&] { return settled_ >= wanted; });
}

void TurnRecorder::work() {
  for (;;) {
    auto batch = queue_.pop_batch(options_.batch_items_max, queue_poll);
    if (batch.empty()) {
      if (queue_.closed()) return;
      continue;
    }
    write_in_time(batch);
    {
      std::lock_guard lock(mutex_);
      settled_ += batch.size();
      waiting_.set(static_cast<double>(submitted_ - settled_));
    }
    changed_.notify_all();
  }
}

void TurnRecorder::write_in_time(std::span<RecordItem> items, bool lean) {
  for (auto wait = options_.retry_pause_min;; wait = std::min(wait * 2, options_.retry_pause_max)) {
    const auto status = attempt(items, lean);
    if (status) return;
    if (prepared_ && is_refusal(status.error().code)) return isolate(items, lean, status.error());
    note_failure(status.error());
    if (!pause(wait)) return drop(items, "the database did not come back before shutdown");
    retries_.add();
  }
}

void TurnRecorder::isolate(std::span<RecordItem> items, bool lean, const Error& refusal) {
  if (items.size() > 1) {
    const auto half = items.size() / 2;
    write_in_time(items.first(half), lean);
    write_in_time(items.subspan(half), lean);
  } else if (!lean) {
    log::warn("recorder", "the database refuses a record; trying it without its open JSON",
              {{"record", name_of(items.front())}, {"error", refusal.message}});
    write_in_time(items, true);
  } else {
    drop(items, refusal.message.c_str());
  }
}

Status TurnRecorder::attempt(std::span<RecordItem> items, bool lean) {
  if (!prepared_ && options_.before_first_write)
    if (auto status = options_.before_first_write(); !status) return status;
  prepared_ = true;
  if (auto status = make_partitions(items); !status) return status;
  if (auto status = database_.run([&](Transaction& transaction) { write_batch(transaction, items, lean); }); !status) return status;
  note_success();
  written_.add(static_cast<double>(items.size()));
  for (auto& item : items)
    if (auto* turn = std::get_if<RecordedTurn>(&item); turn && turn->on_safe) turn->on_safe();
  return {};
}

Status TurnRecorder::make_partitions(std::span<const RecordItem> items) {
  for (const auto& month : audit_months(items)) {
    if (months_made_.contains(month)) continue;
    if (auto status = database_.run([&](Transaction& transaction) { transaction.exec(make_partition, Params(month)); }); !status)
      return status;
    months_made_.insert(month);
  }
  return {};
}

void TurnRecorder::drop(std::span<const RecordItem> items, const char* why) {
  dropped_.add(static_cast<double>(items.size()));
  log::error("recorder", "records lost", {{"count", items.size()}, {"first", name_of(items.front())}, {"error", why}});
}

void TurnRecorder::note_failure(const Error& error) {
  if (!away_.exchange(true))
    log::warn("recorder", "the database does not take records; they wait in memory",
              {{"error", error.message}, {"queue_items_max", options_.queue_items_max}});
}

void TurnRecorder::note_success() {
  if (away_.exchange(false)) log::info("recorder", "the database takes records again", {{"waiting", queue_.size()}});
}

bool TurnRecorder::pause(Millis duration) {
  std::unique_lock lock(mutex_);
  const auto until = SteadyClock::now() + duration;
  while (SteadyClock::now() < std::min(until, drain_until_)) changed_.wait_until(lock, std::min(until, drain_until_));
  return SteadyClock::now() < drain_until_;
}

}  // namespace repartee::persistence
