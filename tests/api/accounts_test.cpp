// Accounts over HTTP, with a real database: signing up and in, tokens that expire, rotate, are used twice; keys and their scopes; other
// people's ids; hostile input.
#include <set>


#include "persistence/notification_listener.hpp"
#include "realtime/auth/credential_watch.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

constexpr const char* sql = "x'); DROP TABLE users; --";
constexpr const char* password = "correct horse battery";

class Accounts : public LiveApi {
 protected:
  static std::string fresh_email() { return "ada." + new_uuid().substr(24) + "@example.org"; }
  Json ask_open(const std::string& path, const Json& body, int status) { return post("/api/v1/auth/" + path, nobody, body, status); }
  std::string registered(const std::string& email, const std::string& with = password) {
    ask_open("register", {{"email", email}, {"password", with}}, 202);
    return email;
  }
  Json login(const std::string& email, const std::string& with = password, int status = 200) {
    return ask_open("login", {{"email", email}, {"password", with}}, status);
  }
  static Person person(const Json& grant) { return {grant.at("user").at("id"), grant.at("access_token")}; }
  Person signed_in(const std::string& email) { return person(login(email)); }
  Person anybody() { return signed_in(registered(fresh_email())); }
  // What stands behind `what=` in the last mail to the address.
  std::string mailed(const std::string& email, const std::string& what) {
    const auto mails = accounts->mails.to(email);
    if (mails.empty()) return "";
    const auto& text = mails.back().text;
    const auto at = text.find("https://voice.test/#" + what + "=");
    if (at == std::string::npos) return "";
    const auto begin = text.find('=', at) + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
};

// ---- making an account ----

TEST_F(Accounts, AreMadeVerifiedAndSignedInTo) {
  const auto email = registered(fresh_email());
  const auto grant = login(email);
  EXPECT_EQ(grant.at("token_type"), "Bearer");
  EXPECT_EQ(grant.at("expires_in"), 900);
  EXPECT_EQ(grant.at("user").at("email"), email);
  EXPECT_EQ(grant.at("user").at("is_verified"), false);
  EXPECT_EQ(grant.at("user").at("login_count"), 1);
  EXPECT_FALSE(grant.at("user").at("last_login_at").is_null());
  ask_open("verify", {{"token", mailed(email, "verify")}}, 200);
  const auto me = get("/api/v1/me", person(grant));
  EXPECT_EQ(me.at("user").at("is_verified"), true);
  EXPECT_EQ(me.at("limits").at("sessions_at_once"), 3);
  EXPECT_TRUE(me.at("limits").at("turns_a_month").is_null());
  EXPECT_EQ(me.at("used").at("turns_this_month"), 0);
}

TEST_F(Accounts, NeverSayWhetherAnAddressIsKnown) {
  const auto known = registered(fresh_email()), unknown = fresh_email();
  const auto first = ask_open("register", {{"email", known}, {"password", "another long password"}}, 202);
  const auto second = ask_open("register", {{"email", fresh_email()}, {"password", "another long password"}}, 202);
  EXPECT_EQ(first, second);
  EXPECT_EQ(login(known, "another long password", 401), login(unknown, "another long password", 401)) << "the first password holds";
  EXPECT_EQ(ask_open("password-reset", {{"email", known}}, 202), ask_open("password-reset", {{"email", unknown}}, 202));
  EXPECT_EQ(ask_open("verification", {{"email", known}}, 202), ask_open("verification", {{"email", unknown}}, 202));
  EXPECT_TRUE(accounts->mails.to(unknown).empty());
  EXPECT_EQ(accounts->mails.to(known)[1].subject, "You have an account already");
}

TEST_F(Accounts, TellOfATakenUsernameAndOfNothingElse) {
  const std::string name = "ada" + new_uuid().substr(24);
  ask_open("register", {{"email", fresh_email()}, {"password", password}, {"username", name}}, 202);
  EXPECT_EQ(param_of(ask_open("register", {{"email", fresh_email()}, {"password", password}, {"username", name}}, 409)), "/username");
  ask_open("login", {{"username", name}, {"password", password}}, 200);
}

TEST_F(Accounts, AreRefusedWithWordsAndPlace) {
  const auto refused = [&](const Json& body) { return param_of(ask_open("register", body, 400)); };
  EXPECT_EQ(refused({{"email", "no address"}, {"password", password}}), "/email");
  EXPECT_EQ(refused({{"email", "a@b\r\nRcpt-To: c@d.org"}, {"password", password}}), "/email");
  EXPECT_EQ(refused({{"email", std::string(300, 'a') + "@b.org"}, {"password", password}}), "/email");
  EXPECT_EQ(refused({{"email", std::string("a\0b@example.org", 15)}, {"password", password}}), "/email");
  EXPECT_EQ(refused({{"email", fresh_email()}, {"password", "short"}}), "/password");
  EXPECT_EQ(refused({{"email", fresh_email()}, {"password", std::string(1025, 'x')}}), "/password");
  EXPECT_EQ(refused({{"email", "lovelace-ada@example.org"}, {"password", "Lovelace-Ada"}}), "/password");
  for (const std::string& name : {std::string("ab"), std::string("Ädä"), std::string(sql), std::string(51, 'a'), std::string("a b c")})
    EXPECT_EQ(refused({{"email", fresh_email()}, {"password", password}, {"username", name}}), "/username") << name;
  EXPECT_EQ(refused({{"email", fresh_email()}, {"password", password}, {"is_verified", true}}), "/is_verified");
  EXPECT_EQ(refused({{"email", fresh_email()}, {"password", std::string("long enough\0x", 13)}}), "/password");
}

TEST_F(Accounts, AreNotMadeWhereRegistrationIsClosed) {
  accounts->made->options.registration_open = false;
  EXPECT_EQ(code_of(ask_open("register", {{"email", fresh_email()}, {"password", password}}, 403)), "permission_denied");
}

TEST_F(Accounts, TakeSqlAndUnicodeAsTheTextTheyAre) {
  const auto email = "o'brien--" + new_uuid().substr(24) + "@example.org";
  ask_open("register", {{"email", email}, {"password", "'; DROP TABLE users; --"}, {"first_name", sql}, {"last_name", "Lovelace Ωμέγα 😀"}}, 202);
  const auto me = login(email, "'; DROP TABLE users; --").at("user");
  EXPECT_EQ(me.at("first_name"), sql);
  EXPECT_EQ(me.at("last_name"), "Lovelace Ωμέγα 😀");
  login("' OR '1'='1", password, 401);
  login(sql, sql, 401);
}

TEST_F(Accounts, AreTheSameInWhateverCaseTheAddressIsWritten) {
  const auto email = registered(fresh_email());
  std::string shouted = email;
  for (char& c : shouted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  login(shouted);
}

// ---- confirming ----

TEST_F(Accounts, MustBeConfirmedFirstWhereThatIsRequired) {
  accounts->made->options.verification_required = true;
  const auto email = registered(fresh_email());
  EXPECT_EQ(code_of(login(email, password, 403)), "permission_denied");
  EXPECT_EQ(code_of(login(email, "a wrong long password", 401)), "unauthenticated") << "only who knows the password is told";
  ask_open("verification", {{"email", email}}, 202);
  ask_open("verify", {{"token", mailed(email, "verify")}}, 200);
  login(email);
}

TEST_F(Accounts, AreConfirmedByTheirOwnFreshLinkOnly) {
  const auto email = registered(fresh_email());
  const auto token = mailed(email, "verify");
  ask_open("password-reset", {{"email", email}}, 202);
  for (const auto& wrong : {std::string("vt_x"), std::string("x"), token + "x", mailed(email, "reset")})
    EXPECT_EQ(param_of(ask_open("verify", {{"token", wrong}}, 400)), "/token");
  accounts->now += std::chrono::hours(49);
  EXPECT_EQ(param_of(ask_open("verify", {{"token", token}}, 400)), "/token") << "too old";
}

// ---- signing in ----

TEST_F(Accounts, CountFailuresAndTellTheAuditLogWhoseTheyWere) {
  const auto email = registered(fresh_email());
  login(email, "a wrong long password", 401);
  login(email, "", 401);
  const auto grant = login(email);
  EXPECT_EQ(grant.at("user").at("failed_logins"), 0);
  std::vector<std::string> logins;
  for (const auto& one : answered())
    if (one.action == "user.login") logins.push_back(one.user_id + " " + std::to_string(one.status));
  const std::string id = grant.at("user").at("id");
  EXPECT_EQ(logins, (std::vector<std::string>{id + " 401", id + " 401", id + " 200"}));
}

TEST_F(Accounts, ThatAreInactiveCannotSignInNorGoOn) {
  const auto email = registered(fresh_email());
  const auto grant = login(email);
  const auto me = person(grant);
  static constexpr persistence::Statement deactivate{"test_deactivate", "UPDATE users SET is_active = false WHERE id = $1"};
  ASSERT_TRUE(owner_.run([&](persistence::Transaction& t) { t.exec(deactivate, persistence::Params(me.user_id)); }));
  EXPECT_EQ(code_of(login(email, password, 403)), "permission_denied");
  EXPECT_EQ(code_of(login(email, "a wrong long password", 401)), "unauthenticated");
  get("/api/v1/me", me, 401);
  ask_open("refresh", {{"refresh_token", grant.at("refresh_token")}}, 401);
}

TEST_F(Accounts, HaveAccessTokensThatEnd) {
  const auto me = anybody();
  get("/api/v1/me", me);
  accounts->now += std::chrono::minutes(15);
  get("/api/v1/me", me, 401);
}

TEST_F(Accounts, ExchangeARefreshTokenOnce) {
  const auto first = login(registered(fresh_email()));
  const auto second = ask_open("refresh", {{"refresh_token", first.at("refresh_token")}}, 200);
  EXPECT_EQ(second.at("sign_in_id"), first.at("sign_in_id"));
  EXPECT_NE(second.at("refresh_token"), first.at("refresh_token"));
  const Person me{"", second.at("access_token")};
  get("/api/v1/me", me);
  const auto third = ask_open("refresh", {{"refresh_token", second.at("refresh_token")}}, 200);
  ask_open("refresh", {{"refresh_token", first.at("refresh_token")}}, 401);
  get("/api/v1/me", me, 401);
  ask_open("refresh", {{"refresh_token", third.at("refresh_token")}}, 401);
  get("/api/v1/me", {"", third.at("access_token")}, 401);
}

TEST_F(Accounts, RefuseARefreshTokenThatIsOldOrNone) {
  const auto grant = login(registered(fresh_email()));
  for (const std::string& wrong : {std::string("rt_x"), std::string(sql), grant.at("access_token").get<std::string>(), std::string("rt_") + std::string(12000, 'A')})
    ask_open("refresh", {{"refresh_token", wrong}}, 401);
  get("/api/v1/me", person(grant));
  get("/api/v1/me", {"", grant.at("refresh_token")}, 401);
  accounts->now += std::chrono::hours(24 * 7);
  ask_open("refresh", {{"refresh_token", grant.at("refresh_token")}}, 401);
}

TEST_F(Accounts, AreSignedOutOf) {
  const auto grant = login(registered(fresh_email()));
  const auto me = person(grant);
  post("/api/v1/auth/logout", me, nullptr, 200);
  get("/api/v1/me", me, 401);
  ask_open("refresh", {{"refresh_token", grant.at("refresh_token")}}, 401);
  post("/api/v1/auth/logout", ann, nullptr, 409);
}

TEST_F(Accounts, ListTheirSignInsAndEndThem) {
  const auto email = registered(fresh_email());
  const auto first = login(email), second = login(email);
  const auto here = person(second);
  const auto list = get("/api/v1/auth/sessions", here).at("sessions");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].at("id"), second.at("sign_in_id"));
  EXPECT_EQ(list[0].at("is_current"), true);
  EXPECT_EQ(list[1].at("ip_address"), "127.0.0.1");
  const auto other = anybody();
  EXPECT_EQ(code_of(remove("/api/v1/auth/sessions/" + first.at("sign_in_id").get<std::string>(), other, 404)), "not_found");
  get("/api/v1/me", person(first));
  remove("/api/v1/auth/sessions/" + first.at("sign_in_id").get<std::string>(), here);
  get("/api/v1/me", person(first), 401);
  remove("/api/v1/auth/sessions/" + first.at("sign_in_id").get<std::string>(), here, 404);
  EXPECT_EQ(get("/api/v1/auth/sessions", here).at("count"), 1);
}

