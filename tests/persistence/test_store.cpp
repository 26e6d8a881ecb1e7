#include "persistence/store.hpp"

#include <thread>

#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::persistence::test {
namespace {

using repartee::test::ManualLoop;

CloneRecord built_in() {
  CloneRecord clone;
  clone.name = "Repartee";
  clone.persona_prompt = "You are Repartee.";
  clone.greeting = "Hello!";
  clone.tts_provider = "kokoro";
  clone.voice_id = "af_heart";
  return clone;
}

Result<CloneRecord> find_now(CloneDirectory& directory, const std::string& id_or_name, const std::string& user_id) {
  ManualLoop loop;
  std::optional<Result<CloneRecord>> answer;
  directory.find(loop, id_or_name, user_id, [&](Result<CloneRecord> found) { answer = std::move(found); });
  wait_until([&] {
    loop.run();
    return answer.has_value();
  });
  return answer ? std::move(*answer) : Error{Errc::internal, "no answer"};
}

// The shared cluster as an operator's own server: one login, and whatever roles it may take.
class StoreOpenTest : public StoreTest {
 protected:
  Store::Options options() {
    Store::Options options;
    options.database_url = cluster_.targets().owner.conninfo;
    options.default_clone = built_in();
    options.node = "node-" + new_uuid();
    return options;
  }
  Metrics own_metrics_;
};

TEST_F(StoreOpenTest, BringsAnExistingDatabaseToTheStateItNeeds) {
  auto wanted = options();
  wanted.users = {{"key:alice"}};
  auto store = Store::open(wanted, own_metrics_);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->ready());
  SessionRecord session = session_of("", default_clone_id);  // nobody signed in: the local user's
  SessionRecord alices = session_of(user_id_of_external("key:alice"), default_clone_id);
  (*store)->recorder().record_session(session);
  (*store)->recorder().record_session(alices);
  ASSERT_TRUE((*store)->recorder().wait_until_idle(std::chrono::seconds(10)));
  EXPECT_TRUE((*store)->sessions().find(session.id, local_user_id).ok());
  EXPECT_TRUE((*store)->sessions().find(alices.id, user_id_of_external("key:alice")).ok());
  EXPECT_EQ((*store)->sessions().find(session.id, user_).error().code, Errc::not_found);
}

TEST_F(StoreOpenTest, StartsWhileADatabaseElsewhereIsAway) {
  auto wanted = options();
  wanted.database_url = "host=/tmp/repartee-nobody-listens-here dbname=x";
  wanted.recorder.shutdown_budget = Millis(0);
  auto store = Store::open(wanted, own_metrics_);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ((*store)->ready().error().code, Errc::unavailable);
  const auto clone = find_now((*store)->clones(), "default", "");
  ASSERT_TRUE(clone) << clone.error().message;
  EXPECT_EQ(clone->greeting, "Hello!");
  EXPECT_TRUE((*store)->recorder().record_session(session_of("", default_clone_id)));
}

TEST_F(StoreOpenTest, CanWorkWithLoginsThatAreNoMoreThanTheirRole) {
  const auto becomes_owner = [](Store& store) {
    return store.app().run([](Transaction& t) { t.exec({"become_owner", "SET LOCAL ROLE repartee_owner"}); }).ok();
  };
  auto wanted = options();
  auto shared = Store::open(wanted, own_metrics_);
  ASSERT_TRUE(shared) << shared.error().message;
  EXPECT_TRUE(becomes_owner(**shared)) << "one login for everything can lay its role down: what app_url is for";
  shared->reset();
  wanted.app_url = cluster_.targets().app.conninfo;
  wanted.recorder_url = cluster_.targets().recorder.conninfo;
  auto store = Store::open(wanted, own_metrics_);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_FALSE(becomes_owner(**store));
  EXPECT_TRUE((*store)->ready());
  const auto session = session_of("", default_clone_id);
  (*store)->recorder().record_session(session);
  ASSERT_TRUE((*store)->recorder().wait_until_idle(std::chrono::seconds(10)));
  EXPECT_TRUE((*store)->sessions().find(session.id, local_user_id).ok());
}

