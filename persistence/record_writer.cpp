#include "persistence/record_writer.hpp"

#include <algorithm>
#include <future>

#include "core/log.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement make_partition{"recorder_partition", "SELECT audit_logs_make_partition(($1 || '-15')::timestamptz)"};

// The database will refuse these rows however often they come. Everything else may pass.
bool is_refusal(Errc code) { return code == Errc::invalid_argument || code == Errc::conflict || code == Errc::internal; }

std::string name_of(const RecordItem& item) {
  if (const auto* turn = std::get_if<RecordedTurn>(&item))
    return "turn " + std::to_string(turn->record.turn_index) + " of session " + turn->record.session_id;
  if (const auto* session = std::get_if<SessionRecord>(&item)) return "session " + session->id;
  return "audit line " + std::get<RecordedAudit>(item).id;
}

// What a record must not overtake: everything of the same session.
const std::string& session_of(const RecordItem& item) {
  if (const auto* turn = std::get_if<RecordedTurn>(&item)) return turn->record.session_id;
  if (const auto* session = std::get_if<SessionRecord>(&item)) return session->id;
  return std::get<RecordedAudit>(item).id;
}

}  // namespace

RecordWriter::RecordWriter(Database& recorder, Options options, Metrics& metrics)
    : database_(recorder),
      options_(std::move(options)),
      written_(metrics.counter("repartee_recorder_written_total", "records committed")),
      dropped_(metrics.counter("repartee_recorder_dropped_total", "records lost: queue or journal full, refused by the database, damaged, or "
                                                                  "no time at shutdown")),
      retries_(metrics.counter("repartee_recorder_retries_total", "attempts to write a batch that failed and were repeated")) {}

std::size_t RecordWriter::write(std::vector<RecordItem> items) {
  const auto wanted = std::clamp<std::size_t>(items.size() / options_.lane_items_min, 1, options_.lanes_max);
  if (wanted == 1) return items.empty() ? 0 : write_in_time(items, false);
  std::vector<std::vector<RecordItem>> lanes(wanted);
  for (auto& item : items) lanes[std::hash<std::string>()(session_of(item)) % wanted].push_back(std::move(item));
  std::vector<std::future<std::size_t>> others;
  for (auto& lane : lanes)
    if (!lane.empty()) others.push_back(std::async(std::launch::async, [this, &lane] { return write_in_time(lane, false); }));
  std::size_t given_up = 0;
  for (auto& other : others) given_up += other.get();
  return given_up;
}

std::size_t RecordWriter::write_in_time(std::span<RecordItem> items, bool lean) {
  for (auto wait = options_.retry_pause_min;; wait = std::min(wait * 2, options_.retry_pause_max)) {
    const auto status = attempt(items, lean);
    if (status) return 0;
    if (prepared_ && is_refusal(status.error().code)) return isolate(items, lean, status.error());
    note_failure(status.error());
    if (!options_.pause(wait)) return items.size();
    retries_.add();
  }
}

std::size_t RecordWriter::isolate(std::span<RecordItem> items, bool lean, const Error& refusal) {
  if (items.size() > 1) {
    const auto half = items.size() / 2;
    const auto given_up = write_in_time(items.first(half), lean);
    return given_up + write_in_time(items.subspan(half), lean);
  }
  if (lean) {
    drop(items.front(), refusal);
    return 0;
  }
  log::warn("recorder", "the database refuses a record; trying it without its open JSON",
            {{"record", name_of(items.front())}, {"error", refusal.message}});
  return write_in_time(items, true);
}

Status RecordWriter::attempt(std::span<RecordItem> items, bool lean) {
  if (auto status = prepare(items); !status) return status;
  if (auto status = database_.run([&](Transaction& transaction) { write_batch(transaction, items, lean); }); !status) return status;
  note_success();
  written_.add(static_cast<double>(items.size()));
  for (auto& item : items)
    if (auto* turn = std::get_if<RecordedTurn>(&item); turn && turn->on_safe) turn->on_safe();
  return {};
}

Status RecordWriter::prepare(std::span<const RecordItem> items) {
  std::lock_guard lock(preparing_);
  if (!prepared_ && options_.before_first_write)
    if (auto status = options_.before_first_write(); !status) return status;
  prepared_ = true;
  for (const auto& month : audit_months(items)) {
    if (months_made_.contains(month)) continue;
    if (auto status = database_.run([&](Transaction& transaction) { transaction.exec(make_partition, Params(month)); }); !status)
      return status;
    months_made_.insert(month);
  }
  return {};
}

void RecordWriter::drop(const RecordItem& item, const Error& refusal) {
  dropped_.add();
  log::error("recorder", "the database refuses a record: it is lost", {{"record", name_of(item)}, {"error", refusal.message}});
}

void RecordWriter::note_failure(const Error& error) {
  if (!away_.exchange(true)) log::warn("recorder", "the database does not take records: they wait", {{"error", error.message}});
}

void RecordWriter::note_success() {
  if (away_.exchange(false)) log::info("recorder", "the database takes records again");
}

}  // namespace repartee::persistence
