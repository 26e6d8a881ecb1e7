#include "realtime/auth/tier_limits.hpp"

#include <gtest/gtest.h>

namespace repartee::auth {
namespace {

constexpr std::int64_t mebibyte = 1024 * 1024;

TEST(TierLimits, EndTheTurnsOfAMonth) {
  EXPECT_TRUE(room_for_turn({.turns_a_month = 5}, {.turns = 4}));
  const auto full = room_for_turn({.turns_a_month = 5}, {.turns = 5});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::resource_exhausted);
  EXPECT_TRUE(room_for_turn({}, {.turns = 1'000'000'000})) << "0 is unlimited";
}

TEST(TierLimits, BoundAnUploadAndAllOfThem) {
  const TierLimits limits{.upload_bytes_max = 10 * mebibyte, .storage_bytes_max = 100 * mebibyte};
  EXPECT_TRUE(room_for_upload(limits, {}, 10 * mebibyte));
  EXPECT_FALSE(room_for_upload(limits, {}, 10 * mebibyte + 1));
  EXPECT_TRUE(room_for_upload(limits, {.storage_bytes = 90 * mebibyte}, 10 * mebibyte));
  EXPECT_FALSE(room_for_upload(limits, {.storage_bytes = 90 * mebibyte + 1}, 10 * mebibyte));
  EXPECT_FALSE(room_for_upload({.storage_bytes_max = 5}, {}, INT64_MAX)) << "no overflow";
  EXPECT_TRUE(room_for_upload({}, {.storage_bytes = INT64_MAX}, INT64_MAX));
}

}  // namespace
}  // namespace repartee::auth