TEST_F(Accounts, KeepABoundedNumberOfSignIns) {
  const auto email = registered(fresh_email());
  const auto first = login(email);
  for (int i = 0; i < persistence::Accounts::sign_ins_max; ++i) login(email);
  get("/api/v1/me", person(first), 401);
  EXPECT_EQ(get("/api/v1/auth/sessions?limit=200", signed_in(email)).at("count"), persistence::Accounts::sign_ins_max);
}

// ---- forgotten passwords ----

TEST_F(Accounts, GetANewPasswordByMailOnce) {
  const auto email = registered(fresh_email());
  const auto before = signed_in(email);
  ask_open("password-reset", {{"email", email}}, 202);
  const auto token = mailed(email, "reset");
  EXPECT_EQ(param_of(ask_open("password-reset/confirm", {{"token", token}, {"password", "short"}}, 400)), "/password");
  ask_open("password-reset/confirm", {{"token", token}, {"password", "another long password"}}, 200);
  get("/api/v1/me", before, 401);
  login(email, password, 401);
  EXPECT_EQ(login(email, "another long password").at("user").at("is_verified"), true) << "the mail proved the address";
  EXPECT_EQ(param_of(ask_open("password-reset/confirm", {{"token", token}, {"password", "a third long password"}}, 400)), "/token");
  EXPECT_EQ(accounts->mails.to(email).back().subject, "Your password was changed");
}

