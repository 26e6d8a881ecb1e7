// Tokens of outside identity providers: whose are taken, and all that is refused.
#include "realtime/auth/jwt.hpp"

#include <gtest/gtest.h>

#include "realtime/auth/outside_issuers.hpp"
#include "tests/auth/signing_keys.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::auth {
namespace {

using test::base64url;
using test::Json;
using test::SigningKey;

const SigningKey& rsa() {
  static const SigningKey key = SigningKey::rsa("r1");
  return key;
}
const SigningKey& ec() {
  static const SigningKey key = SigningKey::ec("e1");
  return key;
}
std::string set_of(const std::vector<SigningKey>& keys) {
  Json set{{"keys", Json::array()}};
  for (const auto& key : keys) set["keys"].push_back(key.jwk());
  return set.dump();
}

constexpr std::int64_t now_s = 1'800'000'000;
const WallTime now = WallTime(std::chrono::seconds(now_s));
const JwtRules rules{.issuer = "https://login.test/", .audience = "repartee"};

Json claims(const Json& changes = Json::object()) {
  Json all{{"iss", "https://login.test/"}, {"aud", "repartee"}, {"sub", "user|17"}, {"exp", now_s + 300}, {"nbf", now_s - 10}};
  all.update(changes);
  for (auto at = all.begin(); at != all.end();) at = at->is_null() ? all.erase(at) : std::next(at);
  return all;
}

Result<OutsideIdentity> check(const std::string& token, const std::string& set) {
  const auto jwt = parse_jwt(token);
  if (!jwt) return jwt.error();
  const auto keys = JwtKeys::parse(set);
  EXPECT_TRUE(keys) << keys.error().message;
  if (!keys) return keys.error();
  return verify_jwt(*jwt, *keys, rules, now);
}
bool refused(const std::string& token, const std::string& set) {
  const auto checked = check(token, set);
  return !checked && checked.error().code == Errc::unauthenticated;
}

TEST(Jwt, OfARightKeyAndWithRightClaimsIsTaken) {
  const auto set = set_of({rsa(), ec()});
  for (const auto* key : {&rsa(), &ec()}) {
    const auto identity = check(key->sign(claims()), set);
    ASSERT_TRUE(identity) << identity.error().message;
    EXPECT_EQ(identity->issuer, "https://login.test/");
    EXPECT_EQ(identity->subject, "user|17");
    EXPECT_EQ(identity->expires_at, now + std::chrono::seconds(300));
  }
  EXPECT_TRUE(check(rsa().sign(claims({{"aud", {"other", "repartee"}}})), set));
  EXPECT_TRUE(check(rsa().sign(claims({{"exp", now_s + 0.5}, {"nbf", nullptr}})), set));
}

TEST(Jwt, AllowsAMinuteForClocksThatDiffer) {
  const auto set = set_of({ec()});
  EXPECT_TRUE(check(ec().sign(claims({{"exp", now_s - 59}})), set));
  EXPECT_TRUE(refused(ec().sign(claims({{"exp", now_s - 60}})), set));
  EXPECT_TRUE(check(ec().sign(claims({{"nbf", now_s + 60}})), set));
  EXPECT_TRUE(refused(ec().sign(claims({{"nbf", now_s + 61}})), set));
}

TEST(Jwt, WithWrongClaimsIsRefused) {
  const auto set = set_of({ec()});
  for (const Json& wrong :
       {Json{{"iss", "https://login.test"}}, Json{{"iss", nullptr}}, Json{{"iss", 7}}, Json{{"aud", "other"}}, Json{{"aud", nullptr}}, Json{{"aud", Json::array()}},
        Json{{"aud", {{"repartee", true}}}}, Json{{"exp", nullptr}}, Json{{"exp", "1900000000"}}, Json{{"exp", 1e300}}, Json{{"exp", -5}}, Json{{"nbf", "soon"}},
        Json{{"sub", nullptr}}, Json{{"sub", ""}}, Json{{"sub", 17}}, Json{{"sub", std::string(256, 'x')}}, Json{{"sub", std::string("a\0b", 3)}}})
    EXPECT_TRUE(refused(ec().sign(claims(wrong)), set)) << wrong.dump();
}

TEST(Jwt, OfAnotherAlgorithmIsRefused) {
  const auto set = set_of({rsa(), ec()});
  const auto unsigned_text = base64url(Json{{"alg", "none"}}.dump()) + "." + base64url(claims().dump()) + ".";
  EXPECT_TRUE(refused(unsigned_text, set));
  for (const char* name : {"none", "None", "HS256", "RS384", "ES384", "PS256", "EdDSA", "", "rs256"})
    EXPECT_TRUE(refused(rsa().sign(claims(), {{"alg", name}, {"kid", "r1"}}), set)) << name;
  // The public key as the secret of an HMAC: the classic confusion.
  const auto text = base64url(Json{{"alg", "HS256"}, {"kid", "r1"}}.dump()) + "." + base64url(claims().dump());
  const std::string secret = rsa().jwk().dump();
  unsigned char mac[32];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  EXPECT_TRUE(refused(text + "." + base64url(std::string(reinterpret_cast<char*>(mac), size)), set));
  // A key of one kind under the other's algorithm.
  EXPECT_TRUE(refused(rsa().sign(claims(), {{"alg", "ES256"}, {"kid", "r1"}}), set));
  EXPECT_TRUE(refused(ec().sign(claims(), {{"alg", "RS256"}, {"kid", "e1"}}), set));
}

TEST(Jwt, OfAnUnknownKeyIsRefused) {
  const auto set = set_of({rsa(), ec()});
  EXPECT_TRUE(refused(SigningKey::ec("e2").sign(claims()), set)) << "no such id";
  EXPECT_TRUE(refused(SigningKey::ec("e1").sign(claims()), set)) << "the id of another key";
  EXPECT_TRUE(refused(ec().sign(claims(), {{"alg", "ES256"}, {"kid", "'; DROP"}}), set));
  EXPECT_TRUE(check(ec().sign(claims(), {{"alg", "ES256"}}), set)) << "one key of its kind";
  EXPECT_TRUE(refused(ec().sign(claims(), {{"alg", "ES256"}}), set_of({ec(), SigningKey::ec("e2")}))) << "which one?";
  EXPECT_TRUE(refused(ec().sign(claims(), {{"alg", "ES256"}, {"jwk", ec().jwk()}, {"kid", "x"}}), set)) << "a key that the token brings along";
  EXPECT_TRUE(refused(ec().sign(claims(), {{"alg", "ES256"}, {"kid", "e1"}, {"crit", {"exp"}}}), set));
}

TEST(Jwt, ThatWasChangedIsRefused) {
  const auto set = set_of({ec()});
  const auto token = ec().sign(claims());
  const auto forged = token.substr(0, token.find('.') + 1) + base64url(claims({{"sub", "admin"}}).dump()) + token.substr(token.rfind('.'));
  EXPECT_TRUE(refused(forged, set));
  for (std::size_t i = 0; i < token.size(); i += 7) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(refused(changed, set)) << i;
  }
  EXPECT_TRUE(refused(token.substr(0, token.rfind('.') + 1), set));
  EXPECT_TRUE(refused(token.substr(0, token.rfind('.') + 1) + base64url(std::string(64, '\0')), set)) << "CVE-2022-21449: r and s of zero";
}

