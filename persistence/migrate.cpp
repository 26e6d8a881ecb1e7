#include "persistence/migrate.hpp"

#include <algorithm>
#include <thread>

#include "core/log.hpp"
#include "persistence/connection.hpp"
#include "persistence/digest.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

constexpr int access_version = 0;  // the row of schema_migrations that stands for access.sql
constexpr Millis lock_poll = Millis(100);

constexpr const char* make_table =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now(), took_ms bigint NOT NULL);"
    "CREATE TABLE IF NOT EXISTS data_migrations (version integer PRIMARY KEY, name text NOT NULL, next text NOT NULL DEFAULT '',"
    " rows_done bigint NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),"
    " finished_at timestamptz)";
constexpr Statement table_exists{"migrate_table", "SELECT to_regclass('schema_migrations') IS NOT NULL AS there"};
constexpr Statement try_lock{"migrate_lock", "SELECT pg_try_advisory_lock(hashtext('repartee schema_migrations')) AS held"};
constexpr Statement read_applied{"migrate_read", "SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version"};
constexpr Statement write_applied{
    "migrate_write",
    "INSERT INTO schema_migrations (version, name, checksum, took_ms) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum, took_ms = excluded.took_ms, applied_at = now()"};
constexpr Statement forget_applied{"migrate_forget", "DELETE FROM schema_migrations WHERE version = $1"};
constexpr Statement data_table_exists{"migrate_data_table", "SELECT to_regclass('data_migrations') IS NOT NULL AS there"};
constexpr Statement begin_data{"migrate_data_begin",
                               "INSERT INTO data_migrations (version, name) VALUES ($1, $2) ON CONFLICT (version) DO NOTHING"};
constexpr Statement read_data{"migrate_data_read",
                              "SELECT next, rows_done, finished_at IS NOT NULL AS finished FROM data_migrations WHERE version = $1"};
// A null `next` ends it.
constexpr Statement write_data{"migrate_data_write",
                               "UPDATE data_migrations SET next = coalesce($2, next), rows_done = rows_done + $3, updated_at = now(),"
                               " finished_at = CASE WHEN $2::text IS NULL THEN now() END WHERE version = $1"};
constexpr Statement forget_data{"migrate_data_forget", "DELETE FROM data_migrations WHERE version = $1"};
constexpr Statement has_audit{"migrate_has_audit", "SELECT to_regproc('audit_logs_make_partitions') IS NOT NULL AS there"};
constexpr Statement make_partitions{"migrate_partitions", "SELECT audit_logs_make_partitions($1::integer)"};

struct Applied {
  int version;
  std::string name, checksum;
  WallTime at;
};

std::string label(int version, const std::string& name) {
  char number[16];
  std::snprintf(number, sizeof number, "%04d_", version);
  return number + name;
}

}  // namespace

// A connection that holds the advisory lock, from its making to its end.
class Migrator::Session {
 public:
  Session(const Migrator& migrator, bool locked) : migrator_(migrator), connection_(migrator.owner_, settings()) {
    if (locked) lock();
  }

  std::vector<Applied> applied() {
    std::vector<Applied> all;
    in_transaction([&] {
      if (!connection_.exec(table_exists)[0].boolean("there")) return;
      for (const auto& row : connection_.exec(read_applied))
        all.push_back({static_cast<int>(row.integer("version")), row.text("name"), row.text("checksum"), row.time("applied_at")});
    });
    return all;
  }

  // The numbered ones, checked against what this program holds.
  std::vector<Applied> checked() {
    auto all = applied();
    std::erase_if(all, [](const Applied& a) { return a.version == access_version; });
    const auto& known = migrator_.set_.numbered;
    for (const auto& a : all) {
      const auto match = std::find_if(known.begin(), known.end(), [&](const Migration& m) { return m.version == a.version; });
      if (match != known.end() && sha256_hex(match->up) != a.checksum)
        throw DatabaseError(
            Errc::conflict,
            "migration " + label(a.version, a.name) +
                " was changed after it had been applied to this database: restore its text and put the change into a new migration");
      if (match == known.end() && !known.empty() && a.version < known.back().version)
        throw DatabaseError(Errc::conflict,
                            "the database has migration " + label(a.version, a.name) +
                                ", which this program does not know although it knows later ones: is it another product's database?");
      if (match == known.end()) log::warn("migrate", "the database is newer than this program", {{"applied", label(a.version, a.name)}});
    }
    return all;
  }

