#include "core/text.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "core/file_descriptor.hpp"

namespace repartee {
namespace {

TEST(Text, ChangesAsciiOnly) {
  EXPECT_EQ(to_lower("AbÄ-Z9["), "abÄ-z9[");
  EXPECT_EQ(trim(" \t\r\n a b\v\f "), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(trim("\u00a0x"), "\u00a0x");
}

TEST(Text, KnowsWhatIsUtf8) {
  for (const char* good : {"", "a", "ä€😀", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "a\xE2\x82",
                          "\xFF", "\xC3(", "\xF0\x9F\x98"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(FileDescriptor, ClosesOnceAndKeepsErrno) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  {
    FileDescriptor reader(ends[0]);
    FileDescriptor writer(ends[1]);
    EXPECT_TRUE(write_all(writer.get(), "hello"));
    FileDescriptor taken = std::move(reader);
    EXPECT_FALSE(reader);
    char bytes[8];
    EXPECT_EQ(read(taken.get(), bytes, sizeof bytes), 5);
    errno = ENOSPC;
    writer.reset();
    EXPECT_EQ(errno, ENOSPC);
    EXPECT_EQ(read(taken.get(), bytes, sizeof bytes), 0) << "the other end is closed";
  }
  EXPECT_EQ(fcntl(ends[0], F_GETFD), -1);
}

}  // namespace
}  // namespace repartee
