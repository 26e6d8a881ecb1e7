// Who is calling, by whatever was shown; what is remembered of it, and what ends that.
#include "realtime/auth/account_authenticator.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "realtime/auth/credential_watch.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::auth {
namespace {

using test::ManualLoop;

const Error unknown{Errc::unauthenticated, "the key is not valid"};

class Authenticating : public testing::Test {
 protected:
  AccountAuthenticator make(const Options& options, bool outside = false) {
    auto configured = Auth::create(options);
    EXPECT_TRUE(configured);
    AccountAuthenticator::Parts parts;
    parts.configured = std::make_shared<const Auth>(std::move(*configured));
    parts.tokens = tokens;
    parts.look_up = [this](Loop&, const Credential& credential, const std::function<void(Result<Caller>)>& done) {
      asked.push_back(credential.name + (credential.user_id.empty() ? "" : " of " + credential.user_id));
      done(answer);
    };
    if (outside) parts.check_outside = [](Loop&, const std::string& token, const std::function<void(Result<Caller>)>& done) {
      if (token == "ey.good.x") return done(Caller{.user_id = "", .key_name = "", .credential_id = "external:i|s", .expires_at = WallTime(std::chrono::seconds(9))});
      done(unknown);
    };
    parts.now = [this] { return now; };
    return AccountAuthenticator(std::move(parts));
  }
  Result<Caller> identify(const AccountAuthenticator& by, const std::string& key) {
    std::optional<Result<Caller>> told;
    const Headers headers = key.empty() ? Headers() : Headers{{"authorization", "Bearer " + key}};
    by.identify(loop, headers, {}, [&](Result<Caller> caller) { told = std::move(caller); });
    EXPECT_TRUE(told.has_value());
    return told ? *told : Error{Errc::internal, "no answer"};
  }
  std::string token(Tokens::Kind kind, const std::string& credential) const {
    Tokens::Content content;
    content.caller = {.user_id = "u1", .key_name = "", .credential_id = credential, .tier = "free", .session_json = "{}"};
    content.valid_until = now + std::chrono::minutes(1);
    return *tokens->make(kind, content);
  }

  WallTime now{std::chrono::hours(500'000)};
  std::shared_ptr<const Tokens> tokens = std::make_shared<const Tokens>(ServerSecret{1, 2, 3});
  Result<Caller> answer = Caller{.user_id = "u1", .key_name = "key", .credential_id = "key:1", .scopes = {"read"}, .tier = "pro"};
  std::vector<std::string> asked;
  ManualLoop loop;
};

const Options locked{.keys = {{.name = "phone", .key = "sk-phone-0123456789", .user_id = "u9"}}, .required = true};

TEST_F(Authenticating, AsksNobodyForAConfiguredKey) {
  const auto by = make(locked);
  EXPECT_EQ(identify(by, "sk-phone-0123456789")->user_id, "u9");
  EXPECT_EQ(identify(by, "").error().code, Errc::unauthenticated);
  EXPECT_EQ(identify(by, "sk-other").error().code, Errc::unauthenticated);
  EXPECT_TRUE(asked.empty());
}

TEST_F(Authenticating, LooksAnApiKeyUpByItsDigest) {
  EXPECT_EQ(identify(make(locked), "rk_abc")->credential_id, "key:1");
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0], credential_of_api_key("rk_abc"));
  EXPECT_EQ(credential_of_api_key("test"), "hash:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
}

TEST_F(Authenticating, TakesAnAccessTokenAndLooksItsSignInUp) {
  EXPECT_EQ(identify(make(locked), token(Tokens::Kind::access, "signin:7"))->tier, "pro");
  EXPECT_EQ(asked, std::vector<std::string>{"signin:7 of u1"});
  answer = unknown;
  EXPECT_EQ(identify(make(locked), token(Tokens::Kind::access, "signin:7")).error().code, Errc::unauthenticated) << "revoked meanwhile";
  asked.clear();
  EXPECT_FALSE(identify(make(locked), token(Tokens::Kind::refresh, "signin:7"))) << "a refresh token is no key";
  EXPECT_FALSE(identify(make(locked), "at_wrong"));
  now += std::chrono::hours(1);
  EXPECT_TRUE(asked.empty());
}

TEST_F(Authenticating, LetsAnEphemeralKeyOnlyTalk) {
  const auto by = make(locked);
  const auto caller = identify(by, token(Tokens::Kind::ephemeral, "key:1"));
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->scopes, std::vector<std::string>{"realtime"});
  EXPECT_EQ(caller->session_json, "{}");
  EXPECT_TRUE(caller->is_ephemeral);
  EXPECT_EQ(caller->tier, "pro") << "as it is now, not as it was when the key was made";
  EXPECT_EQ(asked, std::vector<std::string>{"key:1 of u1"});
  EXPECT_TRUE(identify(by, token(Tokens::Kind::ephemeral, ""))) << "made with a configured key";
  answer = unknown;
  EXPECT_FALSE(identify(by, token(Tokens::Kind::ephemeral, "key:1"))) << "the key it was made with is revoked";
  const auto old = token(Tokens::Kind::ephemeral, "");
  now += std::chrono::minutes(2);
  EXPECT_FALSE(identify(by, old));
}

TEST_F(Authenticating, OnAnOpenServerTakesAnyKeyButAWrongOneOfOurs) {
  const auto by = make({});
  EXPECT_TRUE(identify(by, "")->user_id.empty());
  EXPECT_TRUE(identify(by, "whatever-the-client-insists-on"));
  EXPECT_EQ(identify(by, "rk_mine")->user_id, "u1");
  answer = unknown;
  for (const char* wrong : {"rk_other", "at_x", "ek_x"}) EXPECT_EQ(identify(by, wrong).error().code, Errc::unauthenticated) << wrong;
}

TEST_F(Authenticating, TakesOutsideTokensWhereThereAreIssuers) {
  answer = Caller{.user_id = "u5", .key_name = "", .tier = "free"};
  const auto caller = identify(make(locked, true), "ey.good.x");
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user_id, "u5");
  EXPECT_EQ(caller->expires_at, WallTime(std::chrono::seconds(9)));
  EXPECT_EQ(asked, std::vector<std::string>{"external:i|s"});
  EXPECT_FALSE(identify(make(locked, true), "ey.bad.x"));
  EXPECT_FALSE(identify(make(locked, false), "ey.good.x"));
}