  void make_bookkeeping() {
    in_transaction([&] { connection_.script(make_table); });
  }

  void apply(const Migration& m) {
    const auto started = SteadyClock::now();
    in_transaction([&] {
      run_script(m, m.up);
      connection_.exec(write_applied, Params(m.version, m.name, sha256_hex(m.up), to_ms(SteadyClock::now() - started)));
    });
    log::info("migrate", "applied",
              {{"migration", label(m.version, m.name)}, {"took_ms", static_cast<long long>(to_ms(SteadyClock::now() - started))}});
  }

  // Goes on where an earlier run ended, until nothing is left.
  void migrate_data(const Migration& m) {
    if (m.data.empty()) return;
    in_transaction([&] { connection_.exec(begin_data, Params(m.version, m.name)); });
    for (bool finished = false; !finished;) {
      in_transaction([&] { finished = run_batch(m); });
      if (!finished) std::this_thread::sleep_for(migrator_.options_.data_pause);
    }
  }

  std::optional<std::int64_t> data_rows_so_far(const Migration& m) {
    std::optional<std::int64_t> rows;
    if (m.data.empty()) return rows;
    in_transaction([&] {
      rows = 0;
      if (!connection_.exec(data_table_exists)[0].boolean("there")) return;
      const auto progress = connection_.exec(read_data, Params(m.version));
      if (progress.empty()) return;
      if (progress[0].boolean("finished")) rows.reset();
      else rows = progress[0].integer("rows_done");
    });
    return rows;
  }

  void take_back(const Migration& m) {
    in_transaction([&] {
      run_script(m, m.down);
      connection_.exec(forget_data, Params(m.version));
      connection_.exec(forget_applied, Params(m.version));
      connection_.exec(forget_applied, Params(access_version));  // whatever comes up again gets its grants and policies
    });
    log::info("migrate", "taken back", {{"migration", label(m.version, m.name)}});
  }

  void apply_access(bool schema_changed) {
    const auto checksum = sha256_hex(migrator_.set_.access);
    const auto all = applied();
    const bool current =
        std::any_of(all.begin(), all.end(), [&](const Applied& a) { return a.version == access_version && a.checksum == checksum; });
    if (current && !schema_changed) return;
    in_transaction([&] {
      if (!ensure_roles(connection_)) {
        log::warn(
            "migrate",
            "the roles repartee_app, repartee_recorder, repartee_analyst and repartee_backup are not there and this user may not make "
            "them: everything works as the database URL's user, without row-level security");
        return;
      }
      connection_.script(migrator_.set_.access);
      connection_.exec(write_applied, Params(access_version, "access", checksum, 0));
    });
  }

  void make_audit_partitions() {
    in_transaction([&] {
      if (connection_.exec(has_audit)[0].boolean("there")) connection_.exec(make_partitions, Params(migrator_.options_.audit_months_ahead));
    });
  }

 private:
  static Connection::Settings settings() { return {.statement_timeout = Millis(0)}; }  // a migration may take its time

  template <class F>
  void in_transaction(F&& work) {
    connection_.begin();
    try {
      work();
      connection_.commit();
    } catch (...) {
      connection_.roll_back();
      throw;
    }
  }

  void run_script(const Migration& m, const std::string& sql) {
    naming(label(m.version, m.name) + " failed and was rolled back", [&] { connection_.script(sql); });
  }

