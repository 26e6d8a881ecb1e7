#include "realtime/auth/password.hpp"

#include <gtest/gtest.h>

namespace repartee::auth {
namespace {

PasswordHasher quick() { return *PasswordHasher::create({.passes = 1, .memory_bytes = 8192}); }

TEST(Password, MayBeAnythingThatIsLongAndNotWellKnown) {
  for (const char* good : {"correct horse battery", "zwölf Birnen", "ты не угадаешь", "x9!kQ0#pLm", "'; DROP TABLE users; --", "password of my own making"})
    EXPECT_TRUE(check_password(good, {"ada@example.org"})) << good;
  EXPECT_TRUE(check_password(std::string(200, 'x') + "!" + std::string(200, 'y'), {}));
}

TEST(Password, IsRefusedWhenItIsShortKnownOrAPattern) {
  for (const std::string& bad : {std::string(), std::string("short"), std::string("ninechars"), std::string("日本語日本語日本"), std::string("Password2026!!"),
                                 std::string("aaaaaaaaaaaa"), std::string("1234567890"), std::string("abcabcabcabc"), std::string("abcdefghijkl"), std::string("QWERTYUIOP"),
                                 std::string("iloveyou123"), std::string("with a \0 inside", 15), std::string(1025, 'x')}) {
    const auto checked = check_password(bad, {});
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, Errc::invalid_argument);
    if (!bad.empty()) {
      EXPECT_EQ(checked.error().message.find(bad), std::string::npos) << "never shown";
    }
  }
}

TEST(Password, IsNotTheUsersNameOrAddress) {
  EXPECT_FALSE(check_password("ada@example.org", {"Ada@Example.org"}));
  EXPECT_FALSE(check_password("lovelace1815", {"", "Lovelace"}));
  EXPECT_TRUE(check_password("lovelace and babbage", {"", "Lovelace"}));
}

TEST(PasswordHash, FitsItsPasswordOnly) {
  const auto hasher = quick();
  const auto hash = hasher.hash("correct horse battery");
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->starts_with("$argon2id$"));
  EXPECT_NE(*hash, *hasher.hash("correct horse battery")) << "salted";
  EXPECT_TRUE(hasher.verify(*hash, "correct horse battery"));
  for (const std::string& wrong : {std::string(), std::string("correct horse batter"), std::string("correct horse battery\0", 22), std::string("Correct horse battery")})
    EXPECT_FALSE(hasher.verify(*hash, wrong));
}

TEST(PasswordHash, ThatIsMissingOrBrokenFitsNothing) {
  const auto hasher = quick();
  for (const std::string& broken : {std::string(), std::string("x"), std::string("$argon2id$"), std::string(500, '$')})
    EXPECT_FALSE(hasher.verify(broken, "correct horse battery"));
}

TEST(PasswordHash, SaysWhenItsCostIsOfOldTimes) {
  const auto hash = *quick().hash("correct horse battery");
  EXPECT_FALSE(quick().is_outdated(hash));
  EXPECT_TRUE(PasswordHasher::create({.passes = 2, .memory_bytes = 8192})->is_outdated(hash));
}

}  // namespace
}  // namespace repartee::auth
