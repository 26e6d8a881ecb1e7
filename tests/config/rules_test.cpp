#include <gtest/gtest.h>

#include "config/load.hpp"

namespace repartee::config {
namespace {

Result<Loaded> with(const std::vector<std::pair<std::string, std::string>>& values, Environment environment = {{"HOME", "/home/someone"}}) {
  Sources sources{.file = {}, .environment = std::move(environment), .flags = {}};
  for (const auto& [key, value] : values) sources.flags.push_back({key, value, "--" + key});
  return load(sources);
}

std::string refusal(const std::vector<std::pair<std::string, std::string>>& values) {
  const auto loaded = with(values);
  return loaded ? "(loaded)" : loaded.error().message;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

const std::string key = "0123456789abcdef";

TEST(Listening, IsOpenOnLoopbackWithoutKeysOrTls) {
  for (const char* listen : {"127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "localhost:8080"})
    EXPECT_TRUE(with({{"server.listen", listen}})) << listen;
}

TEST(Listening, BeyondLoopbackNeedsTlsAndAKey) {
  for (const char* listen : {"0.0.0.0:8080", "[::]:8080", "192.168.1.5:443"}) {
    const std::string message = refusal({{"server.listen", listen}});
    EXPECT_TRUE(contains(message, "--server.listen: ")) << message;
    EXPECT_TRUE(contains(message, "there is no TLS and no API key")) << message;
  }
  EXPECT_TRUE(contains(refusal({{"server.listen", "0.0.0.0:1"}, {"auth.api_key", key}}), "there is no TLS."));
  EXPECT_TRUE(
      contains(refusal({{"server.listen", "0.0.0.0:1"}, {"server.tls_cert", "c"}, {"server.tls_key", "k"}}), "there is no API key."));
  const auto both = with({{"server.listen", "0.0.0.0:1"}, {"server.tls_cert", "c"}, {"server.tls_key", "k"}, {"auth.api_key", key}});
  ASSERT_TRUE(both) << both.error().message;
  EXPECT_TRUE(both->warnings.empty());
}

TEST(Listening, BeyondLoopbackInsecurelyIsAllowedWhenMeantAndWarnedOf) {
  const auto loaded = with({{"server.listen", "0.0.0.0:8080"}, {"server.insecure", "true"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_TRUE(contains(loaded->warnings[0], "anybody who reaches it"));
}

TEST(Tls, NeedsCertificateAndKeyTogether) {
  EXPECT_EQ(refusal({{"server.tls_cert", "c.pem"}}), "--server.tls_cert: [server] tls_cert and tls_key are needed together");
  EXPECT_EQ(refusal({{"server.tls_key", "k.pem"}}), "--server.tls_key: [server] tls_cert and tls_key are needed together");
}

TEST(ParseListen, RefusesWhatIsNoAddressAndPort) {
  for (const char* text : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:8080x", "::1:8080",
                           "[::1:8080", "example.org:8080", "256.0.0.1:1"}) {
    EXPECT_FALSE(parse_listen(text)) << text;
  }
}

TEST(ParseListen, GivesTheAddressWithoutBrackets) {
  const auto parsed = parse_listen("[2001:db8::1]:443");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->address, "2001:db8::1");
  EXPECT_EQ(parsed->port, 443);
  EXPECT_FALSE(parsed->loopback);
}

TEST(ApiKeys, TheShortFormBecomesAnEntry) {
  const auto loaded = with({{"auth.api_key", key}});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->settings.auth.api_keys.size(), 1U);
  EXPECT_EQ(loaded->settings.auth.api_keys[0].name, "default");
  EXPECT_EQ(loaded->settings.auth.api_keys[0].key.reveal(), key);
}

TEST(ApiKeys, MustBeLongEnoughToBeSecret) { EXPECT_TRUE(contains(refusal({{"auth.api_key", "short"}}), "shorter than 16 characters")); }

TEST(Models, AreInTheCacheDirectoryUnlessSaidOtherwise) {
  EXPECT_EQ(with({}, {{"HOME", "/h"}, {"XDG_CACHE_HOME", "/c"}})->settings.models.dir, "/c/repartee/models");
  EXPECT_EQ(with({{"models.dir", "/m"}}, {})->settings.models.dir, "/m");
  const auto homeless = with({}, {});
  ASSERT_FALSE(homeless);
  EXPECT_TRUE(contains(homeless.error().message, "REPARTEE_MODELS_DIR"));
}

TEST(Answering, IsSwitchedByTheBaseUrlAlone) {
  EXPECT_EQ(with({})->settings.llm.provider, "local");
  EXPECT_EQ(with({{"llm.openai.base_url", "http://localhost:1/v1"}, {"llm.openai.model", "m"}})->settings.llm.provider, "openai");
  const auto local = with({{"llm.openai.base_url", "http://localhost:1/v1"}, {"llm.openai.model", "m"}, {"llm.provider", "local"}});
  EXPECT_EQ(local->settings.llm.provider, "local");
}

TEST(Endpoints, NeedAUrlAndAModelWhenChosen) {
  EXPECT_EQ(refusal({{"asr.provider", "openai"}}), "--asr.provider: [asr] provider \"openai\" needs [asr.openai] base_url");
  EXPECT_EQ(refusal({{"llm.openai.base_url", "http://x/v1"}}), "--llm.openai.base_url: [llm.openai] base_url is set, so it needs a model");
  EXPECT_TRUE(contains(refusal({{"tts.openai.base_url", "ftp://x"}}), "must begin with http:// or https://"));
}

TEST(Deadlines, OfTheFirstTokenLiesWithinTheWhole) {
  EXPECT_TRUE(contains(refusal({{"llm.deadline_ms", "500"}}), "first_token_deadline_ms is longer than deadline_ms"));
}

TEST(DatabaseUrl, IsAUrlOrLibpqPairs) {
  EXPECT_TRUE(with({{"database.url", "postgresql:///db?host=/run/postgresql"}}));
  EXPECT_TRUE(with({{"database.url", "host=/run/postgresql dbname=x"}}));
  const std::string message = refusal({{"database.url", "mysql://secret@x"}});
  EXPECT_TRUE(contains(message, "must be postgresql://")) << message;
  EXPECT_FALSE(contains(message, "secret"));
}

TEST(VoiceAliases, NameAProviderAndAVoice) {
  Environment environment = {{"HOME", "/h"}, {"REPARTEE_TTS_VOICE_ALIASES_ALLOY", "af_heart"}};
  const auto loaded = with({}, environment);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message,
            "REPARTEE_TTS_VOICE_ALIASES_ALLOY: [tts.voice_aliases] alloy must be \"provider/voice\", as \"kokoro/af_heart\"");
}

}  // namespace
}  // namespace repartee::config