TEST(Jwt, ThatIsNoneIsRefused) {
  for (const std::string& wrong :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), std::string("a.b.c.d"), std::string("!!.!!.!!"),
        base64url("[]") + "." + base64url("{}") + ".x", base64url("{\"alg\":7}") + "." + base64url("{}") + ".x", std::string(jwt_bytes_max + 1, 'a'),
        base64url(std::string(2000, '[')) + "." + base64url("{}") + ".AAAA"})
    EXPECT_FALSE(parse_jwt(wrong)) << wrong.substr(0, 50);
}

TEST(JwtKeys, OfOtherKindsAreNotUsed) {
  const auto only = [](Json key) { return Json{{"keys", {std::move(key)}}}.dump(); };
  auto for_encryption = ec().jwk(), other_algorithm = rsa().jwk(), off_curve = ec().jwk(), other_curve = ec().jwk(), even = rsa().jwk();
  for_encryption["use"] = "enc";
  other_algorithm["alg"] = "PS256";
  off_curve["y"] = off_curve["x"];
  other_curve["crv"] = "P-384";
  even["e"] = "Ag";
  for (const auto& set : {only(for_encryption), only(other_algorithm), only(off_curve), only(other_curve), only(even), only(SigningKey::rsa("weak", 1024).jwk()),
                          only({{"kty", "oct"}, {"k", "AAAA"}}), only("x"), std::string("{}"), std::string("[]"), std::string("x"), std::string("{\"keys\":[]}"),
                          std::string(jwks_bytes_max + 1, ' ')})
    EXPECT_FALSE(JwtKeys::parse(set)) << set.substr(0, 100);
  Json many{{"keys", Json(std::vector<Json>(jwks_keys_max + 1, ec().jwk()))}};
  EXPECT_FALSE(JwtKeys::parse(many.dump()));
}

