// Accounts over the tables users, auth_sessions, api_keys: signing up and in, what proves who somebody is, what they used. Secrets arrive
// here as hashes only. Each function works as the user it is about.
// Errors, besides those of Database::run: unauthenticated (no such credential, or it is over: expired, revoked, its user inactive or
// removed), not_found, conflict.
// Thread contract: any thread; blocking.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "persistence/user_repository.hpp"

namespace repartee::persistence {

// Who comes with a credential that is good now.
struct CredentialOwner {
  std::string user_id;
  std::string credential_id;  // "key:<uuid>", "signin:<uuid>"; empty for an outside identity
  std::string name;           // of an API key
  std::vector<std::string> scopes;
  std::string tier;
  std::optional<WallTime> expires_at;
};

struct NewAccount {
  std::string email;  // as normal_email() made it
  std::optional<std::string> username;
  std::string password_hash;  // empty: one is set later, by a mailed link
  std::string first_name, last_name;
  bool is_verified = false;
};

struct ClientOfSignIn {
  std::string ip_address, user_agent;
};

struct Usage {
  std::string tier;
  std::int64_t turns = 0, storage_bytes = 0;  // turns: of this calendar month (UTC)
};

class Accounts {
 public:
  static constexpr int sign_ins_max = 50;   // of a user at once; one more ends the one that was used least lately
  static constexpr int api_keys_max = 100;  // of a user, that are good

  explicit Accounts(Database& app) : database_(app) {}

  // ---- credentials ----
  Result<CredentialOwner> of_api_key(const std::string& key_hash);  // notes that it was used, every five minutes at most
  Result<CredentialOwner> of_credential(const std::string& credential_id, const std::string& user_id);
  Result<CredentialOwner> of_external(const std::string& external_id);  // makes the user at first sight

  // ---- accounts ----
  Result<User> find(const std::string& user_id);                     // not_found also for a removed one
  Result<std::string> id_of_login(const std::string& email_or_username);
  // conflict: the address or the name is somebody's; `email_is_taken` tells which.
  Result<User> create(const NewAccount& account, bool& email_is_taken);
  // `email` is the user's, and takes the place of `present_email`. conflict: that is another one by now, or `email` is somebody's.
  Status verify(const std::string& user_id, const std::string& present_email, const std::string& email);
  // Ends all sign-ins but `kept` ("" : all of them).
  Status set_password(const std::string& user_id, const std::string& password_hash, const std::string& kept_sign_in, bool also_verifies);
  Status rehash_password(const std::string& user_id, const std::string& old_hash, const std::string& new_hash);
  // Softly; everything that proves the user is revoked. Erased for good by retention.
  Status remove(const std::string& user_id);

  // ---- sign-ins ----
  Result<AuthSession> begin_sign_in(const AuthSession& sign_in);  // counts it with the user; id, user_id, hash, client and expiry given
  Status note_failed_login(const std::string& user_id);
  // Exchanges the refresh token; one that was exchanged before ends the sign-in.
  Result<CredentialOwner> rotate(const AuthSession& renewed, const std::string& old_hash);
  Status end_sign_in(const std::string& user_id, const std::string& sign_in_id);  // not_found
  Result<Page<AuthSession>> sign_ins(const std::string& user_id, const std::string& cursor, std::size_t limit);  // that are good

  // ---- API keys ----
  Result<ApiKey> create_key(const ApiKey& key);  // resource_exhausted: api_keys_max
  Result<Page<ApiKey>> keys(const std::string& user_id, const std::string& cursor, std::size_t limit);  // that were not revoked
  Status revoke_key(const std::string& user_id, const std::string& key_id);  // not_found

  Result<Usage> usage(const std::string& user_id);

 private:
  template <class F>
  auto as(const std::string& user_id, F&& work) {
    return database_.run(std::forward<F>(work), {.user_id = user_id});
  }
  Database& database_;
};

// The form in which an address is kept: no blanks around it, its domain in lower case. invalid_argument: it cannot be one.
Result<std::string> normal_email(std::string_view text);
bool is_username(std::string_view text);  // 3 to 50 letters and digits

}  // namespace repartee::persistence
