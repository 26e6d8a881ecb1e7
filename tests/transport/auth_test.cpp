#include "realtime/auth/auth.hpp"

#include <gtest/gtest.h>

namespace repartee::auth {
namespace {

Auth make(Options options) {
  auto auth = Auth::create(options);
  EXPECT_TRUE(auth) << auth.error().message;
  return *auth;
}

const Options with_keys{.keys = {{.name = "phone", .key = "sk-phone-0123456789", .user_id = "u1"},
                                 {.name = "laptop",
                                  .key_sha256 = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
                                  .user_id = "u2"}},  // "test"
                        .required = true};

TEST(Auth, TakesTheKeyFromTheAuthorizationHeader) {
  const Auth auth = make(with_keys);
  const auto caller = auth.identify({{"authorization", "Bearer sk-phone-0123456789"}});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user_id, "u1");
  EXPECT_EQ(caller->key_name, "phone");
  EXPECT_EQ(auth.identify({{"authorization", "bearer   test "}})->key_name, "laptop");
}

TEST(Auth, TakesTheKeyFromASubprotocol) {
  const auto caller = make(with_keys).identify({}, {"realtime", "openai-agents-sdk.0.4", "openai-insecure-api-key.test"});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user_id, "u2");
}

TEST(Auth, RefusesWrongKeys) {
  const Auth auth = make(with_keys);
  for (const char* wrong : {"Bearer sk-phone-012345678", "Bearer sk-phone-01234567890", "Bearer ", "Bearer", "Basic dGVzdA==", "test"}) {
    const auto caller = auth.identify({{"authorization", wrong}});
    ASSERT_FALSE(caller) << wrong;
    EXPECT_EQ(caller.error().code, Errc::unauthenticated);
    EXPECT_EQ(caller.error().message.find("phone-"), std::string::npos);  // never shows what was sent
  }
  EXPECT_FALSE(auth.identify({{"authorization", "Bearer " + std::string(5000, 'k')}}));
  EXPECT_FALSE(auth.identify({}, {"openai-insecure-api-key."}));
}

TEST(Auth, NeedsAKeyOnlyWhereRequired) {
  EXPECT_FALSE(make(with_keys).identify({}));
  Options optional = with_keys;
  optional.required = false;
  EXPECT_EQ(make(optional).identify({})->key_name, "");
  EXPECT_FALSE(make(optional).identify({{"authorization", "Bearer wrong"}}));
  EXPECT_TRUE(make({}).identify({{"authorization", "Bearer whatever-the-client-insists-on"}}));
}

TEST(Auth, RefusesAnAmbiguousConfiguration) {
  EXPECT_FALSE(Auth::create({.keys = {{.name = "none"}}}));
  EXPECT_FALSE(Auth::create({.keys = {{.name = "both", .key = "a", .key_sha256 = "b"}}}));
  EXPECT_FALSE(Auth::create({.keys = {{.name = "short", .key_sha256 = "9f86"}}}));
  EXPECT_FALSE(Auth::create({.keys = {{.name = "one", .key = "same"}, {.name = "two", .key = "same"}}}));
}

TEST(Auth, AcceptsItsOwnPagesAndListedOriginsOnly) {
  const Auth auth = make({.allowed_origins = {"https://Example.org/"}, .is_loopback = false});
  const auto with = [](const char* origin) { return Headers{{"host", "voice.test:8080"}, {"origin", origin}}; };
  EXPECT_TRUE(auth.check_source({{"host", "voice.test:8080"}}));
  EXPECT_TRUE(auth.check_source(with("http://voice.test:8080")));
  EXPECT_TRUE(auth.check_source(with("https://VOICE.test:8080")));
  EXPECT_TRUE(auth.check_source(with("https://example.org")));
  for (const char* other :
       {"http://voice.test", "http://voice.test:8081", "https://example.org.evil.test", "null", "https://example.org:444", "x"}) {
    const Status refused = auth.check_source(with(other));
    ASSERT_FALSE(refused) << other;
    EXPECT_EQ(refused.error().code, Errc::permission_denied);
  }
  EXPECT_TRUE(make({.allowed_origins = {"*"}, .is_loopback = false}).check_source(with("https://anyone.test")));
}

TEST(Auth, RefusesReboundHostNamesOnLoopback) {
  const Auth auth = make({.allowed_hosts = {"proxy.test"}});
  for (const char* local : {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "[::1]", "proxy.test:443"}) {
    EXPECT_TRUE(auth.check_source({{"host", local}})) << local;
  }
  for (const char* foreign : {"evil.test", "localhost.evil.test", "127.0.0.1.evil.test:8080", "", "evil.test:80@localhost"}) {
    EXPECT_FALSE(auth.check_source({{"host", foreign}, {"origin", std::string("http://") + foreign}})) << foreign;
  }
  EXPECT_TRUE(make({.is_loopback = false}).check_source({{"host", "evil.test"}}));
}

TEST(Auth, ChoosesTheRealtimeSubprotocolAndNeverTheKey) {
  EXPECT_EQ(choose_subprotocol({"openai-insecure-api-key.k", "realtime"}), "realtime");
  EXPECT_EQ(choose_subprotocol({"openai-insecure-api-key.k"}), "");
  EXPECT_EQ(choose_subprotocol({}), "");
}

}  // namespace
}  // namespace repartee::auth
