// What the routes of accounts work with, besides the Backend: tokens, passwords, mails, and what the operator decided about them.
// Thread contract: immutable after construction; any thread. Outlives the router.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "api/backend.hpp"
#include "api/mailer.hpp"
#include "api/router.hpp"
#include "persistence/accounts.hpp"
#include "realtime/auth/password.hpp"
#include "realtime/auth/tier_limits.hpp"
#include "realtime/auth/tokens.hpp"

namespace repartee::api {

struct AccountOptions {
  bool registration_open = true;
  bool verification_required = false;  // before the first sign-in
  bool anybody_operates = true;        // who shows no key is the operator: on loopback only
  std::string public_url;              // of links, without a slash at its end
  std::chrono::seconds access_for{15 * 60}, refresh_for{7 * 24 * 3600};
  std::chrono::seconds verification_for{48 * 3600}, reset_for{3600};  // of mailed links
};

struct AccountBackend {
  const Backend& backend;
  const auth::Tokens& tokens;
  const auth::PasswordHasher& hasher;
  Blocking& hashing;    // for what hashes passwords: few threads, a short queue
  Blocking& exporting;  // for archives: one at a time
  Mailer& mailer;
  AccountOptions options{};
  std::function<auth::TierLimits(const std::string& tier)> limits_of_tier = [](const std::string&) { return auth::TierLimits(); };
  // Writes a user's archive into a file that only this process can read, and answers its path; the caller removes it.
  std::function<Result<std::string>(const std::string& user_id)> export_to_file{};
  std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };

  persistence::Accounts accounts() const { return persistence::Accounts(backend.database); }
  bool is_anonymous(const std::string& user_id) const { return user_id == backend.anonymous_user_id; }
};

// /api/v1/auth/...: register, verify, sign in, renew, sign out, forgotten passwords; the sign-ins.
void add_auth_routes(Router& router, const AccountBackend& accounts);
// /api/v1/me
void add_me_routes(Router& router, const AccountBackend& accounts);
// /api/v1/api-keys
void add_api_key_routes(Router& router, const AccountBackend& accounts);
// /api/v1/users/{external_id}: an application's own users, for its operator.
void add_user_routes(Router& router, const AccountBackend& accounts);

}  // namespace repartee::api