TEST_F(Authenticating, RefusesWhatIsTooLong) { EXPECT_FALSE(identify(make({}), "rk_" + std::string(credential_bytes_max, 'x'))); }

// ---- what is remembered ----

class Remembering : public testing::Test {
 protected:
  Remembering() { options.wall_now = [this] { return now; }; }
  Result<Caller> find(CredentialCache& cache, const std::string& name) {
    std::optional<Result<Caller>> told;
    cache.find(loop, {name}, [&](Result<Caller> caller) { told = std::move(caller); });
    for (int i = 0; i < 5000 && !told; ++i, std::this_thread::sleep_for(Millis(1))) loop.run();
    EXPECT_TRUE(told.has_value());
    return told ? *told : Error{Errc::internal, "no answer"};
  }
  CredentialCache make() {
    return {[this](const Credential& credential) -> Result<Caller> {
              ++asked;
              if (credential.name == "away") return Error{Errc::unavailable, "away"};
              if (credential.name == "wrong") return unknown;
              return Caller{.user_id = "u1", .key_name = "", .credential_id = credential.name, .expires_at = expires_at};
            },
            options, metrics};
  }
  ManualLoop loop;
  Metrics metrics;
  CredentialCache::Options options;
  WallTime now{std::chrono::hours(500'000)};
  std::optional<WallTime> expires_at;
  std::atomic<int> asked{0};
};

TEST_F(Remembering, AsksOnceForWhatComesOften) {
  auto cache = make();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(find(cache, "key:1"));
  EXPECT_EQ(asked, 1);
  loop.advance(std::chrono::seconds(31));
  EXPECT_TRUE(find(cache, "key:1"));
  EXPECT_EQ(asked, 2);
}

TEST_F(Remembering, ARefusalIsShortAndAFailureIsNone) {
  auto cache = make();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(find(cache, "wrong").error().code, Errc::unauthenticated);
  EXPECT_EQ(asked, 1);
  loop.advance(std::chrono::seconds(6));
  EXPECT_FALSE(find(cache, "wrong"));
  EXPECT_EQ(asked, 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(find(cache, "away").error().code, Errc::unavailable);
  EXPECT_EQ(asked, 5);
}

TEST_F(Remembering, ForgetsWhatWasRevoked) {
  auto cache = make();
  EXPECT_TRUE(find(cache, "key:1"));
  EXPECT_TRUE(find(cache, "key:2"));
  cache.forget("key:1");
  EXPECT_TRUE(find(cache, "key:2"));
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(find(cache, "key:1"));
  EXPECT_EQ(asked, 3);
  cache.forget("user:u1");
  EXPECT_TRUE(find(cache, "key:2"));
  EXPECT_EQ(asked, 4);
  cache.forget_all();
  EXPECT_TRUE(find(cache, "key:2"));
  EXPECT_EQ(asked, 5);
}

TEST_F(Remembering, NoticesAnExpiryInBetween) {
  expires_at = now + std::chrono::seconds(10);
  auto cache = make();
  EXPECT_TRUE(find(cache, "key:1"));
  now += std::chrono::seconds(10);
  EXPECT_EQ(find(cache, "key:1").error().code, Errc::unauthenticated);
}

TEST_F(Remembering, IsBounded) {
  options.entries_max = 3;
  auto cache = make();
  for (const char* name : {"key:1", "key:2", "key:3", "key:4"}) EXPECT_TRUE(find(cache, name));
  EXPECT_TRUE(find(cache, "key:4"));
  EXPECT_EQ(asked, 4);
  EXPECT_TRUE(find(cache, "key:1")) << "the oldest was dropped";
  EXPECT_EQ(asked, 5);
}

TEST_F(Remembering, AsksOnceForManyWhoWaitAndTurnsAwayTheRest) {
  options.waiting_max = 3;
  std::mutex gate;
  gate.lock();
  CredentialCache cache(
      [&](const Credential&) -> Result<Caller> {
        ++asked;
        std::lock_guard wait(gate);
        return Caller{.user_id = "u1", .key_name = ""};
      },
      options, metrics);
  std::vector<Errc> told;
  for (int i = 0; i < 4; ++i) cache.find(loop, {"key:1"}, [&](const Result<Caller>& caller) { told.push_back(caller ? Errc::ok : caller.error().code); });
  EXPECT_EQ(told, std::vector<Errc>{Errc::resource_exhausted});
  gate.unlock();
  for (int i = 0; i < 5000 && told.size() < 4; ++i, std::this_thread::sleep_for(Millis(1))) loop.run();
  EXPECT_EQ(told, (std::vector<Errc>{Errc::resource_exhausted, Errc::ok, Errc::ok, Errc::ok}));
  EXPECT_EQ(asked, 1);
}

TEST_F(Remembering, DoesNotKeepWhatWasRevokedWhileItWasAsked) {
  std::mutex gate;
  gate.lock();
  CredentialCache cache(
      [&](const Credential&) -> Result<Caller> {
        ++asked;
        std::lock_guard wait(gate);
        return Caller{.user_id = "u1", .key_name = "", .credential_id = "key:1"};
      },
      options, metrics);
  bool told = false;
  cache.find(loop, {"key:1"}, [&](const Result<Caller>&) { told = true; });
  cache.forget("key:1");
  gate.unlock();
  for (int i = 0; i < 5000 && !told; ++i, std::this_thread::sleep_for(Millis(1))) loop.run();
  ASSERT_TRUE(told);
  EXPECT_TRUE(find(cache, "key:1"));
  EXPECT_EQ(asked, 2);
}

// ---- who is told of a revocation ----

struct Watching : testing::Test {
  const Caller by_key{.user_id = "u1", .key_name = "", .credential_id = "key:1", .tier = "free"};
  ManualLoop loop;
  Revocations revocations;
  int told = 0;
  StreamPtr watch(const Caller& caller) {
    return revocations.watch(loop, caller, [this] { ++told; });
  }
};

TEST_F(Watching, TellsThoseWhoCameWithTheCredentialOnce) {
  const auto first = watch(by_key), second = watch(by_key);
  const auto other = watch({.user_id = "u2", .key_name = "", .credential_id = "key:2", .tier = "free"});
  revocations.revoked("key:1", loop.now());
  revocations.revoked("user:u1", loop.now());
  loop.run();
  EXPECT_EQ(told, 2);
}

TEST_F(Watching, TellsEverybodyOfAUser) {
  const auto key = watch(by_key), signin = watch({.user_id = "u1", .key_name = "", .credential_id = "signin:1", .tier = "free"});
  EXPECT_EQ(revocations.watched(), (std::vector<Revocations::Watched>{{"key:1", "u1"}, {"signin:1", "u1"}, {"user:u1", "u1"}}));
  revocations.revoked("user:u1", loop.now());
  loop.run();
  EXPECT_EQ(told, 2);
}

TEST_F(Watching, EndsWithItsHandle) {
  auto handle = watch(by_key);
  revocations.revoked("key:1", loop.now());
  handle.reset();
  loop.run();
  EXPECT_EQ(told, 0);
  EXPECT_TRUE(revocations.watched().empty());
  EXPECT_EQ(watch({}), nullptr) << "nothing of a caller without a credential can be revoked";
}

TEST_F(Watching, HearsOfARevocationThatCameJustBefore) {
  revocations.revoked("key:1", loop.now());
  const auto handle = watch(by_key);
  loop.run();
  EXPECT_EQ(told, 1);
  loop.advance(std::chrono::seconds(11));
  const auto later = watch(by_key);
  loop.run();
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace repartee::auth
