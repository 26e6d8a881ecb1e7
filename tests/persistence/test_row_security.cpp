#include "tests/persistence/samples.hpp"

namespace repartee::persistence::test {
namespace {

// Alice has a private clone, a public one and a conversation with each; Bob has nothing of his own and tries.
class RowSecurityTest : public SamplesTest {
 protected:
  RowSecurityTest() : public_echo_(make_clone(user_, true, "Open")), bob_(make_user()), session_(session_of(user_, echo_)) {
    const std::vector<RecordItem> items{session_, RecordedTurn{turn_of(session_, 0), {}},
                                        RecordedAudit{new_uuid(), audit_of(user_, "session.open")}};
    const auto written = recorder_db_.run([&](Transaction& t) { write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
  }
  Result<std::size_t> affected(Database& database, const char* sql, const Params& params, const std::string& as) {
    const auto name = "probe" + new_uuid();
    return database.run([&](Transaction& t) { return t.exec({name.c_str(), sql}, params).affected(); }, {.user_id = as});
  }
  std::size_t seen_by(const std::string& as, const char* sql, const Params& params) {
    const auto count = affected(app_, sql, params, as);
    EXPECT_TRUE(count) << count.error().message;
    return count ? *count : 999;
  }

  std::string public_echo_, bob_;
  SessionRecord session_;
};

constexpr const char* private_rows[] = {
    "SELECT FROM users WHERE id = $1",
    "SELECT FROM echos WHERE user_id = $1 AND visibility = 'private'",
    "SELECT FROM conversation_sessions WHERE user_id = $1",
    "SELECT FROM conversation_turns WHERE user_id = $1",
    "SELECT FROM messages WHERE user_id = $1",
    "SELECT FROM audit_logs WHERE user_id = $1",
};

TEST_F(RowSecurityTest, ShowsPrivateRowsToTheirOwnerOnly) {
  for (const char* sql : private_rows) {
    EXPECT_GE(seen_by(user_, sql, Params(user_)), 1u) << sql;
    EXPECT_EQ(seen_by(bob_, sql, Params(user_)), 0u) << sql;
    EXPECT_EQ(seen_by("", sql, Params(user_)), 0u) << "unset matches nothing: " << sql;
  }
}

TEST_F(RowSecurityTest, ShowsPublicClonesToEverybody) {
  EXPECT_EQ(seen_by(bob_, "SELECT FROM echos WHERE id = $1", Params(public_echo_)), 1u);
  EXPECT_EQ(seen_by("", "SELECT FROM echos WHERE id = $1", Params(public_echo_)), 1u);
}

TEST_F(RowSecurityTest, LetsNobodyChangeAnothersRows) {
  for (const char* sql : {"UPDATE users SET first_name = 'x' WHERE id = $1", "UPDATE echos SET name = 'x' WHERE user_id = $1",
                          "DELETE FROM echos WHERE user_id = $1", "DELETE FROM conversation_sessions WHERE user_id = $1",
                          "UPDATE conversation_sessions SET deleted_at = now() WHERE user_id = $1",
                          "DELETE FROM conversation_turns WHERE user_id = $1", "DELETE FROM messages WHERE user_id = $1"})
    EXPECT_EQ(seen_by(bob_, sql, Params(user_)), 0u) << sql;
}

TEST_F(RowSecurityTest, LetsNobodyWriteInAnothersName) {
  const auto as_alice = affected(app_, "INSERT INTO echos (id, user_id, name) VALUES ($1, $2, 'x')", Params(new_uuid(), user_), bob_);
  ASSERT_FALSE(as_alice);
  EXPECT_EQ(as_alice.error().code, Errc::permission_denied);
  const auto give_away = affected(app_, "UPDATE echos SET user_id = $1 WHERE user_id = $2", Params(bob_, user_), user_);
  EXPECT_FALSE(give_away);
  const auto into_private_clone =
      affected(app_, "INSERT INTO messages (id, user_id, echo_id, role, content) VALUES ($1, $2, $3, 'user', 'x')",
               Params(new_uuid(), bob_, echo_), bob_);
  EXPECT_FALSE(into_private_clone);
  const auto into_foreign_session =
      affected(app_, "INSERT INTO messages (id, user_id, echo_id, session_id, role, content) VALUES ($1, $2, $3, $4, 'user', 'x')",
               Params(new_uuid(), bob_, public_echo_, session_.id), bob_);
  EXPECT_FALSE(into_foreign_session);
  const auto fine = affected(app_, "INSERT INTO messages (id, user_id, echo_id, role, content) VALUES ($1, $2, $3, 'user', 'x')",
                             Params(new_uuid(), bob_, public_echo_), bob_);
  EXPECT_TRUE(fine) << fine.error().message;
}

TEST_F(RowSecurityTest, LetsNobodyRewriteTheAuditLog) {
  for (const char* sql : {"UPDATE audit_logs SET action = 'x' WHERE user_id = $1", "DELETE FROM audit_logs WHERE user_id = $1"}) {
    EXPECT_EQ(affected(app_, sql, Params(user_), user_).error().code, Errc::permission_denied) << sql;
    EXPECT_EQ(affected(recorder_db_, sql, Params(user_), "").error().code, Errc::permission_denied) << sql;
  }
  EXPECT_EQ(affected(recorder_db_, "SELECT FROM audit_logs WHERE user_id = $1", Params(user_), "").error().code, Errc::permission_denied);
}

TEST_F(RowSecurityTest, GivesNoRoleOfTheServerMoreThanItNeeds) {
  EXPECT_EQ(scalar({"supers",
                    "SELECT count(*) AS v FROM pg_roles WHERE rolname LIKE 'repartee%' AND (rolsuper OR rolcreaterole OR rolcreatedb OR "
                    "(rolreplication AND rolname <> 'repartee_replicator'))"}),
            "0");
  EXPECT_EQ(affected(app_, "CREATE TABLE mine (id uuid)", Params(), user_).error().code, Errc::permission_denied);
  EXPECT_EQ(affected(app_, "SET ROLE repartee_owner", Params(), user_).error().code, Errc::permission_denied);
  EXPECT_EQ(affected(recorder_db_, "SELECT FROM users", Params(), "").error().code, Errc::permission_denied);
  EXPECT_EQ(affected(recorder_db_, "DELETE FROM conversation_turns WHERE user_id = $1", Params(user_), "").error().code,
            Errc::permission_denied);
}

TEST_F(RowSecurityTest, HidesAnothersConversationsFromTheRepositories) {
  SessionRepository sessions(app_);
  EXPECT_EQ(sessions.turns_of_session(session_.id, user_)->size(), 1u);
  EXPECT_EQ(sessions.turns_of_session(session_.id, bob_)->size(), 0u);
  EXPECT_EQ(sessions.list(user_)->size(), 1u);
  EXPECT_EQ(sessions.list(bob_)->size(), 0u);
  EXPECT_EQ(sessions.find(session_.id, bob_).error().code, Errc::not_found);
  EchoRepository echos(app_);
  EXPECT_EQ(echos.find(echo_, bob_).error().code, Errc::not_found);
  EXPECT_EQ(echos.find("Ada", bob_).error().code, Errc::not_found);
  EXPECT_TRUE(echos.find("Ada", user_).ok());
  EXPECT_TRUE(echos.find(public_echo_, bob_).ok());
}

TEST_F(RowSecurityTest, HidesPublicRowsThatWereRemovedOrHaveExpiredFromEverybodyElse) {
  ASSERT_TRUE(EchoRepository(app_).remove(public_echo_, user_));
  EXPECT_EQ(seen_by(bob_, "SELECT FROM echos WHERE id = $1", Params(public_echo_)), 0u);
  EXPECT_EQ(seen_by(user_, "SELECT FROM echos WHERE id = $1", Params(public_echo_)), 1u) << "its owner may restore it";
  const auto into_removed = affected(app_, "INSERT INTO messages (id, user_id, echo_id, role, content) VALUES ($1, $2, $3, 'user', 'x')",
                                     Params(new_uuid(), bob_, public_echo_), bob_);
  EXPECT_EQ(into_removed.error().code, Errc::permission_denied);
  auto file = sample<AudioFile>(user_);
  file.is_public = true;
  file.expires_at = std::chrono::system_clock::now() - std::chrono::hours(1);
  file = created(file, user_);
  auto alignment = sample<AudioAlignment>(user_);
  alignment.audio_file_id = file.id;
  alignment = created(alignment, user_);
  EXPECT_EQ(seen_by(bob_, "SELECT FROM audio_files WHERE id = $1", Params(file.id)), 0u);
  EXPECT_EQ(seen_by(bob_, "SELECT FROM audio_alignments WHERE id = $1", Params(alignment.id)), 0u);
  EXPECT_EQ(seen_by(user_, "SELECT FROM audio_files WHERE id = $1", Params(file.id)), 1u);
  auto voice = sample<VoiceSample>(user_);
  voice.is_public = true;
  voice = created(voice, user_);
  ASSERT_TRUE(VoiceSampleRepository(app_).remove(voice.id, user_));
  EXPECT_EQ(seen_by(bob_, "SELECT FROM voice_samples WHERE id = $1", Params(voice.id)), 0u);
}

TEST_F(RowSecurityTest, CountsDownloadsOfPublicFilesByAnybodyAndOfPrivateOnesByTheirOwner) {
  AudioFileRepository files(app_);
  auto shared = sample<AudioFile>(user_), hidden = sample<AudioFile>(user_), expired = sample<AudioFile>(user_);
  shared.is_public = expired.is_public = true;
  expired.expires_at = std::chrono::system_clock::now() - std::chrono::hours(1);
  shared = created(shared, user_);
  hidden = created(hidden, user_);
  expired = created(expired, user_);
  EXPECT_EQ(*files.count_download(shared.id, bob_), 1);
  EXPECT_EQ(*files.count_download(shared.id, ""), 2);
  EXPECT_EQ(*files.count_download(shared.id, user_), 3);
  EXPECT_EQ(*files.count_download(hidden.id, user_), 1);
  for (const auto& id : {hidden.id, expired.id, new_uuid()}) EXPECT_EQ(files.count_download(id, bob_).error().code, Errc::not_found);
  const auto row = files.find_by_id(shared.id, user_);
  EXPECT_EQ(row->download_count, 3);
  EXPECT_TRUE(row->last_accessed_at.has_value());
}

TEST_F(RowSecurityTest, IsOnForEveryTableThatTheServersRolesCanTouch) {
  EXPECT_EQ(scalar({"unsecured", R"(
              SELECT coalesce(string_agg(DISTINCT c.relname, ' '), '') AS v FROM pg_class AS c
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
                AND (has_table_privilege('repartee_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                     OR has_table_privilege('repartee_recorder', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                     OR has_any_column_privilege('repartee_app', c.oid, 'SELECT, INSERT, UPDATE')))"}),
            "");
  EXPECT_EQ(scalar({"with_owner_open", R"(
              SELECT coalesce(string_agg(c.relname, ' '), '') AS v FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attname = 'user_id'
                AND NOT a.attisdropped AND NOT c.relrowsecurity)"}),
            "")
      << "a table with users' rows";
}

TEST_F(RowSecurityTest, CannotBeSteppedAroundByTheServersRoles) {
  for (const char* role : {"repartee_app", "repartee_recorder"}) {
    EXPECT_EQ(scalar({"attributes", R"(
                SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
                  OR EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)
                  OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid)
                  OR has_schema_privilege(r.oid, 'public', 'CREATE')
                  OR has_database_privilege(r.oid, current_database(), 'CREATE, TEMPORARY') AS v
                FROM pg_roles AS r WHERE rolname = $1)"},
                     Params(role)),
              "f")
        << role;
  }
  for (Database* database : {&app_, &recorder_db_})
    for (const char* sql : {"SET ROLE repartee_owner",
                            "SET ROLE repartee_backup",
                            "SET ROLE repartee_analyst",
                            "SET ROLE postgres",
                            "SET SESSION AUTHORIZATION repartee_owner",
                            "SET session_replication_role = 'replica'",
                            "ALTER TABLE echos DISABLE ROW LEVEL SECURITY",
                            "CREATE POLICY open ON echos USING (true)",
                            "DROP POLICY echos_own ON echos",
                            "ALTER ROLE repartee_app BYPASSRLS",
                            "GRANT repartee_backup TO repartee_app",
                            "CREATE TEMP TABLE mine (id uuid)",
                            "CREATE FUNCTION leak() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                            "CREATE VIEW leak AS SELECT * FROM users",
                            "COPY users TO '/tmp/users'",
                            "COPY users TO PROGRAM 'cat'",
                            "SELECT pg_read_file('/etc/passwd')",
                            "SELECT lo_import('/etc/passwd')",
                            "TRUNCATE conversation_turns",
                            "SELECT * FROM pg_authid",
                            "DROP TABLE users"}) {
      const auto refused = affected(*database, sql, Params(), bob_);
      ASSERT_FALSE(refused) << database->name() << ": " << sql;
      EXPECT_NE(refused.error().code, Errc::unavailable) << sql << ": " << refused.error().message;
    }
}

TEST_F(RowSecurityTest, RefusesToLookAroundWhenRowSecurityIsSwitchedOff) {
  const auto around = app_.run(
      [&](Transaction& t) {
        t.exec({"rls_off", "SELECT set_config('row_security', 'off', true)"});
        return t.exec({"rls_off_read", "SELECT FROM users"}).affected();
      },
      {.user_id = bob_});
  ASSERT_FALSE(around);
  EXPECT_EQ(around.error().code, Errc::permission_denied);
}

TEST_F(RowSecurityTest, GivesNobodysRowsToAUserIdThatIsNone) {
  for (const char* sql : private_rows) EXPECT_EQ(seen_by(new_uuid(), sql, Params(user_)), 0u) << sql;
  for (const char* odd : {"' OR true --", "null", "00000000", "{}"})
    EXPECT_FALSE(affected(app_, "SELECT FROM users", Params(), odd)) << odd;
}

TEST_F(RowSecurityTest, KeepsNoUserFromOneTransactionToTheNext) {
  auto options = Database::Options{};
  options.name = "one";
  options.connections_max = 1;  // the same connection each time
  Metrics metrics;
  Database one(cluster_.targets().app, options, metrics);
  ASSERT_TRUE(affected(one, "SELECT set_config('app.user_id', $1, false)", Params(user_), bob_))
      << "for the connection, not the transaction";
  EXPECT_EQ(*affected(one, "SELECT FROM echos WHERE user_id = $1 AND visibility = 'private'", Params(user_), bob_), 0u);
  EXPECT_EQ(*affected(one, "SELECT FROM echos WHERE user_id = $1 AND visibility = 'private'", Params(user_), ""), 0u);
}

TEST_F(RowSecurityTest, EvaluatesNoConditionOnRowsItDoesNotShow) {
  const auto probe = affected(app_, "SELECT FROM users WHERE id <> $1 AND 1 / (length(email) - length(email)) = 1", Params(bob_), bob_);
  ASSERT_TRUE(probe) << "an error would tell that there are others: " << probe.error().message;
  EXPECT_EQ(*probe, 0u);
}

TEST_F(RowSecurityTest, TiesNoRowToAnothers) {
  const auto voice = stored<VoiceSample>(user_);
  const auto document = stored<KnowledgeDocument>(user_);
  const auto job = stored<SynthesisJob>(user_);
  auto model = sample<VoiceModel>(bob_);
  model.sample_id = voice.id;
  EXPECT_FALSE(VoiceModelRepository(app_).create(model, bob_));
  auto embedding = sample<VoiceEmbedding>(bob_);
  embedding.sample_id = voice.id;
  EXPECT_FALSE(VoiceEmbeddingRepository(app_).create(embedding, bob_));
  auto chunk = sample<KnowledgeChunk>(bob_);
  chunk.document_id = document.id;
  EXPECT_FALSE(KnowledgeChunkRepository(app_).create(chunk, bob_));
  auto file = sample<AudioFile>(bob_);
  file.job_id = job.id;
  EXPECT_FALSE(AudioFileRepository(app_).create(file, bob_));
}

TEST_F(RowSecurityTest, TellsAnIdOrACountAndNothingElseByWhatRunsAsTheOwner) {
  EXPECT_EQ(scalar({"definers", R"(
              SELECT string_agg(p.proname || ' ' || pg_get_function_result(p.oid), ', ' ORDER BY p.proname) AS v FROM pg_proc AS p
              WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND p.prorettype <> 'trigger'::regtype
                AND has_function_privilege('repartee_app', p.oid, 'EXECUTE')
                AND p.proname IN ('audio_file_downloaded', 'cache_remove', 'cache_sweep', 'rate_limit_take', 'user_of_email',
                                  'user_of_external_id', 'user_of_key_hash', 'user_of_refresh_hash'))"}),
            "audio_file_downloaded bigint, cache_remove bigint, cache_sweep bigint, rate_limit_take record, user_of_email uuid, "
            "user_of_external_id uuid, user_of_key_hash uuid, user_of_refresh_hash uuid")
      << "an id or a count, and nothing that stands in a row";
  EXPECT_EQ(scalar({"open_to_all", R"(
              SELECT coalesce(string_agg(p.proname, ' '), '') AS v FROM pg_proc AS p
              WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND p.prorettype <> 'trigger'::regtype
                AND has_function_privilege('public', p.oid, 'EXECUTE'))"}),
            "")
      << "anybody may call what runs as the owner";
  EXPECT_EQ(scalar({"misled", R"(
              SELECT coalesce(string_agg(p.proname, ' '), '') AS v FROM pg_proc AS p
              WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
                AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c WHERE c LIKE 'search_path=%pg_temp'))"}),
            "")
      << "a caller's temporary table would be taken for the real one";
  EXPECT_EQ(affected(recorder_db_, "SELECT user_of_email('x')", Params(), "").error().code, Errc::permission_denied);
}

TEST_F(RowSecurityTest, KeepsCachedValuesAndLimitsToWhomTheyBelong) {
  const auto key = "llm:" + user_ + ":x";
  ASSERT_TRUE(affected(app_,
                       "INSERT INTO llm_response_cache (key, user_id, value, expires_at) VALUES ($1, $2, 'v', now() + interval '1 hour')",
                       Params(key, user_), user_));
  EXPECT_EQ(seen_by(user_, "SELECT FROM llm_response_cache WHERE key = $1", Params(key)), 1u);
  EXPECT_EQ(seen_by(bob_, "SELECT FROM llm_response_cache WHERE key = $1", Params(key)), 0u);
  EXPECT_EQ(seen_by(bob_, "DELETE FROM llm_response_cache WHERE key = $1", Params(key)), 0u);
  const auto hidden_as_public = "INSERT INTO llm_response_cache (key, user_id, value, expires_at) VALUES ($1, NULL, 'v', now())";
  EXPECT_FALSE(affected(app_, hidden_as_public, Params("llm:" + user_ + ":y"), bob_)) << "the key says whose it is";
  EXPECT_EQ(affected(app_, "SELECT FROM rate_limits", Params(), bob_).error().code, Errc::permission_denied);
  EXPECT_EQ(affected(app_, "SELECT FROM turns_flat", Params(), bob_).error().code, Errc::permission_denied);
  EXPECT_EQ(affected(app_, "SELECT FROM schema_migrations", Params(), bob_).error().code, Errc::permission_denied);
}

TEST_F(RowSecurityTest, HoldsForThePartitionsOfTheAuditLogToo) {
  const auto month =
      scalar({"a_partition", "SELECT inhrelid::regclass::text AS v FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass LIMIT 1"});
  const auto sql = "SELECT FROM " + month;
  EXPECT_EQ(affected(app_, sql.c_str(), Params(), user_).error().code, Errc::permission_denied);
  EXPECT_EQ(affected(recorder_db_, sql.c_str(), Params(), "").error().code, Errc::permission_denied);
}

}  // namespace
}  // namespace repartee::persistence::test
