// Rate limits before the handlers: 429 with Retry-After, and on every answer what is left (x-ratelimit-*-requests). Who decides is the
// wiring's affair; here is only which limit a route falls under.
// Thread contract: immutable after construction; any loop.
#pragma once
#include <functional>
#include <set>
#include <string>

#include "api/router.hpp"
#include "core/limits.hpp"

namespace repartee::api {

// "login", "upload", "analysis" or "general".
std::string limit_of(std::string_view method, std::string_view path);

using LimitSubject = std::function<std::string(const auth::Caller& caller, const std::string& remote_address)>;

// A caller whose tier has a limit of its own in place of "general" falls under "general.<tier>".
std::string limit_of(const auth::Caller& caller, const transport::Request& request, const std::set<std::string>& tiers);

// `tiers`: those with a limit of their own. Fills in admit and on_wrong_key. A wrong key counts as a sign-in of its address: who guesses keys is refused after a few.
void add_rate_limits(Guards& guards, DecideLimit decide, LimitSubject subject_of, std::set<std::string> tiers = {});

}  // namespace repartee::api
