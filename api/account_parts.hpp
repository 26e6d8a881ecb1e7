// What the account routes share: the JSON of users and keys, and the mails. Included by this folder's .cpp files only.
// Thread contract: pure functions, but for the mails, which are handed to the mailer.
#pragma once
#include "api/accounts.hpp"
#include "api/json_fields.hpp"

namespace repartee::api {

Json user_json(const persistence::User& user);
Json api_key_json(const persistence::ApiKey& key);

// An answer: what the body has as username cannot be one.
std::optional<transport::Response> refuse_username(const Json& body);

// Whether mails can be sent there: users without an address have a placeholder at .invalid.
bool is_reachable(const std::string& email);

void mail_verification(const AccountBackend& accounts, const persistence::User& user, const std::string& new_email);
void mail_already_registered(const AccountBackend& accounts, const persistence::User& user);
void mail_password_reset(const AccountBackend& accounts, const persistence::User& user);
void mail_password_changed(const AccountBackend& accounts, const persistence::User& user);
void mail_invitation(const AccountBackend& accounts, const persistence::User& user);

// What a mailed link is bound to, so that it is worth nothing when that has changed: of a verification the address now and the one to
// verify, of a reset the password it is to replace.
std::string verification_binding(const std::string& present_email, const std::string& new_email);
std::string reset_binding(const persistence::User& user);

struct NewKey {
  std::string name;
  std::vector<std::string> scopes;
  std::optional<int> expires_in_days;
};
NewKey new_key_of(const Json& body);
// Makes the key and answers it, with itself in the clear for this one time.
Result<transport::Response> create_api_key(const AccountBackend& accounts, const std::string& user_id, NewKey wanted);

}  // namespace repartee::api
