#include "cache/l2.hpp"

#include <algorithm>
#include <map>

#include "core/log.hpp"
#include "persistence/repositories/array_text.hpp"

namespace repartee::cache {
namespace {

using persistence::Params;
using persistence::Statement;
using persistence::Transaction;

struct TableStatements {
  Statement read, write, count_hits, most_used;
};

// One statement each, written out for every table: SQL is never put together at run time.
#define CACHE_TABLE(table)                                                                                            \
  TableStatements {                                                                                                   \
    {table "_read", "SELECT key, value, extract(epoch FROM expires_at - now())::float8 AS left_s FROM " table         \
                    " WHERE key = ANY($1::text[]) AND expires_at > now()"},                                           \
        {table "_write", "INSERT INTO " table                                                                         \
                         " (key, user_id, value, expires_at)"                                                         \
                         " VALUES ($1, $2, $3, now() + $4::float8 * interval '1 second') ON CONFLICT (key) DO UPDATE" \
                         " SET value = excluded.value, expires_at = excluded.expires_at, last_used_at = now()"},      \
        {table "_count_hits", "UPDATE " table                                                                         \
                              " AS t SET hit_count = t.hit_count + h.hits, last_used_at = now()"                      \
                              " FROM unnest($1::text[], $2::integer[]) AS h (key, hits) WHERE t.key = h.key"},        \
        {table "_most_used",                                                                                          \
         "SELECT key, value, left_s FROM (SELECT key, value, extract(epoch FROM expires_at - now())::float8 AS"       \
         " left_s, row_number() OVER used AS n, sum(size_bytes) OVER used AS bytes FROM " table                       \
         " WHERE user_id IS NULL AND expires_at > now() WINDOW used AS (ORDER BY hit_count DESC,"                     \
         " last_used_at DESC, key)) AS ranked WHERE n <= $1 AND bytes <= $2 ORDER BY n"},                             \
  }
const TableStatements& statements_of(Kind kind) {
  static const TableStatements embedding = CACHE_TABLE("embedding_cache"), search = CACHE_TABLE("vector_search_cache"),
                               llm = CACHE_TABLE("llm_response_cache"), tts = CACHE_TABLE("tts_audio_cache");
  switch (kind) {
    case Kind::embedding: return embedding;
    case Kind::vector_search: return search;
    case Kind::llm_response: return llm;
    default: return tts;
  }
}
#undef CACHE_TABLE

constexpr Statement remove_keys{"cache_remove", "SELECT cache_remove($1, $2) AS removed"};
constexpr Statement commit_lazily{"cache_commit_lazily", "SELECT set_config('synchronous_commit', 'off', true)"};
constexpr Statement sweep_tables{"cache_sweep", "SELECT cache_sweep($1, $2) AS removed"};

bool has_table(Kind kind) {
  return kind == Kind::embedding || kind == Kind::vector_search || kind == Kind::llm_response || kind == Kind::tts_audio;
}

// bytea as PostgreSQL writes and reads it: \x and two digits a byte.
std::string to_hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out(2 + bytes.size() * 2, '\\');
  out[1] = 'x';
  char* to = out.data() + 2;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *to++ = digits[byte >> 4];
    *to++ = digits[byte & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string out((text.size() - 2) / 2, '\0');
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 + 2 * i]), low = digit(text[3 + 2 * i]);
    if (high < 0 || low < 0) return std::nullopt;
    out[i] = static_cast<char>(high << 4 | low);
  }
  return out;
}

Duration seconds_of(double s) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s)); }

std::optional<std::string> maybe(std::string_view text) { return text.empty() ? std::nullopt : std::optional<std::string>(text); }

constexpr Duration poll_interval = std::chrono::seconds(1);

}  // namespace

persistence::Database::Options cache_database_options(const L2::Options& options) {
  persistence::Database::Options pool;
  pool.name = "cache";
  pool.connections_max = options.readers + 2;  // the writer, and a sweep
  pool.acquire_timeout = Millis(500);
  pool.connection.statement_timeout = Millis(2000);
  pool.connection.lock_timeout = Millis(1000);
  return pool;
}