TEST_F(Accounts, DoNotTakeAnOldResetLink) {
  const auto email = registered(fresh_email());
  ask_open("password-reset", {{"email", email}}, 202);
  const auto token = mailed(email, "reset");
  accounts->now += std::chrono::minutes(61);
  EXPECT_EQ(param_of(ask_open("password-reset/confirm", {{"token", token}, {"password", "another long password"}}, 400)), "/token");
}

// ---- oneself ----

TEST_F(Accounts, ChangeTheirProfile) {
  const auto me = anybody();
  const Json wishes{{"first_name", "Ädä"}, {"last_name", sql}, {"personality_traits", {"patient", "curious 😀"}}, {"settings", {{"theme", "dark"}}}};
  const auto user = patch("/api/v1/me", me, wishes).at("user");
  for (const auto& [key, value] : wishes.items()) EXPECT_EQ(user.at(key), value) << key;
  EXPECT_EQ(get("/api/v1/me", me).at("user"), user);
  const auto refused = [&](const Json& body) { return param_of(patch("/api/v1/me", me, body, 400)); };
  EXPECT_EQ(refused({{"subscription_tier", "enterprise"}}), "/subscription_tier");
  EXPECT_EQ(refused({{"is_active", true}}), "/is_active");
  EXPECT_EQ(refused({{"settings", {{"a", std::string(17000, 'x')}}}}), "/settings");
  EXPECT_EQ(refused({{"first_name", std::string(201, 'x')}}), "/first_name");
  EXPECT_EQ(refused({{"personality_traits", Json(std::vector<std::string>(21, "x"))}}), "/personality_traits");
  patch("/api/v1/me", me, {{"username", "ada" + me.user_id.substr(24)}});
  EXPECT_EQ(param_of(patch("/api/v1/me", anybody(), {{"username", "ada" + me.user_id.substr(24)}}, 409)), "/username");
}

