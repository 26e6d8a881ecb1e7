// What holds between the keys of accounts: who may come in, how people register, mails, outside issuers, tiers.
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "tests/config/temporary_file.hpp"

namespace repartee::config {
namespace {

Result<Loaded> with(const std::vector<std::pair<std::string, std::string>>& values, const std::string& toml = "") {
  const testing_support::TemporaryFile file(toml);
  Sources sources{.file = file.path(), .environment = {{"HOME", "/home/someone"}}, .flags = {}};
  for (const auto& [key, value] : values) sources.flags.push_back({key, value, "--" + key});
  return load(sources);
}
std::string refusal(const std::vector<std::pair<std::string, std::string>>& values, const std::string& toml = "") {
  const auto loaded = with(values, toml);
  return loaded ? "(loaded)" : loaded.error().message;
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

const std::pair<std::string, std::string> beyond{"server.listen", "0.0.0.0:8443"}, cert{"server.tls_cert", "c"}, key{"server.tls_key", "k"};

TEST(Accounts, CountAsAuthenticationBeyondLoopback) {
  EXPECT_TRUE(contains(refusal({beyond, cert, key}), "[auth] required = true"));
  const auto loaded = with({beyond, cert, key, {"auth.required", "true"}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->warnings.empty());
  EXPECT_TRUE(loaded->settings.auth.required);
  EXPECT_FALSE(with({})->settings.auth.required);
  EXPECT_TRUE(with({{"auth.api_key", "0123456789abcdef"}})->settings.auth.required) << "as soon as there is a key";
  EXPECT_TRUE(contains(refusal({beyond, {"auth.required", "true"}}), "there is no TLS."));
}

TEST(Accounts, AreMadeByAnybodyOnLoopbackOnly) {
  EXPECT_EQ(with({})->settings.auth.registration, "open");
  EXPECT_EQ(with({beyond, cert, key, {"auth.required", "true"}})->settings.auth.registration, "closed");
  EXPECT_EQ(with({beyond, cert, key, {"auth.required", "true"}, {"auth.registration", "open"}})->settings.auth.registration, "open");
}

TEST(Accounts, AreVerifiedFirstWhereMailsCanBeSent) {
  EXPECT_EQ(with({})->settings.auth.verification, "optional");
  EXPECT_EQ(with({{"mail.server", "mail.test:587"}, {"mail.from", "a@b.org"}})->settings.auth.verification, "required");
}

TEST(Accounts, KeepTheirSecretInTheDataDirectoryUnlessSaidOtherwise) {
  const auto ours = with({{"server.data_dir", "/d"}});
  EXPECT_EQ(ours->settings.auth.secret_file, "/d/auth.secret");
  EXPECT_TRUE(ours->settings.auth.secret_file_is_ours);
  const auto theirs = with({{"auth.secret_file", "/s"}});
  EXPECT_EQ(theirs->settings.auth.secret_file, "/s");
  EXPECT_FALSE(theirs->settings.auth.secret_file_is_ours);
}

TEST(Links, BeginWithWhereTheServerIs) {
  EXPECT_EQ(with({})->settings.auth.public_url, "http://127.0.0.1:8080");
  EXPECT_EQ(with({{"server.listen", "[::1]:1"}, cert, key})->settings.auth.public_url, "https://[::1]:1");
  EXPECT_EQ(with({{"auth.public_url", "https://voice.test//"}})->settings.auth.public_url, "https://voice.test");
  EXPECT_TRUE(contains(refusal({{"auth.public_url", "voice.test"}}), "must begin with http"));
}

TEST(Mail, NeedsAHostAPortAndASender) {
  for (const char* wrong : {"mail.test", "mail.test:", ":25", "mail.test:x", "smtp://mail.test:25", "user@mail.test:25"})
    EXPECT_TRUE(contains(refusal({{"mail.server", wrong}, {"mail.from", "a@b.org"}}), "must be host:port")) << wrong;
  EXPECT_TRUE(contains(refusal({{"mail.server", "mail.test:25"}}), "needs from"));
  EXPECT_EQ(with({{"mail.server", "mail.test:25"}, {"mail.from", "a@b.org"}, {"mail.security", "none"}, {"mail.username", "u"}})->warnings.size(), 1u);
}

TEST(Issuers, NeedTheirKeysFromAPlaceThatCanBeTrusted) {
  const auto issuer = [](const std::string& rest) { return "[[auth.issuers]]\nissuer = \"https://i.test\"\naudience = \"a\"\n" + rest; };
  EXPECT_TRUE(with({}, issuer("jwks_url = \"https://i.test/jwks\"")));
  EXPECT_TRUE(with({}, issuer("jwks_url = \"http://127.0.0.1:9/jwks\"")));
  EXPECT_TRUE(with({}, issuer("jwks_file = \"/keys.json\"")));
  EXPECT_TRUE(contains(refusal({}, issuer("jwks_url = \"http://i.test/jwks\"")), "must begin with https://"));
  EXPECT_TRUE(contains(refusal({}, issuer("jwks_url = \"http://127.0.0.1.evil.test/\"")), "must begin with https://"));
  EXPECT_TRUE(contains(refusal({}, issuer("")), "either jwks_url or jwks_file"));
  EXPECT_TRUE(contains(refusal({}, "[[auth.issuers]]\nissuer = \"x\"\njwks_file = \"k\""), "needs issuer and audience"));
  EXPECT_TRUE(contains(refusal({}, issuer("jwks_file = \"k\"\n") + issuer("jwks_file = \"k\"")), "is there twice"));
}

TEST(Tiers, AreThree) {
  const auto loaded = with({}, "[tiers.pro]\nturns_a_month = 7\n");
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.tiers.at("pro").turns_a_month, 7);
  EXPECT_EQ(loaded->settings.tiers.at("pro").sessions_at_once, 20) << "the rest stays";
  EXPECT_TRUE(contains(refusal({}, "[tiers.gold]\nturns_a_month = 7\n"), "[tiers.gold]"));
}

}  // namespace
}  // namespace repartee::config