L2::L2(persistence::Database& database, Policies policies, Options options, Metrics& metrics)
    : database_(database),
      policies_(std::move(policies)),
      options_(std::move(options)),
      hits_(metrics.counter("repartee_cache_requests_total", "look-ups by tier and result", {{"tier", "l2"}, {"result", "hit"}})),
      misses_(metrics.counter("repartee_cache_requests_total", "look-ups by tier and result", {{"tier", "l2"}, {"result", "miss"}})),
      errors_(metrics.counter("repartee_cache_requests_total", "look-ups by tier and result", {{"tier", "l2"}, {"result", "error"}})),
      dropped_(metrics.counter("repartee_cache_l2_dropped_total", "what did not fit into a queue of the second tier")),
      written_(metrics.counter("repartee_cache_l2_written_total", "values written to the second tier")),
      read_seconds_(metrics.histogram("repartee_cache_l2_read_seconds", "until the second tier answered", Metrics::latency_seconds())),
      reads_(options_.reads_waiting_max),
      writes_(options_.writes_waiting_max) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.readers, 1); ++i) threads_.emplace_back([this] { read(); });
  threads_.emplace_back([this] { write(); });
}

L2::~L2() {
  reads_.close();
  writes_.close();
  for (auto& thread : threads_) thread.join();
}

// ---- reading ----

void L2::get(Kind kind, std::string key, Found done) {
  if (!has_table(kind) || !is_key(key)) return done(std::optional<StoredValue>());
  if (reads_.try_push({kind, std::move(key), done, SteadyClock::now()})) return;
  dropped_.add();
  done(Error{Errc::resource_exhausted, "too many wait for the second tier"});
}

void L2::read() {
  for (;;) {
    auto batch = reads_.pop_batch(options_.batch_max, poll_interval);
    if (batch.empty() && reads_.closed()) return;
    std::map<std::pair<Kind, std::string>, std::vector<Read>> groups;
    for (auto& item : batch) {
      if (reads_.closed()) {
        item.done(Error{Errc::cancelled, "the cache is closing"});
        continue;
      }
      std::pair group(item.kind, std::string(owner_in(item.key)));
      groups[std::move(group)].push_back(std::move(item));
    }
    for (auto& [group, items] : groups) answer(std::move(items));
  }
}

void L2::answer(std::vector<Read> reads) {
  const auto& statements = statements_of(reads.front().kind);
  std::vector<std::string> keys;
  for (const auto& item : reads) keys.push_back(item.key);
  auto rows = database_.run([&](Transaction& t) { return t.exec(statements.read, Params(persistence::array_text(keys))); },
                            {.user_id = std::string(owner_in(reads.front().key))});
  note(rows ? Status() : Status(rows.error()), "read");
  std::map<std::string, StoredValue> found;
  if (rows)
    for (const auto& row : *rows)
      if (auto value = unpacked(reads.front().kind, row.text("value")))
        found[row.text("key")] = {std::move(*value), seconds_of(row.maybe_real("left_s").value_or(0))};
  for (auto& read : reads) {
    read_seconds_.observe(std::chrono::duration<double>(SteadyClock::now() - read.asked).count());
    const auto at = found.find(read.key);
    (!rows ? errors_ : at == found.end() ? misses_ : hits_).add();
    if (!rows) read.done(rows.error());
    else if (at == found.end()) read.done(std::optional<StoredValue>());
    else read.done(std::optional(at->second));
  }
}

std::optional<std::string> L2::unpacked(Kind kind, std::string_view hex) const {
  auto bytes = from_hex(hex);
  const auto& unpack = policy_of(policies_, kind).unpack;
  if (bytes && unpack) return unpack(*bytes);
  return bytes;
}

// ---- writing ----

void L2::submit(Write write, const char* what) {
  const auto* put = std::get_if<Put>(&write);
  const std::size_t bytes = put ? put->value->size() : 0;
  const bool fits = write_bytes_waiting_.fetch_add(bytes) + bytes <= options_.write_bytes_waiting_max;
  {
    std::lock_guard lock(mutex_);
    ++submitted_;
  }
  if (fits && writes_.try_push(std::move(write))) return;
  write_bytes_waiting_ -= bytes;
  dropped_.add();
  log::debug("cache", "not written: too much waits", {{"what", what}});
  std::lock_guard lock(mutex_);
  ++settled_;
}

void L2::put(Kind kind, std::string key, Bytes value, Duration ttl) {
  if (has_table(kind) && is_key(key) && value) submit(Put{kind, std::move(key), std::move(value), ttl}, "value");
}

void L2::add_hits(Kind kind, std::string key, int hits) {
  if (has_table(kind) && is_key(key) && hits > 0) submit(Hits{kind, std::move(key), hits}, "hits");
}

void L2::remove_prefix(std::string prefix) { submit(Remove{std::move(prefix)}, "removal"); }