TEST_F(Accounts, ChangeThePasswordWithTheOldOne) {
  const auto email = registered(fresh_email());
  const auto elsewhere = signed_in(email), here = signed_in(email);
  EXPECT_EQ(param_of(patch("/api/v1/me", here, {{"password", "another long password"}}, 403)), "/current_password");
  EXPECT_EQ(param_of(patch("/api/v1/me", here, {{"password", "another long password"}, {"current_password", "wrong"}}, 403)), "/current_password");
  EXPECT_EQ(get("/api/v1/me", here).at("user").at("failed_logins"), 2);
  patch("/api/v1/me", here, {{"password", "another long password"}, {"current_password", password}});
  get("/api/v1/me", here);
  get("/api/v1/me", elsewhere, 401);
  login(email, "another long password");
}

TEST_F(Accounts, ChangeTheAddressWhenTheNewOneIsConfirmed) {
  const auto old_email = registered(fresh_email()), new_email = fresh_email();
  const auto old_link = mailed(old_email, "verify");
  const auto me = signed_in(old_email);
  EXPECT_EQ(patch("/api/v1/me", me, {{"email", new_email}, {"current_password", password}}).at("user").at("email"), old_email);
  ask_open("verify", {{"token", mailed(new_email, "verify")}}, 200);
  EXPECT_EQ(get("/api/v1/me", me).at("user").at("email"), new_email);
  login(new_email);
  ask_open("verify", {{"token", old_link}}, 409);
  const auto other = registered(fresh_email());
  patch("/api/v1/me", me, {{"email", other}, {"current_password", password}});
  ask_open("verify", {{"token", mailed(other, "verify")}}, 409);
}

TEST_F(Accounts, AreClosedByTheirUser) {
  const auto email = registered(fresh_email());
  const auto me = signed_in(email);
  const std::string key = post("/api/v1/api-keys", me, {{"name", "phone"}}).at("key");
  remove("/api/v1/me", me);
  get("/api/v1/me", me, 401);
  get("/api/v1/me", {"", key}, 401);
  login(email, password, 401);
  ask_open("register", {{"email", email}, {"password", password}}, 202);
  login(email, password, 401);
  remove("/api/v1/me", nobody, 409);
}

