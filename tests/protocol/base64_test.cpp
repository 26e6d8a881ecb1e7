#include "realtime/protocol/base64.hpp"

#include <gtest/gtest.h>

#include <cctype>
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

// Character by character, by the definition.
std::string encoded_by_definition(const std::string& bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += 6) {
    int value = 0;
    for (std::size_t i = bit; i < bit + 6; ++i)
      value = 2 * value + (i / 8 < bytes.size() ? static_cast<unsigned char>(bytes[i / 8]) >> (7 - i % 8) & 1 : 0);
    text += alphabet[value];
  }
  return text.append((4 - text.size() % 4) % 4, '=');
}

std::string random_bytes(std::size_t size, std::mt19937& random) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(Base64, IsWhatTheDefinitionSaysAtAnyLength) {
  std::mt19937 random(11);
  for (std::size_t round = 0; round < 2'000; ++round) {
    const std::string bytes = random_bytes(round % 400, random), text = encoded_by_definition(bytes);
    ASSERT_EQ(base64::encode(bytes), text);
    const auto decoded = base64::decode(text);
    ASSERT_TRUE(decoded.ok()) << text;
    ASSERT_EQ(*decoded, bytes);
  }
}

TEST(Base64, NoticesEveryWrongByteAtEveryPosition) {
  std::mt19937 random(13);
  const std::string text = encoded_by_definition(random_bytes(151, random));   // vectors, single groups and padding
  const std::size_t body = text.find('=');
  for (std::size_t at = 0; at < body; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      const bool allowed = std::isalnum(byte) || byte == '+' || byte == '/';
      const auto decoded = base64::decode(changed);
      if (allowed && at + 1 < body) {   // the last one has bits that must be zero
        ASSERT_TRUE(decoded.ok()) << at << ' ' << byte;
        ASSERT_EQ(encoded_by_definition(*decoded), changed);
      } else if (!allowed) {
        ASSERT_FALSE(decoded.ok()) << at << ' ' << byte;
        ASSERT_NE(decoded.error().message.find("position " + std::to_string(at)), std::string::npos) << decoded.error().message;
      }
    }
  }
}

TEST(Base64, WritesNothingBehindTheRoomItWasGiven) {
  std::mt19937 random(17);
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string bytes = random_bytes(size, random), text = base64::encode(bytes);
    std::string room(base64::decoded_size_max(text.size()) + 32, '#');
    const auto decoded = base64::decode_into(text, {room.data(), room.size() - 32});
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(room.substr(0, *decoded), bytes);
    EXPECT_EQ(room.substr(room.size() - 32), std::string(32, '#')) << size;
  }
}

TEST(Base64, AppendsBehindWhatIsThere) {
  std::string out = "x";
  const std::uint8_t bytes[] = {0xff, 0x00, 0x10, 0x83};
  base64::append_encoded(out, bytes);
  EXPECT_EQ(out, "x/wAQgw==");
}

}  // namespace
}  // namespace repartee::realtime
