#include "persistence/privacy.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "persistence/jobs.hpp"
#include "persistence/rate_limiter.hpp"
#include "persistence/record_batch.hpp"
#include "persistence/roles.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

using Json = nlohmann::json;
using Archive = std::map<std::string, std::string>;

// With libzip, which shares no code with what wrote it.
Archive read_archive(const std::string& path) {
  Archive entries;
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  EXPECT_NE(archive, nullptr) << "libzip error " << code;
  if (!archive) return entries;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    zip_stat_t stat;
    zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &stat);
    std::string bytes(stat.size, '\0');
    zip_file_t* file = zip_fopen_index(archive, static_cast<zip_uint64_t>(i), 0);
    EXPECT_EQ(zip_fread(file, bytes.data(), bytes.size()), static_cast<zip_int64_t>(bytes.size())) << stat.name;
    EXPECT_EQ(zip_fclose(file), 0) << "the checksum of " << stat.name;
    entries[stat.name] = bytes;
  }
  zip_close(archive);
  return entries;
}

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

ByteSink into(std::ofstream& file) {
  return [&file](std::string_view bytes) -> Status {
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return {};
  };
}

TEST(ZipWriter, WritesWhatAnotherProgramReads) {
  TempDir dir;
  const auto path = (dir.path() / "a.zip").string();
  const std::string large(3'000'000, 'r');
  {
    std::ofstream file(path, std::ios::binary);
    ZipWriter zip(into(file), std::chrono::system_clock::now());
    ASSERT_TRUE(zip.begin("empty.txt"));
    ASSERT_TRUE(zip.begin("some/deep/naïve.txt"));
    ASSERT_TRUE(zip.write("hello "));
    ASSERT_TRUE(zip.write("world"));
    ASSERT_TRUE(zip.begin("large.bin"));
    ASSERT_TRUE(zip.write(large));
    ASSERT_TRUE(zip.finish());
  }
  const auto entries = read_archive(path);
  EXPECT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries.at("empty.txt"), "");
  EXPECT_EQ(entries.at("some/deep/naïve.txt"), "hello world");
  EXPECT_EQ(entries.at("large.bin"), large);
  EXPECT_LT(std::filesystem::file_size(path), 10'000u) << "compressed";
}

