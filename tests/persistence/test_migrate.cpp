#include <fstream>
#include <thread>

#include "persistence/connection.hpp"
#include "persistence/new_migration.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

constexpr Statement dump_catalog{"dump_catalog", R"(
  SELECT string_agg(line, E'\n' ORDER BY line) AS v FROM (
    SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, coalesce(column_default, generation_expression)) AS line
      FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'schema_migrations'
    UNION ALL SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
      WHERE connamespace = current_schema()::regnamespace AND conrelid IS DISTINCT FROM to_regclass('schema_migrations')
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'schema_migrations'
    UNION ALL SELECT format('policy %s %s %s %s %s %s', tablename, policyname, roles, cmd, qual, with_check) FROM pg_policies WHERE schemaname = current_schema()
    UNION ALL SELECT format('security %s %s %s', relname, relrowsecurity, relacl) FROM pg_class
      WHERE relnamespace = current_schema()::regnamespace AND relname NOT LIKE 'schema_migrations%'
    UNION ALL SELECT format('trigger %s %s', tgrelid::regclass, pg_get_triggerdef(oid)) FROM pg_trigger
      WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    UNION ALL SELECT format('function %s %s', pg_get_functiondef(oid), proacl) FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
  ) AS all_lines)"};

// A schema of its own in the shared cluster stands for a database of its own.
class MigrateTest : public StoreTest {
 protected:
  MigrateTest() : schema_("m" + random_token(6)) {
    std::erase_if(schema_, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
    for (auto& c : schema_) c = static_cast<char>(std::tolower(c));
    Connection owner(cluster_.targets().owner, {});
    owner.begin();
    owner.script("CREATE SCHEMA " + schema_);
    owner.commit();
    target_ = with_keys(cluster_.targets().owner, {{"options", "-c search_path=" + schema_}});
  }
  ~MigrateTest() override {
    Connection owner(cluster_.targets().owner, {});
    owner.begin();
    owner.script("DROP SCHEMA " + schema_ + " CASCADE");
    owner.commit();
  }
  std::string catalog() {
    Connection owner(target_, {});
    owner.begin();
    return owner.exec(dump_catalog)[0].text("v");
  }
  static Migration table(int version, const std::string& name) {
    return {version, name, "CREATE TABLE " + name + " (id integer)", "DROP TABLE " + name};
  }

  std::string schema_;
  DatabaseTarget target_;
};

TEST_F(MigrateTest, TakesTheSchemaUpDownAndUpAndFindsItTheSame) {
  Migrator migrator(target_);
  const auto empty = catalog();
  ASSERT_TRUE(migrator.up());
  const auto first = catalog();
  EXPECT_NE(first.find("policy conversation_turns turns_own"), std::string::npos);
  EXPECT_NE(first.find("column conversation_turns.total_latency_ms"), std::string::npos);
  const auto all = static_cast<int>(embedded_migrations().numbered.size());
  auto down = migrator.down(all);
  ASSERT_TRUE(down) << down.error().message;
  EXPECT_EQ(*down, all);
  const auto after_down = catalog();
  EXPECT_EQ(after_down.find("conversation_turns"), std::string::npos) << after_down;
  EXPECT_EQ(after_down.find("function"), std::string::npos) << after_down;
  EXPECT_EQ(empty, "");
  ASSERT_TRUE(migrator.up());
  EXPECT_EQ(catalog(), first);
}

TEST_F(MigrateTest, RunsNothingTheSecondTime) {
  Migrator migrator(target_);
  EXPECT_EQ(*migrator.up(), static_cast<int>(embedded_migrations().numbered.size()));
  EXPECT_EQ(*migrator.up(), 0);
}

TEST_F(MigrateTest, RefusesAnAppliedMigrationThatWasChanged) {
  ASSERT_TRUE(Migrator(target_, {{table(1, "one"), table(2, "two")}, ""}, {}).up());
  auto changed = table(1, "one");
  changed.up += " -- changed";
  Migrator migrator(target_, {{changed, table(2, "two"), table(3, "three")}, ""}, {});
  const auto up = migrator.up();
  ASSERT_FALSE(up);
  EXPECT_EQ(up.error().code, Errc::conflict);
  EXPECT_NE(up.error().message.find("0001_one was changed after it had been applied"), std::string::npos) << up.error().message;
  EXPECT_FALSE(migrator.down(1));
  const auto states = migrator.status();
  ASSERT_TRUE(states);
  EXPECT_TRUE((*states)[0].changed);
  EXPECT_FALSE((*states)[1].changed);
  EXPECT_FALSE((*states)[2].applied_at.has_value());
}

TEST_F(MigrateTest, RollsAFailedMigrationBackAsAWhole) {
  const Migration broken{2, "two", "CREATE TABLE half (id integer); CREATE TABLE half (id integer)", "DROP TABLE half"};
  Migrator migrator(target_, {{table(1, "one"), broken}, ""}, {});
  const auto up = migrator.up();
  ASSERT_FALSE(up);
  EXPECT_NE(up.error().message.find("0002_two failed and was rolled back"), std::string::npos) << up.error().message;
  EXPECT_EQ(catalog().find("half"), std::string::npos);
  EXPECT_TRUE((*migrator.status())[0].applied_at.has_value());
}

TEST_F(MigrateTest, LetsOneOfTwoMigratorsWorkAndTheOtherWait) {
  const Migration slow{1, "slow", "SELECT pg_sleep(0.4); CREATE TABLE slow (id integer)", "DROP TABLE slow"};
  int applied[2] = {-1, -1};
  std::thread threads[2];
  for (int i = 0; i < 2; ++i)
    threads[i] = std::thread([&, i] {
      auto up = Migrator(target_, {{slow}, ""}, {}).up();
      applied[i] = up ? *up : -1;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(applied[0] + applied[1], 1);
  EXPECT_GE(std::min(applied[0], applied[1]), 0);
}

TEST_F(MigrateTest, BringsADatabaseUpOnceWhenManyNodesStartAtTheSameTime) {
  constexpr int nodes = 8;
  std::vector<Result<int>> applied(nodes, Error{});
  std::vector<std::thread> threads;
  for (int i = 0; i < nodes; ++i) threads.emplace_back([&, i] { applied[static_cast<std::size_t>(i)] = Migrator(target_).up(); });
  for (auto& thread : threads) thread.join();
  int sum = 0;
  for (const auto& up : applied) {
    ASSERT_TRUE(up) << up.error().message;
    EXPECT_TRUE(*up == 0 || *up == static_cast<int>(embedded_migrations().numbered.size()));
    sum += *up;
  }
  EXPECT_EQ(sum, static_cast<int>(embedded_migrations().numbered.size()));
}

TEST_F(MigrateTest, AcceptsADatabaseThatANewerProgramMigrated) {
  ASSERT_TRUE(Migrator(target_, {{table(1, "one"), table(2, "two")}, ""}, {}).up());
  Migrator older(target_, {{table(1, "one")}, ""}, {});
  const auto up = older.up();
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_EQ(*up, 0);
  EXPECT_FALSE(older.down(1)) << "it does not know how to take 0002 back";
  EXPECT_FALSE((*older.status())[1].known);
}

// Rows 1 to 25 of a table; a row named in `bad` stops the batch it is in.
class DataMigrationTest : public MigrateTest {
 protected:
  static Migrator::Options batches_of(int rows) {
    Migrator::Options options;
    options.data_batch_rows = rows;
    return options;
  }
  MigrationSet set() const {
    auto filled = table(1, "numbers");
    filled.up =
        "CREATE TABLE numbers (id integer PRIMARY KEY, twice integer, times_done integer NOT NULL DEFAULT 0);"
        "CREATE TABLE bad (id integer); INSERT INTO numbers (id) SELECT generate_series(1, 25)";
    filled.down = "DROP TABLE bad; DROP TABLE numbers";
    filled.data = R"(
      WITH batch AS (SELECT id FROM numbers WHERE id > coalesce(nullif($1::text, '')::integer, 0) ORDER BY id LIMIT $2::integer),
           done AS (UPDATE numbers AS n SET twice = 2 * n.id / (SELECT CASE WHEN EXISTS (SELECT FROM bad WHERE bad.id = n.id) THEN 0 ELSE 1 END),
                           times_done = n.times_done + 1 FROM batch AS b WHERE n.id = b.id RETURNING n.id)
      SELECT (SELECT max(id)::text FROM batch) AS next, (SELECT count(*) FROM done) AS rows)";
    return {{filled, {2, "relies", "ALTER TABLE numbers ALTER twice SET NOT NULL", "ALTER TABLE numbers ALTER twice DROP NOT NULL"}}, ""};
  }
  void script(const std::string& sql) {
    Connection owner(target_, {});
    owner.begin();
    owner.script(sql);
    owner.commit();
  }
  std::string ask(const char* sql) {
    Connection owner(target_, {});
    owner.begin();
    return owner.exec({"ask", sql})[0].text("v");
  }
};

TEST_F(DataMigrationTest, BringsEveryRowUpBeforeTheNextMigrationReliesOnIt) {
  Migrator migrator(target_, set(), batches_of(4));
  const auto up = migrator.up();
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_EQ(*up, 2);
  EXPECT_EQ(ask("SELECT count(*) AS v FROM numbers WHERE twice = 2 * id AND times_done = 1"), "25");
  EXPECT_EQ(ask("SELECT rows_done || ' ' || (finished_at IS NOT NULL) AS v FROM data_migrations"), "25 true");
  EXPECT_FALSE((*migrator.status())[0].data_rows_so_far.has_value());
  script("UPDATE numbers SET times_done = 7");
  ASSERT_TRUE(migrator.up());
  EXPECT_EQ(ask("SELECT min(times_done) AS v FROM numbers"), "7") << "finished is finished";
}

TEST_F(DataMigrationTest, GoesOnWhereAnInterruptedRunEnded) {
  ASSERT_TRUE(Migrator(target_, {{{1, "numbers", set().numbered[0].up, set().numbered[0].down}}, ""}, {}).up());
  script("INSERT INTO bad VALUES (14)");
  Migrator migrator(target_, set(), batches_of(4));
  const auto stopped = migrator.up();
  ASSERT_FALSE(stopped);
  EXPECT_NE(stopped.error().message.find("0001_numbers's data stopped after 12 rows"), std::string::npos) << stopped.error().message;
  EXPECT_EQ(ask("SELECT count(*) AS v FROM numbers WHERE twice IS NOT NULL"), "12") << "whole batches only";
  EXPECT_EQ((*migrator.status())[0].data_rows_so_far, 12);
  EXPECT_FALSE((*migrator.status())[1].applied_at.has_value()) << "the next one waits for it";
  script("DELETE FROM bad");
  const auto up = migrator.up();
  ASSERT_TRUE(up) << up.error().message;
  EXPECT_EQ(ask("SELECT count(*) AS v FROM numbers WHERE twice = 2 * id AND times_done = 1"), "25") << "no row was done twice";
}

TEST_F(DataMigrationTest, StopsOneThatDoesNotGetOn) {
  auto stuck = set();
  stuck.numbered[0].data = "SELECT '' AS next, 0 AS rows WHERE $1::text IS NOT NULL AND $2::integer > 0";
  EXPECT_EQ(Migrator(target_, stuck, {}).up().error().code, Errc::internal);
}

TEST_F(DataMigrationTest, IsTakenBackWithItsMigration) {
  Migrator migrator(target_, set(), {});
  ASSERT_TRUE(migrator.up());
  ASSERT_TRUE(migrator.down(2));
  EXPECT_EQ(ask("SELECT count(*) AS v FROM data_migrations"), "0");
  ASSERT_TRUE(migrator.up());
  EXPECT_EQ(ask("SELECT count(*) AS v FROM numbers WHERE twice = 2 * id"), "25");
}

TEST(NewMigration, TakesTheNextNumberAndOverwritesNothing) {
  TempDir folder;
  const auto first = new_migration(folder.path(), "first");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ((*first)[0].filename(), "0001_first.up.sql");
  EXPECT_EQ((*first)[1].filename(), "0001_first.down.sql");
  std::ofstream(folder.path() / "0041_other.up.sql") << "";
  const auto next = new_migration(folder.path(), "next_2");
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)[0].filename(), "0042_next_2.up.sql");
  EXPECT_TRUE(std::filesystem::exists((*next)[1]));
  for (const char* bad : {"", "../x", "Upper", "a b", "a/b"})
    EXPECT_EQ(new_migration(folder.path(), bad).error().code, Errc::invalid_argument) << bad;
  EXPECT_EQ(new_migration(folder.path() / "nowhere", "x").error().code, Errc::not_found);
}

TEST_F(StoreTest, MakesAuditPartitionsForThisMonthAndTheNextTwo) {
  EXPECT_EQ(scalar({"count_partitions",
                    "SELECT count(*) AS v FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass AND "
                    "substr(inhrelid::regclass::text, 12) BETWEEN to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AND "
                    "to_char(now() AT TIME ZONE 'UTC' + interval '2 months', 'YYYY_MM')"}),
            "3");
}

}  // namespace
}  // namespace repartee::persistence::test
