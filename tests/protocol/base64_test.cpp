#include "realtime/protocol/base64.hpp"

#include <gtest/gtest.h>

#include <random>

namespace repartee::realtime {
namespace {

// RFC 4648, section 10.
struct Vector {
  const char* bytes;
  const char* text;
};
constexpr Vector vectors[] = {
    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

TEST(Base64, AgreesWithTheVectorsOfTheRfc) {
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64::encode(bytes), text);
    const auto decoded = base64::decode(text);
    ASSERT_TRUE(decoded.ok()) << text;
    EXPECT_EQ(*decoded, bytes);
  }
}

TEST(Base64, GivesBackAnyBytesOfAnyLength) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    const auto text = base64::encode(bytes);
    EXPECT_EQ(text.size(), base64::encoded_size(size));
    const auto decoded = base64::decode(text);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, bytes);
  }
}

TEST(Base64, RefusesWhatIsNotExactlyTheEncodingOfSomeBytes) {
  for (const char* text :
       {"A", "AA", "AAA", "Zg=", "Zg", "====", "A===", "=AAA", "Z=g=", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm-_", "Zh==", "Zm9=", "Zm\xc3\xa9"}) {
    const auto decoded = base64::decode(text);
    ASSERT_FALSE(decoded.ok()) << text;
    EXPECT_EQ(decoded.error().code, Errc::invalid_argument);
    EXPECT_NE(decoded.error().message.find("base64"), std::string::npos);
  }
}

TEST(Base64, NamesThePlaceOfAWrongCharacter) {
  const auto decoded = base64::decode("AAAAAA!A");
  ASSERT_FALSE(decoded.ok());
  EXPECT_NE(decoded.error().message.find("position 6"), std::string::npos) << decoded.error().message;
}

TEST(Base64, AppendsBehindWhatIsThere) {
  std::string out = "x";
  const std::uint8_t bytes[] = {0xff, 0x00, 0x10, 0x83};
  base64::append_encoded(out, bytes);
  EXPECT_EQ(out, "x/wAQgw==");
}

}  // namespace
}  // namespace repartee::realtime