TEST_F(StoreOpenTest, RefusesAUrlItDoesNotUnderstandWithoutRepeatingIt) {
  auto wanted = options();
  wanted.database_url = "postgres//user:s3cret@host/db";
  const auto store = Store::open(wanted, own_metrics_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::invalid_argument);
  EXPECT_EQ(store.error().message.find("s3cret"), std::string::npos);
}

TEST_F(StoreTest, SeedsTheDefaultCloneAndKeepsWhatAnOperatorChanged) {
  EchoRepository echos(app_);
  auto clone = built_in();
  clone.id = new_uuid();
  ASSERT_TRUE(echos.ensure_default(clone));
  EXPECT_EQ(echos.find(clone.id, "")->greeting, "Hello!");
  clone.greeting = "A new release says hello!";
  ASSERT_TRUE(echos.ensure_default(clone));
  EXPECT_EQ(echos.find(clone.id, "")->greeting, "A new release says hello!") << "untouched rows follow the release";
  ASSERT_TRUE(owner_.run([&](Transaction& t) {
    t.exec({"operator_edit", "UPDATE echos SET greeting = 'Ours.' WHERE id = $1"}, Params(clone.id));
  }));
  clone.greeting = "Yet another.";
  const auto ensured = echos.ensure_default(clone);
  ASSERT_TRUE(ensured);
  EXPECT_EQ(ensured->greeting, "Ours.");
  EXPECT_EQ(echos.find(clone.id, "")->greeting, "Ours.");
}

TEST_F(StoreTest, FindsClonesByIdAndNameForThoseWhoMaySeeThem) {
  StoredCloneDirectory directory(app_, built_in(), {});
  const auto other = make_user();
  const auto name = "Grace " + new_uuid();
  const auto theirs = make_clone(other, true, name), mine = make_clone(user_, false, name);
  EXPECT_EQ(find_now(directory, name, user_)->id, mine) << "one's own before a public one";
  EXPECT_EQ(find_now(directory, name, "")->id, theirs);
  EXPECT_EQ(find_now(directory, mine, other).error().code, Errc::not_found);
  EXPECT_EQ(find_now(directory, mine, user_)->tts_provider, "flite");
  EXPECT_EQ(find_now(directory, "nobody is called this", user_).error().code, Errc::not_found);
  EXPECT_EQ(find_now(directory, std::string("a\0b", 3), user_).error().code, Errc::not_found);
}

TEST_F(StoreTest, RemembersAnswersUntilToldToForget) {
  StoredCloneDirectory::Options options;
  options.fresh_for = std::chrono::hours(1);
  StoredCloneDirectory directory(app_, built_in(), options);
  EXPECT_EQ(find_now(directory, echo_, user_)->name, "Ada");
  ASSERT_TRUE(owner_.run([&](Transaction& t) { t.exec({"rename", "UPDATE echos SET name = 'Ida' WHERE id = $1"}, Params(echo_)); }));
  EXPECT_EQ(find_now(directory, echo_, user_)->name, "Ada");
  directory.forget_all();
  EXPECT_EQ(find_now(directory, echo_, user_)->name, "Ida");
}

TEST_F(StoreTest, AnswersAgainAfterPostgresWasKilled) {
  ASSERT_TRUE(app_.ping());
  cluster_.kill_postmaster();
  EXPECT_TRUE(wait_until([&] { return app_.ping().ok(); }));
}

TEST_F(StoreTest, SaysUnavailableWhenNoConnectionBecomesFree) {
  Database::Options options;
  options.name = "tiny";
  options.connections_max = 1;
  options.acquire_timeout = Millis(20);
  Database tiny(cluster_.targets().app, options, metrics_);
  const auto outer = tiny.run([&](Transaction&) { return tiny.ping().error().code; });
  ASSERT_TRUE(outer);
  EXPECT_EQ(*outer, Errc::unavailable);
}

