#include "persistence/backup.hpp"

#include <fstream>
#include <sstream>

#include "persistence/connection.hpp"
#include "persistence/record_batch.hpp"
#include "persistence/restore.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

// A conversation and two blobs on the shared cluster; restores go into a cluster of their own.
class BackupTest : public StoreTest {
 protected:
  BackupTest() : session_(session_of(user_, echo_)) {
    std::vector<RecordItem> items{session_, RecordedAudit{new_uuid(), audit_of(user_, "session.open")}};
    for (int i = 0; i < 5; ++i) items.emplace_back(RecordedTurn{turn_of(session_, i), {}});
    const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
    put(blob_dir() / "ab" / "cdef", std::string(100'000, 'x'));
    put(blob_dir() / "empty", "");
  }
  static void SetUpTestSuite() {
    other_dir_ = new TempDir();
    other_metrics_ = new Metrics();
    other_ = new EmbeddedPostgres(quick_options(other_dir_->path() / "data"), *other_metrics_);
    auto targets = other_->start();
    ASSERT_TRUE(targets) << targets.error().message;
    other_targets_ = new DatabaseTargets(*targets);
  }
  static void TearDownTestSuite() {
    delete other_;
    delete other_targets_;
    delete other_metrics_;
    delete other_dir_;
  }

  fs::path blob_dir() const { return dir_.path() / "blobs"; }
  BackupOptions backup_options(const std::string& name = "b.tar") const {
    BackupOptions options;
    options.owner = cluster_.targets().owner;
    options.blob_dir = blob_dir();
    options.file = dir_.path() / name;
    options.program = "repartee test";
    options.tools.work_root = dir_.path() / "work";
    return options;
  }
  RestoreOptions restore_options(bool force, const std::string& name = "b.tar") const {
    RestoreOptions options;
    options.owner = other_targets_->owner;
    options.file = dir_.path() / name;
    options.blob_dir = dir_.path() / "restored-blobs";
    options.force = force;
    options.tools.work_root = dir_.path() / "work";
    return options;
  }
  // In the other cluster, as repartee_backup. Column v.
  std::string other(const char* sql, const Params& params = Params()) const {
    try {
      Connection connection({other_targets_->owner.conninfo, roles::backup}, {});
      connection.begin();
      const auto rows = connection.exec({"other", sql}, params);
      return rows.empty() ? "no rows" : rows[0].text("v");
    } catch (const DatabaseError& e) { return e.what(); }
  }
  std::string turns_there() const {
    return other("SELECT count(*)::text AS v FROM conversation_turns WHERE session_id = $1", Params(session_.id));
  }

  TempDir dir_;
  SessionRecord session_;
  static TempDir* other_dir_;
  static Metrics* other_metrics_;
  static EmbeddedPostgres* other_;
  static DatabaseTargets* other_targets_;
};
TempDir* BackupTest::other_dir_ = nullptr;
Metrics* BackupTest::other_metrics_ = nullptr;
EmbeddedPostgres* BackupTest::other_ = nullptr;
DatabaseTargets* BackupTest::other_targets_ = nullptr;

TEST_F(BackupTest, BringsRowsAndBlobsOfEverybodyBack) {
  const auto made = make_backup(backup_options());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->manifest.parts.size(), 3u);
  EXPECT_TRUE(fs::is_empty(dir_.path() / "work")) << "nothing is left lying about";
  const auto restored = restore_backup(restore_options(true));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->blobs, 2u);
  EXPECT_EQ(turns_there(), "5");
  EXPECT_EQ(other("SELECT llm_response AS v FROM conversation_turns WHERE session_id = $1 AND turn_index = 3", Params(session_.id)),
            "answer 3, all of it");
  EXPECT_EQ(contents(dir_.path() / "restored-blobs" / "ab" / "cdef"), std::string(100'000, 'x'));
  EXPECT_TRUE(fs::exists(dir_.path() / "restored-blobs" / "empty"));
}

TEST_F(BackupTest, PutsRowSecurityAndGrantsBackToo) {
  ASSERT_TRUE(make_backup(backup_options()));
  ASSERT_TRUE(restore_backup(restore_options(true)));
  Metrics metrics;
  Database app(other_targets_->app, {}, metrics);
  const auto seen = [&](const std::string& as) {
    return app.run(
        [&](Transaction& t) {
          return t.exec({"seen", "SELECT FROM conversation_turns WHERE session_id = $1"}, Params(session_.id)).affected();
        },
        {.user_id = as});
  };
  EXPECT_EQ(*seen(user_), 5u);
  EXPECT_EQ(*seen(make_user()), 0u);
  EXPECT_EQ(app.run([](Transaction& t) {
                 t.exec({"make", "SELECT audit_logs_make_partition(now())"});
               })
                .error()
                .code,
            Errc::permission_denied);
  EXPECT_EQ(*Migrator(other_targets_->owner).up(), 0) << "the schema is this program's";
}

TEST_F(BackupTest, ReplacesAFullDatabaseOnlyWhenForced) {
  ASSERT_TRUE(make_backup(backup_options()));
  ASSERT_TRUE(restore_backup(restore_options(true)));
  const auto refused = restore_backup(restore_options(false));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find("--force"), std::string::npos);
  EXPECT_TRUE(restore_backup(restore_options(true)));
  EXPECT_EQ(turns_there(), "5");
}

TEST_F(BackupTest, RefusesADamagedFileAndAHalfOne) {
  ASSERT_TRUE(make_backup(backup_options()));
  auto bytes = contents(dir_.path() / "b.tar");
  bytes[bytes.find("xxxx") + 50'000] = 'y';
  put(dir_.path() / "damaged.tar", bytes);
  put(dir_.path() / "half.tar", bytes.substr(0, bytes.size() / 2));
  put(dir_.path() / "none.tar", "");
  EXPECT_TRUE(check_backup(dir_.path() / "b.tar"));
  for (const char* name : {"damaged.tar", "half.tar", "none.tar"}) {
    const auto refused = restore_backup(restore_options(true, name));
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Errc::data_corrupt) << name << refused.error().message;
  }
}

// A dump whose rows are not those of the manifest: as if a row had been lost on the way.
TEST_F(BackupTest, ChangesNothingWhenRowsAreMissing) {
  ASSERT_TRUE(make_backup(backup_options()));
  ASSERT_TRUE(restore_backup(restore_options(true)));
  auto tar = TarReader::open(dir_.path() / "b.tar");
  auto forged = TarWriter::create(dir_.path() / "forged.tar");
  ASSERT_TRUE(tar && forged);
  for (auto member = tar->next(); member.ok() && *member; member = tar->next()) {
    std::string bytes;
    for (auto chunk = tar->read(1 << 16); chunk.ok() && !chunk->empty(); chunk = tar->read(1 << 16)) bytes += *chunk;
    if ((*member)->name == manifest_member) {
      auto manifest = manifest_from_json(bytes);
      for (auto& table : manifest->tables)
        if (table.name == "conversation_turns") ++table.rows;
      bytes = to_json(*manifest);
    }
    ASSERT_TRUE(forged->begin((*member)->name) && forged->append(bytes) && forged->end());
  }
  ASSERT_TRUE(forged->finish());
  const auto before = other("SELECT pg_relation_filenode('conversation_turns')::text AS v");
  const auto refused = restore_backup(restore_options(true, "forged.tar"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("conversation_turns"), std::string::npos) << refused.error().message;
  EXPECT_EQ(other("SELECT pg_relation_filenode('conversation_turns')::text AS v"), before);
  EXPECT_EQ(turns_there(), "5");
}

TEST_F(BackupTest, BringsASingleTableBack) {
  ASSERT_TRUE(make_backup(backup_options()));
  ASSERT_TRUE(restore_backup(restore_options(true)));
  auto one = backup_options("turns.tar");
  one.table = "conversation_turns";
  const auto made = make_backup(one);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->manifest.tables.size(), 1u);
  EXPECT_EQ(made->manifest.parts.size(), 1u) << "no blobs";
  EXPECT_EQ(restore_backup(restore_options(false, "turns.tar")).error().code, Errc::conflict);
  {
    Connection owner(other_targets_->owner, {});
    owner.begin();
    owner.script("DELETE FROM conversation_turns");
    owner.commit();
  }
  EXPECT_EQ(turns_there(), "0");
  const auto restored = restore_backup(restore_options(false, "turns.tar"));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(turns_there(), "5");
  auto partitioned = backup_options("audit.tar");
  partitioned.table = "audit_logs";
  const auto audit = make_backup(partitioned);
  ASSERT_TRUE(audit) << audit.error().message;
  EXPECT_GE(audit->manifest.tables.size(), 3u) << "the months";
  EXPECT_GE(audit->manifest.rows(), 1u);
  const auto audit_restored = restore_backup(restore_options(true, "audit.tar"));
  EXPECT_TRUE(audit_restored) << audit_restored.error().message;
  partitioned = backup_options("nothing.tar");
  partitioned.table = "no_such_table";
  EXPECT_EQ(make_backup(partitioned).error().code, Errc::not_found);
  EXPECT_FALSE(fs::exists(dir_.path() / "nothing.tar"));
}

TEST_F(BackupTest, ReadsEveryRowThroughPoliciesWhereNoRoleMayBypassThem) {
  // An operator's own server: a login without BYPASSRLS that is granted repartee_backup, which has it here; so the test takes the same
  // way by looking at what the policies show to a role that has not.
  const auto through_policies =
      scalar({"policies",
              "SELECT count(*) AS v FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relrowsecurity AND NOT "
              "EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'backup_reads')"});
  EXPECT_EQ(through_policies, "0");
  auto blind = backup_options();
  blind.owner = cluster_.targets().app;
  EXPECT_EQ(make_backup(blind).error().code, Errc::permission_denied) << "half a backup is none";
}

const std::string first_key = "k1:" + std::string(64, 'a') + "\n", second_key = "k2:" + std::string(64, 'b') + "\n",
                  same_id = "k1:" + std::string(64, 'c') + "\n";

TEST_F(BackupTest, IsEncryptedWithAKeyFileAndComesBackWithItsKeyOnly) {
  put(blob_dir() / "large", std::string((2 << 20) + 17, 'y'));  // more than one piece
  auto options = backup_options();
  options.keys = keys_of(first_key);
  const auto made = make_backup(options);
  ASSERT_TRUE(made) << made.error().message;
  const auto bytes = contents(dir_.path() / "b.tar");
  for (const char* open_text : {"xxxx", "yyyy", "PGDMP", "conversation_turns"})
    EXPECT_EQ(bytes.find(open_text), std::string::npos) << open_text << " can be read in it";
  auto restoring = restore_options(true);
  EXPECT_EQ(restore_backup(restoring).error().code, Errc::permission_denied) << "no key";
  restoring.keys = keys_of(second_key);
  const auto wrong = restore_backup(restoring);
  EXPECT_EQ(wrong.error().code, Errc::permission_denied);
  EXPECT_NE(wrong.error().message.find("\"k1\""), std::string::npos) << wrong.error().message;
  restoring.keys = keys_of(same_id);
  EXPECT_EQ(restore_backup(restoring).error().code, Errc::data_corrupt) << "another key of that name";
  restoring.keys = keys_of(second_key + first_key);  // as after a rotation
  const auto restored = restore_backup(restoring);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(turns_there(), "5");
  EXPECT_EQ(contents(dir_.path() / "restored-blobs" / "large"), std::string((2 << 20) + 17, 'y'));
  EXPECT_EQ(contents(dir_.path() / "restored-blobs" / "ab" / "cdef"), std::string(100'000, 'x'));
  EXPECT_TRUE(fs::exists(dir_.path() / "restored-blobs" / "empty"));
}

TEST_F(BackupTest, ThatIsEncryptedIsRefusedWhenDamagedCutOrMixedWithAnother) {
  auto options = backup_options();
  options.keys = keys_of(first_key);
  ASSERT_TRUE(make_backup(options));
  const auto bytes = contents(dir_.path() / "b.tar");
  auto damaged = bytes;
  damaged[bytes.size() / 3] = static_cast<char>(damaged[bytes.size() / 3] ^ 1);
  put(dir_.path() / "damaged.tar", damaged);
  put(dir_.path() / "half.tar", bytes.substr(0, bytes.size() / 2));
  EXPECT_TRUE(check_backup(dir_.path() / "b.tar", options.keys));
  for (const char* name : {"damaged.tar", "half.tar"})
    EXPECT_EQ(check_backup(dir_.path() / name, options.keys).error().code, Errc::data_corrupt) << name;
  // An open member among sealed ones: as somebody without the key would forge it.
  auto forged = TarWriter::create(dir_.path() / "open.tar");
  ASSERT_TRUE(forged && forged->begin("blobs/ab/cd") && forged->append("mine") && forged->end() && forged->begin("manifest.json.sealed") &&
              forged->append("none") && forged->end() && forged->finish());
  EXPECT_EQ(check_backup(dir_.path() / "open.tar", options.keys).error().code, Errc::data_corrupt);
}

TEST_F(BackupTest, OfBeforeThereWasAKeyFileIsStillRead) {
  ASSERT_TRUE(make_backup(backup_options()));
  EXPECT_TRUE(check_backup(dir_.path() / "b.tar", keys_of(first_key)));
}

TEST_F(BackupTest, OverwritesNoFile) {
  put(dir_.path() / "b.tar", "mine");
  EXPECT_EQ(make_backup(backup_options()).error().code, Errc::conflict);
  EXPECT_EQ(contents(dir_.path() / "b.tar"), "mine");
}

TEST_F(BackupTest, KeepsTheNewestOfASeriesAndNothingElseGoes) {
  const auto file = dir_.path() / "repartee.tar";
  const auto at = WallTime(std::chrono::seconds(1'795'154'400));  // 2026-11-20T06:00:00Z
  EXPECT_EQ(series_name(file, at).filename(), "repartee-20261120T060000Z.tar");
  for (int hour = 0; hour < 5; ++hour) put(series_name(file, at + std::chrono::hours(hour)), "x");
  put(dir_.path() / "repartee-before-the-move.tar", "x");
  put(file, "x");
  EXPECT_EQ(*prune_series(file, 2), 3u);
  EXPECT_FALSE(fs::exists(series_name(file, at + std::chrono::hours(2))));
  EXPECT_TRUE(fs::exists(series_name(file, at + std::chrono::hours(3))));
  EXPECT_TRUE(fs::exists(dir_.path() / "repartee-before-the-move.tar") && fs::exists(file));
}

TEST(TarArchive, RefusesNamesThatLeadOutOfTheDirectory) {
  TempDir dir;
  auto tar = TarWriter::create(dir.path() / "x.tar");
  ASSERT_TRUE(tar);
  for (const char* name : {"../x", "/etc/passwd", "a/../../b", ""}) EXPECT_FALSE(tar->begin(name)) << name;
}

TEST(TarArchive, IsOneThatTarReads) {
  TempDir dir;
  const std::string deep = std::string(90, 'd') + "/" + std::string(80, 'f');
  {
    auto tar = TarWriter::create(dir.path() / "x.tar");
    ASSERT_TRUE(tar && tar->begin("a/b") && tar->append("hello") && tar->end() && tar->begin(deep) && tar->append(std::string(512, 'z')) &&
                tar->end() && tar->finish());
  }
  EXPECT_EQ(std::system(("tar xf " + (dir.path() / "x.tar").string() + " -C " + dir.path().string()).c_str()), 0);
  EXPECT_EQ(contents(dir.path() / "a" / "b"), "hello");
  EXPECT_EQ(contents(dir.path() / deep), std::string(512, 'z'));
}

}  // namespace
}  // namespace repartee::persistence::test
