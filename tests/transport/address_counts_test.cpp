#include "realtime/transport/address_counts.hpp"

#include <gtest/gtest.h>

namespace repartee::transport {
namespace {

TEST(AddressCounts, AnAddressHasSoManyAndGetsThemBack) {
  AddressCounts counts(2);
  EXPECT_TRUE(counts.enter("203.0.113.7"));
  EXPECT_TRUE(counts.enter("203.0.113.7"));
  EXPECT_FALSE(counts.enter("203.0.113.7"));
  EXPECT_TRUE(counts.enter("203.0.113.8")) << "somebody else";
  counts.leave("203.0.113.7");
  EXPECT_TRUE(counts.enter("203.0.113.7"));
}

TEST(AddressCounts, OfIpv6TheNetworkCounts) {
  AddressCounts counts(1);
  EXPECT_TRUE(counts.enter("2001:db8:1:2::1"));
  EXPECT_FALSE(counts.enter("2001:db8:1:2:ffff::9"));
  EXPECT_TRUE(counts.enter("2001:db8:1:3::1"));
}

TEST(AddressCounts, LoopbackIsNotCountedAndZeroIsNoLimit) {
  AddressCounts counts(1), none(0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(counts.enter("127.0.0.1"));
    EXPECT_TRUE(counts.enter("::1"));
    EXPECT_TRUE(none.enter("203.0.113.7"));
  }
}

}  // namespace
}  // namespace repartee::transport