TEST_F(StoreTest, ClassesErrorsByWhatTheCallerMayDo) {
  const auto code = [&](const char* name, const char* sql) { return app_.run([&](Transaction& t) { t.exec({name, sql}); }).error().code; };
  EXPECT_EQ(code("e1", "SELECT 1/0"), Errc::invalid_argument);
  EXPECT_EQ(code("e2", "SELECT FROM no_such_table"), Errc::unavailable);
  EXPECT_EQ(code("e3", "SELECT FROM schema_migrations"), Errc::permission_denied);
  EXPECT_EQ(code("e4", "SELEKT"), Errc::internal);
  EXPECT_EQ(app_.run([&](Transaction& t) {
                  t.exec({"e5", "SELECT $1::text"}, Params(std::string("a\0b", 3)));
                })
                .error()
                .code,
            Errc::invalid_argument);
  Database::Options hurried;
  hurried.connection.statement_timeout = Millis(30);
  Database hurried_db(cluster_.targets().app, hurried, metrics_);
  EXPECT_EQ(hurried_db.run([&](Transaction& t) { t.exec({"e6", "SELECT pg_sleep(5)"}); }).error().code, Errc::deadline_exceeded);
  EXPECT_TRUE(app_.ping()) << "none of it broke the pool";
}

TEST(Conninfo, WantsAVerifiedCertificateFromAnotherMachineUnlessTold) {
  EXPECT_NE(parse_target("postgres://u@db.example.org/x")->conninfo.find("sslmode='verify-full'"), std::string::npos);
  EXPECT_NE(parse_target("host=127.0.0.1,db.example.org dbname=x")->conninfo.find("sslmode='verify-full'"), std::string::npos);
  EXPECT_NE(parse_target("postgres://u@db.example.org/x?sslmode=require")->conninfo.find("sslmode='require'"), std::string::npos);
  EXPECT_NE(parse_target("postgres://u@db.example.org/x")->conninfo.find("tcp_user_timeout='30000'"), std::string::npos);
  EXPECT_NE(parse_target("postgres://u@db.example.org/x?tcp_user_timeout=5000")->conninfo.find("tcp_user_timeout='5000'"), std::string::npos);
  EXPECT_EQ(parse_target("postgres:///x?host=/var/run/postgresql")->conninfo.find("sslmode"), std::string::npos);
  EXPECT_EQ(parse_target("postgres://u@localhost/x")->conninfo.find("sslmode"), std::string::npos);
}

TEST(Conninfo, WaitsForAConnectionAsLongAsItIsTold) {
  EXPECT_NE(parse_target("postgres:///x")->conninfo.find("connect_timeout='10'"), std::string::npos);
  EXPECT_NE(parse_target("postgres:///x", Millis(2500))->conninfo.find("connect_timeout='3'"), std::string::npos);
  EXPECT_NE(parse_target("postgres:///x?connect_timeout=7", Millis(2500))->conninfo.find("connect_timeout='7'"), std::string::npos)
      << "the URL says so";
}

TEST(Conninfo, DescribesADatabaseWithoutItsPassword) {
  const auto target = parse_target("postgres://ann:s3cret@db.example.org:5433/voices");
  ASSERT_TRUE(target);
  EXPECT_EQ(describe(*target), "ann@db.example.org/voices");
}

TEST(Params, WritesAndReadsTimesToTheMicrosecond) {
  const auto time = WallTime(std::chrono::microseconds(1'700'000'000'123'456));
  EXPECT_EQ(to_timestamp(time), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(from_timestamp("2023-11-14 22:13:20.123456+00"), time);
  EXPECT_EQ(from_timestamp("2023-11-14 22:13:20+00"), WallTime(std::chrono::seconds(1'700'000'000)));
  EXPECT_EQ(from_timestamp("2023-11-14 22:13:20+02"), std::nullopt);
  EXPECT_EQ(from_timestamp("yesterday"), std::nullopt);
}

}  // namespace
}  // namespace repartee::persistence::test
