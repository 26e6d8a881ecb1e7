#include "realtime/auth/limit_subject.hpp"

#include <gtest/gtest.h>

namespace repartee::test {
namespace {

using auth::address_subject;
using auth::limit_subject;

TEST(LimitSubject, IsTheUserOrTheKeyOfACallerWithAKey) {
  EXPECT_EQ(limit_subject({.user_id = "u1", .key_name = "phone"}, "203.0.113.7", false), "user:u1");
  EXPECT_EQ(limit_subject({.user_id = "", .key_name = "phone"}, "203.0.113.7", true), "key:phone");
}

TEST(LimitSubject, IsTheAddressOfACallerWithout) {
  EXPECT_EQ(limit_subject({}, "203.0.113.7", false), "addr:203.0.113.7");
  EXPECT_EQ(limit_subject({}, "203.0.113.7", true), "addr:203.0.113.7");
  EXPECT_EQ(limit_subject({}, "127.0.0.1", false), "addr:127.0.0.1");
}

TEST(LimitSubject, IsLocalForThePersonAtTheMachine) {
  for (const char* address : {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"})
    EXPECT_EQ(limit_subject({}, address, true), "local") << address;
}

TEST(LimitSubject, TakesAnIpv6NetworkForOneCaller) {
  EXPECT_EQ(address_subject("2001:db8:1:2:3:4:5:6"), "addr:2001:db8:1:2::/64");
  EXPECT_EQ(address_subject("2001:db8:1:2:ffff::9"), "addr:2001:db8:1:2::/64");
  EXPECT_NE(address_subject("2001:db8:1:3::1"), "addr:2001:db8:1:2::/64");
  EXPECT_EQ(address_subject("::ffff:203.0.113.7"), "addr:203.0.113.7") << "an IPv4 address through an IPv6 socket";
  EXPECT_LE(address_subject(std::string(1000, 'x')).size(), 110u);
}

}  // namespace
}  // namespace repartee::test
