#include "persistence/echo_repository.hpp"
#include "persistence/record_batch.hpp"
#include "persistence/session_repository.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {
namespace {

// Alice has a private clone, a public one and a conversation with each; Bob has nothing of his own and tries.
class RowSecurityTest : public StoreTest {
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

}  // namespace
}  // namespace repartee::persistence::test
