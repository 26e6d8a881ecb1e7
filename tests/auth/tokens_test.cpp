#include "realtime/auth/tokens.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "tests/support/temp_dir.hpp"

namespace repartee::auth {
namespace {

using Kind = Tokens::Kind;
constexpr std::array kinds = {Kind::access, Kind::ephemeral, Kind::refresh, Kind::verification, Kind::password_reset};
const WallTime now = WallTime(std::chrono::seconds(1'800'000'000));

ServerSecret secret_of(unsigned char byte) {
  ServerSecret secret;
  secret.fill(byte);
  return secret;
}

Tokens::Content content() {
  Tokens::Content content;
  content.caller = {.user_id = "0192f0c1-0000-7000-8000-000000000001",
                    .key_name = "ph\"one ☎",
                    .credential_id = "key:0192f0c1-0000-7000-8000-000000000002",
                    .scopes = {"realtime", "read"},
                    .tier = "pro",
                    .expires_at = now + std::chrono::hours(5),
                    .session_json = R"({"instructions":"Say \u00e9"})"};
  content.valid_until = now + std::chrono::minutes(15);
  content.bound_to = "ada@example.org";
  return content;
}

TEST(Tokens, CarryEverythingAndHideIt) {
  const Tokens tokens(secret_of(1));
  for (const Kind kind : kinds) {
    const auto token = tokens.make(kind, content());
    ASSERT_TRUE(token);
    EXPECT_EQ(token->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), std::string::npos) << "fits a subprotocol";
    const auto read = tokens.read(kind, *token, now);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->caller.user_id, content().caller.user_id);
    EXPECT_EQ(read->caller.key_name, content().caller.key_name);
    EXPECT_EQ(read->caller.credential_id, content().caller.credential_id);
    EXPECT_EQ(read->caller.scopes, content().caller.scopes);
    EXPECT_EQ(read->caller.tier, "pro");
    EXPECT_EQ(read->caller.expires_at, content().caller.expires_at);
    EXPECT_EQ(read->caller.session_json, content().caller.session_json);
    EXPECT_EQ(read->bound_to, "ada@example.org");
  }
}

TEST(Tokens, OfTheSameContentAreNeverTheSame) {
  const Tokens tokens(secret_of(1));
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) made.insert(*tokens.make(Kind::refresh, content()));
  EXPECT_EQ(made.size(), 100u);
}

TEST(Tokens, OfOneKindAreRefusedAsAnother) {
  const Tokens tokens(secret_of(1));
  for (const Kind made : kinds) {
    const auto token = *tokens.make(made, content());
    for (const Kind other : kinds) {
      if (other == made) continue;
      EXPECT_FALSE(tokens.read(other, token, now));
      const auto prefix = tokens.make(other, content())->substr(0, 3);
      EXPECT_FALSE(tokens.read(other, prefix + token.substr(3), now)) << "with the other's prefix";
    }
  }
}

TEST(Tokens, EndAtTheirExpiry) {
  const Tokens tokens(secret_of(1));
  const auto token = *tokens.make(Kind::access, content());
  EXPECT_TRUE(tokens.read(Kind::access, token, now + std::chrono::minutes(15) - std::chrono::seconds(1)));
  const auto late = tokens.read(Kind::access, token, now + std::chrono::minutes(15));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::unauthenticated);
  EXPECT_NE(late.error().message.find("expired"), std::string::npos);
}

TEST(Tokens, AreOfNoUseWithAnotherSecret) {
  const auto token = *Tokens(secret_of(1)).make(Kind::access, content());
  EXPECT_TRUE(Tokens(secret_of(1)).read(Kind::access, token, now)) << "another node with the same secret";
  EXPECT_FALSE(Tokens(secret_of(2)).read(Kind::access, token, now));
}

TEST(Tokens, AreRefusedWhenAnythingInThemIsChanged) {
  const Tokens tokens(secret_of(1));
  const auto token = *tokens.make(Kind::access, content());
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto read = tokens.read(Kind::access, changed, now);
    ASSERT_FALSE(read) << i;
    EXPECT_EQ(read.error().code, Errc::unauthenticated);
  }
  for (const std::string& wrong : {std::string(), std::string("at_"), std::string("at_AAAA"), token + "A", token + "=", token.substr(0, token.size() - 1),
                                   token + std::string(1, '\0'), "at_" + std::string(100'000, 'A'), std::string("at_!!!!"), "AT_" + token.substr(3)})
    EXPECT_FALSE(tokens.read(Kind::access, wrong, now));
}

TEST(Tokens, TakeASessionThatFitsIntoAHeader) {
  const Tokens tokens(secret_of(1));
  auto large = content();
  large.caller.session_json = "{\"instructions\":\"" + std::string(Tokens::session_bytes_max - 19, 'x') + "\"}";
  ASSERT_EQ(large.caller.session_json.size(), Tokens::session_bytes_max);
  const auto token = tokens.make(Kind::ephemeral, large);
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_LE(token->size(), credential_bytes_max);
  EXPECT_EQ(tokens.read(Kind::ephemeral, *token, now)->caller.session_json, large.caller.session_json);
  large.caller.session_json += ' ';
  EXPECT_EQ(tokens.make(Kind::ephemeral, large).error().code, Errc::invalid_argument);
}

class SecretFile : public testing::Test {
 protected:
  test::TempDir dir;
  const std::string file = (dir.path() / "auth.secret").string();
  void write(const std::string& text, mode_t mode = 0600) const {
    std::ofstream(file) << text;
    chmod(file.c_str(), mode);
  }
};

TEST_F(SecretFile, IsMadeOnceForItsOwnersEyesOnly) {
  const auto first = load_secret(file, true);
  ASSERT_TRUE(first) << first.error().message;
  struct stat about {};
  ASSERT_EQ(stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(*load_secret(file, true), *first);
  EXPECT_EQ(*load_secret(file, false), *first);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1) << "nothing is left beside it";
}

TEST_F(SecretFile, ThatIsMissingWrongOrOpenToOthersIsRefused) {
  EXPECT_FALSE(load_secret(file, false));
  write(std::string(64, 'a') + "\r\n");
  EXPECT_TRUE(load_secret(file, false));
  chmod(file.c_str(), 0640);
  EXPECT_NE(load_secret(file, true).error().message.find("chmod 600"), std::string::npos);
  for (const std::string& wrong : {std::string(), std::string(63, 'a'), std::string(66, 'a'), std::string(64, 'g'), std::string(1000, 'a')}) {
    write(wrong);
    EXPECT_FALSE(load_secret(file, true)) << wrong;
  }
}

}  // namespace
}  // namespace repartee::auth