  // Whether that was the end. The batch and the note of it stand or fall together.
  bool run_batch(const Migration& m) {
    const auto noted = connection_.exec(read_data, Params(m.version));
    const auto progress = noted[0];
    if (progress.boolean("finished")) return true;
    const auto name = "migrate_data_" + std::to_string(m.version);
    Rows batch;
    naming(label(m.version, m.name) + "'s data stopped after " + progress.text("rows_done") + " rows, where the next run goes on", [&] {
      batch = connection_.exec({name.c_str(), m.data.c_str()}, Params(progress.text("next"), migrator_.options_.data_batch_rows));
    });
    if (batch.size() != 1) throw DatabaseError(Errc::internal, "a data migration answers one row a batch: " + label(m.version, m.name));
    const auto next = batch[0].is_null("next") ? std::optional<std::string>() : batch[0].text("next");
    if (next && *next == progress.text("next"))
      throw DatabaseError(Errc::internal, "the data migration does not get on: " + label(m.version, m.name));
    connection_.exec(write_data, Params(m.version, next, batch[0].integer("rows")));
    if (!next)
      log::info("migrate", "data migrated",
                {{"migration", label(m.version, m.name)},
                 {"rows", static_cast<long long>(progress.integer("rows_done") + batch[0].integer("rows"))}});
    return !next;
  }

  template <class F>
  static void naming(const std::string& what, F&& work) {
    try {
      work();
    } catch (const DatabaseError& e) { throw DatabaseError(e.code(), "migration " + what + ": " + e.what(), e.connection_broken()); }
  }

  void lock() {
    const auto until = SteadyClock::now() + migrator_.options_.lock_wait;
    for (bool held = false; !held;) {
      in_transaction([&] { held = connection_.exec(try_lock)[0].boolean("held"); });  // of the connection: it outlasts the transaction
      if (held) return;
      if (SteadyClock::now() >= until) throw DatabaseError(Errc::unavailable, "another node has been migrating this database for too long");
      std::this_thread::sleep_for(lock_poll);
    }
  }

  const Migrator& migrator_;
  Connection connection_;
};

Migrator::Migrator(DatabaseTarget owner, MigrationSet set, Options options)
    : owner_(std::move(owner)), set_(std::move(set)), options_(options) {}
Migrator::Migrator(DatabaseTarget owner) : Migrator(std::move(owner), embedded_migrations(), Options{}) {}

Result<std::vector<MigrationState>> Migrator::status() {
  try {
    Session session(*this, false);
    std::vector<MigrationState> states;
    for (const auto& m : set_.numbered) states.push_back({m.version, m.name, std::nullopt, true, false, {}});
    for (const auto& a : session.applied()) {
      if (a.version == access_version) continue;
      auto state = std::find_if(states.begin(), states.end(), [&](const MigrationState& s) { return s.version == a.version; });
      if (state == states.end()) {
        states.push_back({a.version, a.name, a.at, false, false, {}});
        continue;
      }
      state->applied_at = a.at;
      const auto& m = set_.numbered[static_cast<std::size_t>(state - states.begin())];
      state->changed = sha256_hex(m.up) != a.checksum;
      state->data_rows_so_far = session.data_rows_so_far(m);
    }
    std::sort(states.begin(), states.end(), [](const auto& a, const auto& b) { return a.version < b.version; });
    return states;
  } catch (const DatabaseError& e) { return e.error(); }
}

Result<int> Migrator::up() {
  try {
    Session session(*this, true);
    session.make_bookkeeping();
    const auto applied = session.checked();
    int count = 0;
    for (const auto& m : set_.numbered) {
      if (std::none_of(applied.begin(), applied.end(), [&](const Applied& a) { return a.version == m.version; })) {
        session.apply(m);
        ++count;
      }
      session.migrate_data(m);
    }
    session.apply_access(count > 0);
    session.make_audit_partitions();
    return count;
  } catch (const DatabaseError& e) { return e.error(); }
}

Result<int> Migrator::down(int steps) {
  if (steps < 1) return Error{Errc::invalid_argument, "how many steps down: one or more"};
  try {
    Session session(*this, true);
    session.make_bookkeeping();
    auto applied = session.checked();
    int count = 0;
    for (; count < steps && !applied.empty(); ++count, applied.pop_back()) {
      const auto& last = applied.back();
      const auto match =
          std::find_if(set_.numbered.begin(), set_.numbered.end(), [&](const Migration& m) { return m.version == last.version; });
      if (match == set_.numbered.end())
        throw DatabaseError(Errc::conflict, "migration " + label(last.version, last.name) +
                                                " is newer than this program: take it back with the program that applied it");
      session.take_back(*match);
    }
    return count;
  } catch (const DatabaseError& e) { return e.error(); }
}

}  // namespace repartee::persistence
