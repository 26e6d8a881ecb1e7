// Whom a rate limit counts a request to.
// Thread contract: pure functions.
#pragma once
#include <string>

#include "realtime/auth/auth.hpp"

namespace repartee::auth {

inline constexpr const char* local_subject = "local";

// "user:<id>" or "key:<name>" of a caller with a key; "local" for one without on a server that is open on loopback, where everybody is the
// person at the machine; "addr:<address>" for the rest.
std::string limit_subject(const Caller& caller, const std::string& remote_address, bool open_on_loopback);
// "addr:203.0.113.7". Of an IPv6 address the network (/64), of which one machine has them all.
std::string address_subject(const std::string& remote_address);

}  // namespace repartee::auth