// ---- where the keys come from ----

class Outside : public testing::Test {
 protected:
  Outside() {
    OutsideIssuers::Options options;
    options.wall_now = [] { return now; };
    auto made = OutsideIssuers::make(
        {{.rules = rules, .jwks_url = "https://login.test/jwks", .jwks_json = ""}},
        [this](Loop& on, const std::string& url, const std::function<void(Result<std::string>)>& done) {
          EXPECT_EQ(url, "https://login.test/jwks");
          ++fetches;
          return on.after(Millis(50), [this, done] { done(served); });
        },
        options, metrics);
    EXPECT_TRUE(made);
    issuers = std::move(*made);
  }
  Result<Caller> ask(const std::string& token) {
    std::optional<Result<Caller>> told;
    issuers->check(loop, token, [&](Result<Caller> caller) { told = std::move(caller); });
    loop.advance(Millis(100));
    EXPECT_TRUE(told.has_value());
    return told ? *told : Error{Errc::internal, "no answer"};
  }
  test::ManualLoop loop;
  Metrics metrics;
  int fetches = 0;
  Result<std::string> served = set_of({ec()});
  std::unique_ptr<OutsideIssuers> issuers;
};

TEST_F(Outside, FetchesTheKeysOnceForMany) {
  int good = 0;
  for (int i = 0; i < 5; ++i) issuers->check(loop, ec().sign(claims()), [&](const Result<Caller>& caller) { good += caller.ok(); });
  loop.advance(Millis(100));
  EXPECT_EQ(good, 5);
  EXPECT_EQ(fetches, 1);
  const auto caller = ask(ec().sign(claims()));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->credential_id, "external:https://login.test/|user|17");
  EXPECT_EQ(fetches, 1);
}

TEST_F(Outside, FetchesAgainForANewKeyButNotAtWill) {
  EXPECT_TRUE(ask(ec().sign(claims())));
  const auto next = SigningKey::ec("e2");
  served = set_of({ec(), next});
  EXPECT_FALSE(ask(next.sign(claims()))) << "fetched just now";
  loop.advance(std::chrono::seconds(31));
  EXPECT_TRUE(ask(next.sign(claims())));
  EXPECT_EQ(fetches, 2);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(ask(SigningKey::ec("no" + std::to_string(i)).sign(claims())).error().code, Errc::unauthenticated);
  EXPECT_LE(fetches, 3) << "whoever makes up key ids makes no fetches";
}

TEST_F(Outside, RenewsOldKeysAndKeepsThemWhileTheProviderIsAway) {
  EXPECT_TRUE(ask(ec().sign(claims())));
  served = Error{Errc::unavailable, "away"};
  loop.advance(std::chrono::minutes(61));
  EXPECT_TRUE(ask(ec().sign(claims())));
  EXPECT_EQ(fetches, 2);
  served = set_of({SigningKey::ec("e9")});
  loop.advance(std::chrono::seconds(31));
  EXPECT_FALSE(ask(ec().sign(claims()))) << "the provider has withdrawn the key";
}

TEST_F(Outside, SaysUnavailableWhileThereAreNoKeys) {
  for (const Result<std::string>& bad : {Result<std::string>(Error{Errc::unavailable, "away"}), Result<std::string>(std::string("<html>"))}) {
    served = bad;
    EXPECT_EQ(ask(ec().sign(claims())).error().code, Errc::unavailable);
    loop.advance(std::chrono::seconds(31));
  }
  served = set_of({ec()});
  EXPECT_TRUE(ask(ec().sign(claims())));
}

TEST_F(Outside, KnowsItsIssuersOnly) {
  EXPECT_EQ(ask(ec().sign(claims({{"iss", "https://evil.test/"}}))).error().code, Errc::unauthenticated);
  EXPECT_EQ(ask("no token").error().code, Errc::unauthenticated);
  EXPECT_EQ(fetches, 0);
}

}  // namespace
}  // namespace repartee::auth