TEST_F(Accounts, AreExportedAsAnArchive) {
  const auto me = anybody();
  const auto response = ask({"GET", "/api/v1/me/export", me.key});
  ASSERT_EQ(response.status, 200);
  ASSERT_TRUE(response.stream);
  std::string archive;
  while (archive.size() < response.stream->size_bytes()) {
    std::optional<Result<std::string>> piece;
    response.stream->next(loop, [&](Result<std::string> next) { piece = std::move(next); });
    ASSERT_TRUE(persistence::test::wait_until([&] {
      loop.run();
      return piece.has_value();
    }));
    ASSERT_TRUE(*piece);
    archive += **piece;
  }
  EXPECT_EQ(archive.size(), response.stream->size_bytes());
  EXPECT_TRUE(archive.starts_with("PK"));
  EXPECT_NE(archive.find("users.jsonl"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(accounts->dir.path())) << "the file is gone once it is read";
}

// ---- API keys ----

TEST_F(Accounts, MakeShowAndRevokeKeys) {
  const auto me = anybody(), other = anybody();
  const auto made = post("/api/v1/api-keys", me, {{"name", "phone ☎"}, {"expires_in_days", 30}});
  const Person phone{me.user_id, made.at("key")};
  EXPECT_TRUE(phone.key.starts_with("rk_"));
  EXPECT_EQ(get("/api/v1/me", phone).at("user").at("id"), me.user_id);
  const auto list = ask({"GET", "/api/v1/api-keys", me.key});
  EXPECT_EQ(list.body.find(phone.key), std::string::npos) << "shown once";
  const auto listed = Json::parse(list.body).at("api_keys");
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].at("name"), "phone ☎");
  EXPECT_FALSE(listed[0].at("last_used_at").is_null());
  EXPECT_EQ(get("/api/v1/api-keys", other).at("count"), 0);
  const std::string at = "/api/v1/api-keys/" + made.at("api_key").at("id").get<std::string>();
  remove(at, other, 404);
  get("/api/v1/me", phone);
  remove(at, me);
  get("/api/v1/me", phone, 401);
  remove(at, me, 404);
}

TEST_F(Accounts, DoNotWriteWithEveryUseOfAKey) {
  const auto me = anybody();
  const auto made = post("/api/v1/api-keys", me, {{"name", "phone"}});
  const Person phone{me.user_id, made.at("key")};
  const auto used = [&] { return get("/api/v1/api-keys", phone).at("api_keys")[0].at("last_used_at"); };
  EXPECT_EQ(used(), used());
}

TEST_F(Accounts, RefuseKeysThatAreExpiredOrNone) {
  const auto me = anybody();
  const auto made = post("/api/v1/api-keys", me, {{"name", "phone"}, {"expires_in_days", 1}});
  static constexpr persistence::Statement expire{"test_expire", "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1"};
  ASSERT_TRUE(owner_.run([&](persistence::Transaction& t) { t.exec(expire, persistence::Params(made.at("api_key").at("id").get<std::string>())); }));
  for (const std::string& wrong : {made.at("key").get<std::string>(), std::string("rk_"), "rk_" + std::string(sql), "rk_" + std::string(5000, 'x')})
    EXPECT_EQ(code_of(get("/api/v1/me", {"", wrong}, 401)), "unauthenticated") << wrong;
}

TEST_F(Accounts, HoldAKeyToItsScopes) {
  const auto me = anybody();
  const auto key = [&](const std::vector<std::string>& scopes) {
    return Person{me.user_id, post("/api/v1/api-keys", me, {{"name", "k"}, {"scopes", scopes}}).at("key")};
  };
  const auto reader = key({"read"}), writer = key({"read", "write"}), talker = key({"realtime"}), keeper = key({"admin", "read"});
  get("/api/v1/echo", reader);
  EXPECT_EQ(code_of(post("/api/v1/echo", reader, {{"name", "Ada"}}, 403)), "permission_denied");
  post("/api/v1/echo", writer, {{"name", "Ada"}});
  get("/api/v1/echo", talker, 403);
  post("/api/v1/api-keys", writer, {{"name", "more"}}, 403);
  get("/api/v1/auth/sessions", writer, 403);
  remove("/api/v1/me", writer, 403);
  patch("/api/v1/me", writer, {{"password", "another long password"}, {"current_password", password}}, 403);
  EXPECT_EQ(param_of(post("/api/v1/api-keys", keeper, {{"name", "more"}, {"scopes", {"write"}}}, 403)), "/scopes");
  EXPECT_EQ(post("/api/v1/api-keys", keeper, {{"name", "same"}}).at("api_key").at("scopes"), (Json{"admin", "read"}));
  EXPECT_EQ(param_of(post("/api/v1/api-keys", me, {{"name", "k"}, {"scopes", {"everything"}}}, 400)), "/scopes/0");
}