void L2::most_used(Kind kind, std::size_t entries_max, std::size_t bytes_max, std::function<void(std::string, StoredValue)> each) {
  if (has_table(kind)) submit(MostUsed{kind, entries_max, bytes_max, std::move(each)}, "warming");
}

void L2::write() {
  TimePoint next_sweep = SteadyClock::now() + options_.sweep_interval;
  for (;;) {
    const auto batch = writes_.pop_batch(options_.batch_max, poll_interval);
    if (batch.empty() && writes_.closed()) return;
    std::map<std::pair<Kind, std::string>, HitsByKey> hits;
    for (const auto& item : batch) {
      if (const auto* put = std::get_if<Put>(&item)) {
        note(do_put(*put), "write");
        write_bytes_waiting_ -= put->value->size();
      } else if (const auto* remove = std::get_if<Remove>(&item)) {
        note(do_remove(*remove), "remove");
      } else if (const auto* wanted = std::get_if<MostUsed>(&item)) {
        note(do_most_used(*wanted), "warm");
      } else {
        const auto& counted = std::get<Hits>(item);
        hits[{counted.kind, std::string(owner_in(counted.key))}][counted.key] += counted.hits;
      }
    }
    for (const auto& [group, counts] : hits) note(do_hits(group.first, group.second, counts), "count hits");
    {
      std::lock_guard lock(mutex_);
      settled_ += batch.size();
    }
    changed_.notify_all();
    if (options_.sweep_interval > Duration::zero() && SteadyClock::now() >= next_sweep) {
      const auto removed = sweep();
      note(removed ? Status() : Status(removed.error()), "sweep");
      next_sweep = SteadyClock::now() + options_.sweep_interval;
    }
  }
}

Status L2::do_put(const Put& put) {
  std::optional<std::string> packed;
  if (const auto& pack = policy_of(policies_, put.kind).pack) {
    packed = pack(*put.value);
    if (!packed) return {};  // what has no packed form is not kept
  }
  const auto owner = owner_in(put.key);
  const auto hex = to_hex(packed ? *packed : *put.value);
  auto status = database_.run(
      [&](Transaction& t) {
        t.exec(commit_lazily);
        t.exec(statements_of(put.kind).write, Params(put.key, maybe(owner), hex, std::chrono::duration<double>(put.ttl).count()));
      },
      {.user_id = std::string(owner)});
  if (status) written_.add();
  return status;
}

Status L2::do_hits(Kind kind, const std::string& owner, const HitsByKey& hits) {
  std::vector<std::string> keys, counts;
  for (const auto& [key, count] : hits) {
    keys.push_back(key);
    counts.push_back(std::to_string(count));
  }
  return database_.run(
      [&](Transaction& t) {
        t.exec(commit_lazily);
        t.exec(statements_of(kind).count_hits, Params(persistence::array_text(keys), persistence::array_text(counts)));
      },
      {.user_id = owner});
}

Status L2::do_remove(const Remove& remove) {
  return database_.run([&](Transaction& t) { t.exec(remove_keys, Params(remove.prefix, options_.node)); });
}

Status L2::do_most_used(const MostUsed& wanted) {
  auto rows = database_.run(
      [&](Transaction& t) { return t.exec(statements_of(wanted.kind).most_used, Params(wanted.entries_max, wanted.bytes_max)); });
  if (!rows) return rows.error();
  for (const auto& row : *rows)
    if (auto value = unpacked(wanted.kind, row.text("value")))
      wanted.each(row.text("key"), {std::move(*value), seconds_of(row.maybe_real("left_s").value_or(0))});
  return {};
}

Result<std::int64_t> L2::sweep() {
  return database_.run(
      [&](Transaction& t) { return t.exec(sweep_tables, Params(options_.rows_max, options_.bytes_max))[0].integer("removed"); });
}

Result<std::int64_t> remove_everywhere(persistence::Database& database, const std::string& prefix) {
  return database.run([&](Transaction& t) { return t.exec(remove_keys, Params(prefix, "operator"))[0].integer("removed"); });
}

void L2::note(const Status& status, const char* what) {
  if (status) {
    if (failing_.exchange(false)) log::info("cache", "the second tier works again");
  } else if (!failing_.exchange(true)) {
    log::warn("cache", "the second tier fails; calls go on without it",
              {{"doing", what}, {"code", to_string(status.error().code)}, {"why", status.error().message}});
  }
}

bool L2::wait_until_written(Duration patience) {
  std::unique_lock lock(mutex_);
  const auto all = submitted_;
  return changed_.wait_for(lock, patience, [&] { return settled_ >= all; });
}

}  // namespace repartee::cache
