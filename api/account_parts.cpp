#include "api/account_parts.hpp"

#include "core/ids.hpp"
#include "persistence/digest.hpp"
#include "realtime/auth/account_authenticator.hpp"

namespace repartee::api {
namespace {

using Kind = auth::Tokens::Kind;

constexpr const char* page = "/";  // which knows #verify= and #reset=
constexpr const char* farewell = "\n\nIf you did not ask for this, nothing happens when you do nothing.\n";

std::string link(const AccountBackend& accounts, const char* what, Kind kind, const std::string& user_id, const std::string& bound_to,
                 std::chrono::seconds valid_for) {
  auth::Tokens::Content content;
  content.caller.user_id = user_id;
  content.bound_to = bound_to;
  content.valid_until = accounts.now() + valid_for;
  // After '#': what stands there is sent to no server, and stands in none's log.
  return accounts.options.public_url + page + "#" + what + "=" + accounts.tokens.make(kind, content).value();
}

std::string hours(std::chrono::seconds span) {
  const auto count = span.count() / 3600;
  return std::to_string(count) + (count == 1 ? " hour" : " hours");
}

}  // namespace

Json user_json(const persistence::User& user) {
  return {{"id", user.id},
          {"email", is_reachable(user.email) ? Json(user.email) : Json()},
          {"username", or_null(user.username)},
          {"external_id", or_null(user.external_id)},
          {"first_name", user.first_name},
          {"last_name", user.last_name},
          {"personality_traits", user.personality_traits},
          {"subscription_tier", user.subscription_tier},
          {"settings", parsed(user.settings_json)},
          {"storage_used_bytes", user.storage_used_bytes},
          {"has_password", user.password_hash.has_value()},
          {"is_active", user.is_active},
          {"is_verified", user.is_verified},
          {"last_login_at", time_json(user.last_login_at)},
          {"login_count", user.login_count},
          {"failed_logins", user.failed_logins},
          {"total_uploads", user.total_uploads},
          {"total_analyses", user.total_analyses},
          {"created_at", time_json(user.created_at)},
          {"updated_at", time_json(user.updated_at)}};
}

Json api_key_json(const persistence::ApiKey& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"scopes", key.scopes},
          {"last_used_at", time_json(key.last_used_at)},
          {"expires_at", time_json(key.expires_at)},
          {"created_at", time_json(key.created_at)}};
}

std::optional<transport::Response> refuse_username(const Json& body) {
  const auto at = body.find("username");
  if (at == body.end() || at->is_null() || persistence::is_username(at->get<std::string>())) return std::nullopt;
  return error_response({Errc::invalid_argument, "a username has 3 to 50 letters and digits of ASCII"}, "/username");
}

bool is_reachable(const std::string& email) { return !email.ends_with(".invalid"); }

std::string verification_binding(const std::string& present_email, const std::string& new_email) { return present_email + "\n" + new_email; }
std::string reset_binding(const persistence::User& user) { return persistence::sha256_hex(user.email + "\n" + user.password_hash.value_or("")); }

void mail_verification(const AccountBackend& accounts, const persistence::User& user, const std::string& new_email) {
  if (!is_reachable(new_email)) return;
  const auto& span = accounts.options.verification_for;
  accounts.mailer.send({new_email, "Confirm your address",
                        "Please confirm that this address is yours:\n\n" +
                            link(accounts, "verify", Kind::verification, user.id, verification_binding(user.email, new_email), span) +
                            "\n\nThe link works for " + hours(span) + "." + farewell});
}

void mail_already_registered(const AccountBackend& accounts, const persistence::User& user) {
  if (!is_reachable(user.email)) return;
  accounts.mailer.send({user.email, "You have an account already",
                        "Somebody, perhaps you, asked for a new account with this address. It has one. If you forgot the password, set a new one:\n\n" +
                            link(accounts, "reset", Kind::password_reset, user.id, reset_binding(user), accounts.options.reset_for) +
                            "\n\nThe link works for " + hours(accounts.options.reset_for) + "." + farewell});
}

void mail_password_reset(const AccountBackend& accounts, const persistence::User& user) {
  if (!is_reachable(user.email)) return;
  accounts.mailer.send({user.email, "Set a new password",
                        "Set a new password here:\n\n" +
                            link(accounts, "reset", Kind::password_reset, user.id, reset_binding(user), accounts.options.reset_for) +
                            "\n\nThe link works once, for " + hours(accounts.options.reset_for) + "." + farewell});
}

void mail_password_changed(const AccountBackend& accounts, const persistence::User& user) {
  if (!is_reachable(user.email)) return;
  accounts.mailer.send({user.email, "Your password was changed",
                        "The password of your account was changed, and other sign-ins were ended. If that was not you, set a new one at " +
                            accounts.options.public_url + page + "\n"});
}

void mail_invitation(const AccountBackend& accounts, const persistence::User& user) {
  if (!is_reachable(user.email)) return;
  const auto& span = accounts.options.verification_for;
  accounts.mailer.send({user.email, "You are invited",
                        "An account was made for you. Choose a password here:\n\n" +
                            link(accounts, "reset", Kind::password_reset, user.id, reset_binding(user), span) + "\n\nThe link works for " +
                            hours(span) + "." + farewell});
}

NewKey new_key_of(const Json& body) {
  NewKey wanted;
  wanted.name = body.at("name");
  wanted.scopes = body.value("scopes", wanted.scopes);
  if (body.contains("expires_in_days")) wanted.expires_in_days = body["expires_in_days"].get<int>();
  return wanted;
}

Result<transport::Response> create_api_key(const AccountBackend& accounts, const std::string& user_id, NewKey wanted) {
  const auto in_the_clear = auth::new_api_key();
  persistence::ApiKey key;
  key.user_id = user_id;
  key.name = std::move(wanted.name);
  key.scopes = std::move(wanted.scopes);
  key.key_hash = persistence::sha256_hex(in_the_clear);
  if (wanted.expires_in_days) key.expires_at = accounts.now() + std::chrono::hours(24) * *wanted.expires_in_days;
  const auto made = accounts.accounts().create_key(key);
  if (!made) return missing(made.error(), "user");
  return json_response(201, dump({{"api_key", api_key_json(*made)}, {"key", in_the_clear}}));
}

}  // namespace repartee::api
