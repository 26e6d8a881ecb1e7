// Brings the schema to the state this program wants, and back. Migrations are numbered SQL files (migrations/NNNN_name.up.sql, .down.sql),
// built into the program; each runs in a transaction of its own and is recorded in schema_migrations with its checksum. An applied
// migration must never change: up() and down() refuse then. Many nodes may start at once: an advisory lock lets one work and the others
// wait. access.sql (grants and policies) is no numbered step: it is applied anew when it or the schema changed and the roles exist. A
// database newer than this program is accepted (a node of the previous release may run beside the next one).
// A migration may have a third file, NNNN_name.data.sql: a statement that brings existing rows up to it, a batch at a time, each batch with
// its progress (table data_migrations) in a transaction of its own, so that nothing is locked for long and an interrupted one goes on where
// it was. It runs after the migration and before the next one, which may rely on it. docs/migrations.md says how to write all three.
// Thread contract: one thread; blocking. Uses a connection of its own, not a pool.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "persistence/conninfo.hpp"

namespace repartee::persistence {

struct Migration {
  int version = 0;  // from 1
  std::string name, up, down;
  // $1: text, where the last batch ended, '' at first; $2: integer, how many rows. Answers one row: "next", text, where this batch ended,
  // null when no row was left; "rows", bigint. It must not do a row twice if it is run again from the same place.
  std::string data = {};
};
struct MigrationSet {
  std::vector<Migration> numbered;  // ascending
  std::string access;
};
MigrationSet embedded_migrations();

struct MigrationState {
  int version = 0;
  std::string name;
  std::optional<WallTime> applied_at;
  bool known = true;                                  // false: applied by a newer program
  bool changed = false;                               // applied, but its text is another one now
  std::optional<std::int64_t> data_rows_so_far = {};  // of an applied one whose data migration has not finished
};

class Migrator {
 public:
  struct Options {
    Millis lock_wait = std::chrono::seconds(60);
    int audit_months_ahead = 2;
    int data_batch_rows = 1000;
    Millis data_pause = Millis(0);  // between batches, for a database that serves calls meanwhile
  };
  Migrator(DatabaseTarget owner, MigrationSet set, Options options);
  explicit Migrator(DatabaseTarget owner);  // the embedded ones

  Result<std::vector<MigrationState>> status();
  Result<int> up();             // how many were applied
  Result<int> down(int steps);  // how many were taken back

 private:
  class Session;

  const DatabaseTarget owner_;
  const MigrationSet set_;
  const Options options_;
};

}  // namespace repartee::persistence