TEST(ZipWriter, GoesBeyondFourGigabytes) {
  TempDir dir;
  const auto path = (dir.path() / "far.zip").string();
  constexpr std::uint64_t offset = 5ULL * 1024 * 1024 * 1024;  // a hole in the file: nothing is stored for it
  {
    std::ofstream file(path, std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    ZipWriter zip(into(file), std::chrono::system_clock::now(), offset);
    ASSERT_TRUE(zip.begin("far.txt"));
    ASSERT_TRUE(zip.write("still here"));
    ASSERT_TRUE(zip.finish());
  }
  EXPECT_EQ(read_archive(path).at("far.txt"), "still here");
}

TEST(ZipWriter, RefusesNamesThatLeadOutOfTheArchive) {
  ZipWriter zip([](std::string_view) -> Status { return {}; }, std::chrono::system_clock::now());
  for (const char* name : {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\\b"})
    EXPECT_EQ(zip.begin(name).error().code, Errc::invalid_argument) << name;
  EXPECT_FALSE(zip.begin(std::string(ZipWriter::name_bytes_max + 1, 'x')));
  EXPECT_TRUE(zip.begin("a/b.txt"));
}

TEST(ZipWriter, PassesOnThatItsSinkIsFull) {
  int taken = 0;
  ZipWriter zip(
      [&](std::string_view) -> Status {
        return ++taken > 1 ? Status(Error{Errc::resource_exhausted, "full"}) : Status();
      },
      std::chrono::system_clock::now());
  ASSERT_TRUE(zip.begin("x"));
  ASSERT_TRUE(zip.write("y"));
  EXPECT_EQ(zip.finish().error().code, Errc::resource_exhausted);
}

// Keeps the audit lines.
class Lines final : public TurnSink {
 public:
  bool record_turn(TurnRecord, std::function<void()>) override { return true; }
  bool record_session(SessionRecord) override { return true; }
  bool record_audit(AuditRecord line) override {
    lines.push_back(std::move(line));
    return !full;
  }
  std::vector<AuditRecord> lines;
  bool full = false;
};

class PrivacyTest : public StoreTest {
 protected:
  PrivacyTest() : session_(session_of(user_, echo_)) {
    converse(session_, 3);
    hooks_.read_blob = [](const std::string& key, const ByteSink& sink) { return sink("the bytes of " + key); };
    hooks_.release_blobs = [this](const std::vector<std::string>& keys) { released_.insert(keys.begin(), keys.end()); };
    hooks_.end_sessions = [this](const std::string& id) { return note("end_sessions " + id); };
    hooks_.forget_journal = [this](const std::string& id) { return note("forget_journal " + id); };
    hooks_.forget_caches = [this](const std::string& id) { static_cast<void>(note("forget_caches " + id)); };
  }
  Status note(std::string what) {
    done_.push_back(std::move(what));
    return {};
  }
  void converse(const SessionRecord& session, int turns) {
    std::vector<RecordItem> items{session, RecordedAudit{new_uuid(), audit_of(session.user_id, "session.open")}};
    for (int i = 0; i < turns; ++i) items.push_back(RecordedTurn{turn_of(session, i), {}});
    const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
  }
  void exec(const std::string& sql, const Params& params = Params()) {
    const auto name = "t_priv_" + new_uuid();
    const auto done = owner_.run([&](Transaction& t) { t.exec({name.c_str(), sql.c_str()}, params); });
    ASSERT_TRUE(done) << done.error().message;
  }
  Archive export_now() {
    const auto path = (dir_.path() / "export.zip").string();
    auto size = Privacy(owner_, audit_, hooks_).export_to_file(user_, path);
    EXPECT_TRUE(size) << size.error().message;
    EXPECT_EQ(*size, std::filesystem::file_size(path));
    return read_archive(path);
  }
  // Tables with a column user_id, by the catalogue the standard knows, and users itself.
  std::vector<std::string> personal_tables() {
    std::vector<std::string> names{"users"};
    auto rows = owner_.run([](Transaction& t) {
      return t.exec(
          {"t_personal",
           "SELECT c.table_name AS v FROM information_schema.columns c JOIN information_schema.tables USING (table_schema, table_name)"
           " JOIN pg_class p ON p.oid = to_regclass(quote_ident(c.table_name))"
           " WHERE c.column_name = 'user_id' AND c.table_schema = current_schema() AND table_type = 'BASE TABLE' AND NOT "
           "p.relispartition"});
    });
    EXPECT_TRUE(rows);
    for (const auto& row : *rows) names.push_back(row.text("v"));
    return names;
  }
  std::int64_t rows_left(const std::string& table, const std::string& user) {
    const auto sql = "SELECT count(*) AS v FROM " + table + " WHERE " + (table == "users" ? "id" : "user_id") + " = $1";
    const auto name = "t_left_" + table;
    return std::stoll(scalar({name.c_str(), sql.c_str()}, Params(user)));
  }

  TempDir dir_;
  SessionRecord session_;
  Lines audit_;
  Privacy::Hooks hooks_;
  std::set<std::string> released_;
  std::vector<std::string> done_;
};

TEST_F(PrivacyTest, ExportsEveryTableThatHoldsRowsOfUsers) {
  exec("CREATE TABLE t_diary (user_id uuid, note text, blob_key text)");  // as a later migration might
  exec("INSERT INTO t_diary VALUES ($1, 'dear diary', 'sub/day-1.wav'), ($2, 'not mine', 'other.wav')", Params(user_, make_user()));
  const auto entries = export_now();
  for (const auto& table : personal_tables()) EXPECT_TRUE(entries.contains(table + ".jsonl")) << table;
  EXPECT_EQ(lines_of(entries.at("conversation_turns.jsonl")).size(), 3u);
  EXPECT_EQ(lines_of(entries.at("messages.jsonl")).size(), 6u);
  EXPECT_EQ(lines_of(entries.at("audit_logs.jsonl")).size(), 1u);
  const auto diary = lines_of(entries.at("t_diary.jsonl"));
  ASSERT_EQ(diary.size(), 1u) << "theirs and nobody else's";
  EXPECT_EQ(diary[0]["note"], "dear diary");
  EXPECT_EQ(entries.at("blobs/sub/day-1.wav"), "the bytes of sub/day-1.wav");
  EXPECT_FALSE(entries.contains("blobs/other.wav"));
  const auto manifest = Json::parse(entries.at("manifest.json"));
  EXPECT_EQ(manifest["user_id"], user_);
  EXPECT_EQ(manifest["rows"]["conversation_turns"], 3);
  ASSERT_EQ(audit_.lines.size(), 1u);
  EXPECT_EQ(audit_.lines[0].action, "user.export");
  exec("DROP TABLE t_diary");
}

TEST_F(PrivacyTest, ExportsNoDigestOfASecret) {
  exec("UPDATE users SET password_hash = '$argon2id$v=19$secret', first_name = 'Alice' WHERE id = $1", Params(user_));
  const auto row = lines_of(export_now().at("users.jsonl")).at(0);
  EXPECT_EQ(row["first_name"], "Alice");
  EXPECT_FALSE(row.contains("password_hash"));
}

TEST_F(PrivacyTest, ReadsALargeTableInPages) {
  converse(session_of(user_, echo_), 900);
  EXPECT_EQ(lines_of(export_now().at("conversation_turns.jsonl")).size(), 903u);
}

TEST_F(PrivacyTest, KeepsTheFileToItselfAndLeavesNothingBehindWhenItFails) {
  const auto path = (dir_.path() / "e.zip").string();
  Privacy privacy(owner_, audit_, hooks_);
  ASSERT_TRUE(privacy.export_to_file(user_, path));
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::filesystem::remove(path);
  EXPECT_EQ(privacy.export_to_file(new_uuid(), path).error().code, Errc::not_found);
  EXPECT_EQ(privacy.export_to_file(user_, path, [] { return true; }).error().code, Errc::cancelled);
  hooks_.read_blob = nullptr;
  EXPECT_FALSE(Privacy(owner_, audit_, hooks_).export_to_file(user_, (dir_.path() / "no/such/dir").string()));
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

TEST_F(PrivacyTest, StopsAtTheNamedLimitOfAnArchive) {
  Privacy::Options options;
  options.archive_bytes_max = 100;
  const auto made = Privacy(owner_, audit_, hooks_, options).export_user(user_, [](std::string_view) -> Status { return {}; });
  EXPECT_EQ(made.error().code, Errc::resource_exhausted);
}

TEST_F(PrivacyTest, ErasesEverythingOfTheUsersAndNothingOfAnothers) {
  const auto bob = make_user();
  const auto bobs_session = session_of(bob, make_clone(bob, false));
  converse(bobs_session, 2);
  exec("CREATE TABLE t_diary (user_id uuid, note text, blob_key text)");
  exec("INSERT INTO t_diary SELECT $1, 'note ' || n, 'blob-' || n FROM generate_series(1, 5) AS n", Params(user_));
  Metrics own_metrics;
  RateLimiter limiter(app_, {}, own_metrics);
  limiter.decide_now("user:" + user_, "login");
  NewJob job;
  job.kind = "test.never";
  job.user_id = user_;
  ASSERT_TRUE(JobQueue(owner_).enqueue(job));

  Privacy::Options options;
  options.rows_batch = 2;
  const auto erased = Privacy(owner_, audit_, hooks_, options).erase_user(user_);
  ASSERT_TRUE(erased) << erased.error().message;
  for (const auto& table : personal_tables()) {
    if (table == "audit_logs") continue;
    EXPECT_EQ(rows_left(table, user_), 0) << table;
  }
  EXPECT_EQ(rows_left("audit_logs", user_), 2) << "the audit log stays: session.open, user.erase";
  EXPECT_EQ(rows_left("conversation_turns", bob), 2);
  EXPECT_EQ(released_, (std::set<std::string>{"blob-1", "blob-2", "blob-3", "blob-4", "blob-5"}));
  EXPECT_EQ(done_, (std::vector<std::string>{"end_sessions " + user_, "forget_journal " + user_, "forget_caches " + user_}));
  const Statement line{
      "t_erase_line",
      "SELECT resource || ' ' || (metadata #>> '{rows,t_diary}') AS v FROM audit_logs WHERE user_id = $1 AND action = 'user.erase'"};
  EXPECT_EQ(scalar(line, Params(user_)), "user/" + user_ + " 5");

  const auto again = Privacy(owner_, audit_, hooks_, options).erase_user(user_);
  ASSERT_TRUE(again) << "a repetition is no error";
  EXPECT_EQ(again->total(), 0);
  EXPECT_EQ(rows_left("audit_logs", user_), 2) << "and leaves no second line";
  exec("DROP TABLE t_diary");
}

TEST_F(PrivacyTest, FindsItsWayThroughTablesThatHoldOnToEachOther) {
  exec("CREATE TABLE t_a_parent (id uuid PRIMARY KEY, user_id uuid)");
  exec("CREATE TABLE t_b_child (user_id uuid, parent uuid REFERENCES t_a_parent)");  // without ON DELETE
  exec("INSERT INTO t_a_parent VALUES ('00000000-0000-7000-8000-0000000000aa', $1)", Params(user_));
  exec("INSERT INTO t_b_child VALUES ($1, '00000000-0000-7000-8000-0000000000aa')", Params(user_));
  const auto erased = Privacy(owner_, audit_, hooks_).erase_user(user_);
  ASSERT_TRUE(erased) << erased.error().message;
  EXPECT_EQ(rows_left("t_a_parent", user_) + rows_left("t_b_child", user_), 0);
  exec("DROP TABLE t_b_child, t_a_parent");
}

TEST_F(PrivacyTest, SaysSoWhenForeignRowsStandInTheWay) {
  exec("CREATE TABLE t_holder (echo_id uuid REFERENCES echos)");
  exec("INSERT INTO t_holder VALUES ($1)", Params(echo_));
  EXPECT_EQ(Privacy(owner_, audit_, hooks_).erase_user(user_).error().code, Errc::conflict);
  exec("DROP TABLE t_holder");
  EXPECT_TRUE(Privacy(owner_, audit_, hooks_).erase_user(user_)) << "and finishes when asked again";
  EXPECT_EQ(rows_left("users", user_), 0);
}

TEST_F(PrivacyTest, IsNoExportWhenItsAuditLineIsNotKept) {
  audit_.full = true;
  EXPECT_EQ(Privacy(owner_, audit_, hooks_).export_user(user_, [](std::string_view) -> Status { return {}; }).error().code,
            Errc::unavailable);
}

TEST_F(PrivacyTest, LeavesTheUsersThatTheServerNeeds) {
  exec("INSERT INTO users (id, email) VALUES ($1, 'local@user.invalid') ON CONFLICT DO NOTHING", Params(local_user_id));
  Privacy privacy(owner_, audit_, hooks_);
  EXPECT_EQ(privacy.erase_user(system_user_id).error().code, Errc::invalid_argument);
  converse(session_of(local_user_id, echo_), 1);
  ASSERT_TRUE(privacy.erase_user(local_user_id));
  EXPECT_EQ(rows_left("users", local_user_id), 1);
  EXPECT_EQ(rows_left("conversation_sessions", local_user_id), 0);
  EXPECT_EQ(scalar({"t_local", "SELECT is_active AS v FROM users WHERE id = $1"}, Params(local_user_id)), "t");
}

TEST_F(PrivacyTest, ErasesAsAJobThatOnlyTheServerMayAskFor) {
  Metrics own_metrics;
  Privacy privacy(owner_, audit_, hooks_);
  JobWorker::Options options;
  options.poll = Millis(20);
  JobQueue queue(owner_);
  auto forged = Privacy::erasure_job(make_user());
  forged.user_id = user_;
  const auto refused = queue.enqueue(forged);
  const auto asked = queue.enqueue(Privacy::erasure_job(user_));
  ASSERT_TRUE(refused && asked);
  {
    JobWorker worker(owner_, options, own_metrics);
    worker.add(erasure_job_kind, privacy.erasure_handler());
    worker.start();
    EXPECT_TRUE(wait_until([&] { return queue.find(*asked, "")->status == "completed"; }));
  }
  EXPECT_EQ(rows_left("users", user_), 0);
  const auto forgery = queue.find(*refused, "");
  EXPECT_TRUE(!forgery || forgery->status == "dead");
}

}  // namespace
}  // namespace repartee::persistence::test
