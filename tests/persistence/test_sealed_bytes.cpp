#include <gtest/gtest.h>

#include <fstream>

#include "persistence/sealed_bytes.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence {
namespace {

const std::string key_a(64, 'a'), key_b(64, 'b');

SealingKeys keys(const std::string& text) {
  auto parsed = SealingKeys::parse(text);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return std::move(*parsed);
}

TEST(SealedBytes, OpenToWhatWasSealed) {
  const auto k = keys("k1:" + key_a);
  for (const std::string& plain : {std::string(), std::string("hello"), std::string(100'000, '\0')}) {
    const auto sealed = k.seal(plain, "blob/1");
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), plain.size() + SealingKeys::overhead_bytes);
    EXPECT_TRUE(SealingKeys::is_sealed(*sealed));
    const auto opened = k.open(*sealed, "blob/1");
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(*opened, plain);
  }
  EXPECT_EQ(k.seal("hello", "x")->find("hello"), std::string::npos);
  EXPECT_NE(*k.seal("hello", "x"), *k.seal("hello", "x")) << "no nonce twice";
}

TEST(SealedBytes, NoticeAnyChangedByteACutAndAnotherContext) {
  const auto k = keys("k1:" + key_a);
  const std::string sealed = *k.seal("some text", "blob/1");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(k.open(changed, "blob/1")) << "byte " << i;
  }
  for (std::size_t n = 0; n < sealed.size(); ++n) EXPECT_EQ(k.open(sealed.substr(0, n), "blob/1").error().code, Errc::data_corrupt) << n;
  EXPECT_EQ(k.open(sealed, "blob/2").error().code, Errc::data_corrupt);
}

TEST(SealedBytes, StayReadableWhenANewKeyWrites) {
  const std::string old = *keys("k1:" + key_a).seal("written before", "c");
  const auto rotated = keys("# rotated in May\n k2:" + key_b + "  \n\nk1:" + key_a + " # old\n");
  EXPECT_EQ(rotated.writing_key_id(), "k2");
  EXPECT_EQ(*rotated.open(old, "c"), "written before");
  const std::string fresh = *rotated.seal("written now", "c");
  EXPECT_EQ(*keys("k2:" + key_b).open(fresh, "c"), "written now");
  EXPECT_EQ(keys("k1:" + key_a).open(fresh, "c").error().code, Errc::not_found);
}

TEST(SealedBytes, RefuseAKeyFileThatIsWrongWithoutShowingIt) {
  for (const std::string& text : {std::string(), std::string("# nothing"), "k1:" + key_a.substr(1), ":" + key_a, "toolongid:" + key_a,
                                  key_a, "k1:" + key_a + "\nk1:" + key_b, "k1:" + std::string(64, 'g'), "k-1:" + key_a}) {
    const auto parsed = SealingKeys::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message.find("aaaa"), std::string::npos);
  }
}

TEST(SealedBytes, RefuseAKeyFileThatOthersMayRead) {
  const persistence::test::TempDir dir;
  const auto file = dir.path() / "keys";
  std::ofstream(file) << "k1:" << key_a << "\n";
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  const auto open_to_all = SealingKeys::load(file);
  ASSERT_FALSE(open_to_all);
  EXPECT_NE(open_to_all.error().message.find("chmod 600"), std::string::npos);
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  EXPECT_TRUE(SealingKeys::load(file));
  EXPECT_EQ(SealingKeys::load(dir.path() / "none").error().code, Errc::not_found);
}

TEST(SealedBytes, GetANewKeyOnTopThatWritesWhileTheOldOnesRead) {
  const auto first = SealingKeys::with_new_key("", "the first");
  ASSERT_TRUE(first);
  const auto before = keys(*first);
  const auto sealed = before.seal("hello", "x");
  const auto second = SealingKeys::with_new_key(*first, "the second");
  ASSERT_TRUE(second);
  const auto after = keys(*second);
  EXPECT_EQ(after.ids().size(), 2u);
  EXPECT_NE(after.writing_key_id(), before.writing_key_id());
  EXPECT_EQ(*after.open(*sealed, "x"), "hello");
  EXPECT_EQ(SealingKeys::key_id_of(*after.seal("hello", "x")), after.writing_key_id());
  EXPECT_EQ(before.open(*after.seal("hello", "x"), "x").error().code, Errc::not_found);
  EXPECT_FALSE(SealingKeys::with_new_key("no key file", "x"));
}

}  // namespace
}  // namespace repartee::persistence