TEST_F(Accounts, HaveABoundedNumberOfKeys) {
  const auto me = anybody();
  persistence::Accounts store(app_);
  for (int i = 0; i < persistence::Accounts::api_keys_max; ++i) {
    persistence::ApiKey key;
    key.user_id = me.user_id;
    key.name = "k";
    key.key_hash = std::string(64 - 36 + 4, '0') + [] {
      auto id = new_uuid();
      std::erase(id, '-');
      return id;
    }();
    ASSERT_TRUE(store.create_key(key));
  }
  EXPECT_EQ(code_of(post("/api/v1/api-keys", me, {{"name", "one more"}}, 429)), "resource_exhausted");
}

// ---- an application's users ----

TEST_F(Accounts, OfAnApplicationAreMadeByItsOperatorOnly) {
  const std::string name = "customer|" + new_uuid();
  const auto path = "/api/v1/users/" + percent_encoded(name);
  const auto made = post(path, nobody, {{"first_name", "Ada"}}).at("user");
  EXPECT_EQ(made.at("external_id"), name);
  EXPECT_TRUE(made.at("email").is_null());
  EXPECT_EQ(post(path, nobody, {{"last_name", "Lovelace"}}, 200).at("user").at("first_name"), "Ada");
  const Person customer{made.at("id"), post(path + "/api-keys", nobody, {{"name", "theirs"}}).at("key")};
  EXPECT_EQ(get(path, customer).at("user").at("id"), made.at("id"));
  EXPECT_EQ(code_of(get(path, anybody(), 404)), "not_found");
  EXPECT_EQ(code_of(get(path, ann, 404)), "not_found");
  post(path, ann, nullptr, 403);
  post(path + "/api-keys", customer, {{"name", "more"}}, 404);
  get("/api/v1/users/" + percent_encoded(sql), nobody, 404);
  get("/api/v1/users/" + percent_encoded(new_uuid()), nobody, 404);
  accounts->made->options.anybody_operates = false;
  get(path, nobody, 404);
  post(path, nobody, nullptr, 403);
}

TEST_F(Accounts, DoNotLetAnEphemeralKeyDoAnythingButTalk) {
  auth::Tokens::Content content;
  content.caller.user_id = ann.user_id;
  content.valid_until = accounts->now + std::chrono::minutes(1);
  const auto key = accounts->tokens->make(auth::Tokens::Kind::ephemeral, content);
  ASSERT_TRUE(key);
  for (const char* path : {"/api/v1/me", "/api/v1/echo", "/v1/models"}) EXPECT_EQ(code_of(get(path, {"", *key}, 403)), "permission_denied") << path;
}

// ---- revocation ----

TEST_F(Accounts, TellEveryNodeWhatWasRevoked) {
  std::mutex mutex;
  std::set<std::string> heard;
  persistence::NotificationListener listener(
      cluster_.targets().app, {.channels = {auth::Revocations::channel}},
      {.on_notification =
           [&](std::string_view, std::string_view payload) {
             std::lock_guard lock(mutex);
             heard.emplace(payload);
           },
       .on_listening = [](bool) {}},
      metrics_);
  ASSERT_TRUE(persistence::test::wait_until([&] { return listener.listening(); }));
  const auto grant = login(registered(fresh_email()));
  const auto me = person(grant);
  const auto key = post("/api/v1/api-keys", me, {{"name", "phone"}}).at("api_key").at("id").get<std::string>();
  remove("/api/v1/api-keys/" + key, me);
  const auto hears = [&](const std::string& payload) {
    return persistence::test::wait_until([&] {
      std::lock_guard lock(mutex);
      return heard.contains(payload);
    });
  };
  EXPECT_TRUE(hears("key:" + key));
  remove("/api/v1/me", me);
  EXPECT_TRUE(hears("signin:" + grant.at("sign_in_id").get<std::string>()));
  EXPECT_TRUE(hears("user:" + me.user_id));
}

}  // namespace
}  // namespace repartee::test
