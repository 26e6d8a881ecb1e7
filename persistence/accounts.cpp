#include "persistence/accounts.hpp"

#include <algorithm>
#include <cctype>

namespace repartee::persistence {
namespace {

constexpr std::size_t email_bytes_max = 254;  // RFC 5321, 4.5.3.1.3, less the angle brackets

constexpr Statement key_owner{"account_key", R"(
  SELECT k.user_id, k.id, k.name, k.scopes, k.expires_at, u.subscription_tier AS tier
  FROM api_keys AS k JOIN users AS u ON u.id = k.user_id
  WHERE (k.key_hash = $1 OR k.id = $2::uuid) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND u.is_active AND u.deleted_at IS NULL)"};
constexpr Statement note_key_used{"account_key_used",
                                  "UPDATE api_keys SET last_used_at = now() WHERE id = $1"
                                  " AND (last_used_at IS NULL OR last_used_at < now() - interval '5 minutes')"};
constexpr Statement sign_in_owner{"account_sign_in", R"(
  SELECT s.user_id, s.id, '' AS name, '{}'::text[] AS scopes, s.expires_at, u.subscription_tier AS tier
  FROM auth_sessions AS s JOIN users AS u ON u.id = s.user_id
  WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active AND u.deleted_at IS NULL)"};
constexpr Statement plain_owner{"account_user",
                                "SELECT id, subscription_tier AS tier FROM users WHERE id = $1 AND is_active AND deleted_at IS NULL"};

constexpr Statement of_username{"user_of_username", "SELECT user_of_username($1) AS id"};

constexpr Statement set_verified{
    "account_verify",
    "UPDATE users SET is_verified = true, email = $3 WHERE id = $1 AND lower(email) = lower($2) AND is_active AND deleted_at IS NULL"};
constexpr Statement set_hash{"account_password",
                             "UPDATE users SET password_hash = $2, failed_logins = 0, is_verified = is_verified OR $3::boolean"
                             " WHERE id = $1 AND is_active AND deleted_at IS NULL"};
constexpr Statement replace_hash{"account_rehash", "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"};
constexpr Statement end_sign_ins{"account_end_sign_ins",
                                 "UPDATE auth_sessions SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL"
                                 " AND id IS DISTINCT FROM $2::uuid"};
constexpr Statement end_keys{"account_end_keys", "UPDATE api_keys SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL"};
constexpr Statement remove_user{"account_remove", "UPDATE users SET deleted_at = now() WHERE id = $1 AND deleted_at IS NULL"};

constexpr Statement count_login{"account_login",
                                "UPDATE users SET last_login_at = now(), login_count = login_count + 1, failed_logins = 0"
                                " WHERE id = $1 AND is_active AND deleted_at IS NULL"};
constexpr Statement count_failure{"account_login_failed", "UPDATE users SET failed_logins = least(failed_logins + 1, 1000000) WHERE id = $1"};
// The disk is not waited for: so it takes as long for nobody as for somebody.
constexpr Statement no_wait{"account_no_wait", "SELECT set_config('synchronous_commit', 'off', true)"};
constexpr Statement make_room{"account_make_room", R"(
  UPDATE auth_sessions SET revoked_at = now() WHERE id IN (
    SELECT id FROM auth_sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() ORDER BY last_active_at DESC OFFSET $2))"};
constexpr Statement exchange{"account_rotate", R"(
  UPDATE auth_sessions AS s SET refresh_hash = $3, expires_at = $4::timestamptz, last_active_at = now(), ip_address = $5, user_agent = $6
  FROM users AS u
  WHERE s.id = $1 AND s.refresh_hash = $2 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.id = s.user_id AND u.is_active
    AND u.deleted_at IS NULL)"};
constexpr Statement end_reused{"account_reused",
                               "UPDATE auth_sessions SET revoked_at = now() WHERE id = $1 AND refresh_hash <> $2 AND revoked_at IS NULL"
                               " AND expires_at > now()"};
constexpr Statement end_one{"account_end_sign_in", "UPDATE auth_sessions SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL"};
constexpr Statement end_key{"account_end_key", "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL"};
constexpr Statement hold_user{"account_hold", "SELECT id FROM users WHERE id = $1 FOR UPDATE"};

constexpr Statement used{"account_usage", R"(
  SELECT u.subscription_tier AS tier, u.storage_used_bytes AS storage, coalesce((
    SELECT sum(quantity) FROM usage_metrics
    WHERE user_id = u.id AND action = 'turn.count' AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date), 0)::bigint AS turns
  FROM users AS u WHERE u.id = $1)"};

const Error no_credential{Errc::unauthenticated, "the key is not valid, or not any more"};

CredentialOwner owner_of(const Row& row, const char* kind) {
  CredentialOwner owner;
  owner.user_id = row.text("user_id");
  owner.credential_id = kind + row.text("id");
  owner.name = row.text("name");
  owner.scopes = Codec<std::vector<std::string>>::decode(row, "scopes");
  owner.tier = row.text("tier");
  owner.expires_at = row.maybe_time("expires_at");
  return owner;
}

CredentialOwner only(const Rows& rows, const char* kind) {
  if (rows.empty()) throw DatabaseError(no_credential.code, no_credential.message);
  return owner_of(rows[0], kind);
}

void must_affect(const Rows& rows, const char* what) {
  if (rows.affected() == 0) throw DatabaseError(Errc::not_found, what);
}

Result<std::string> unauthenticated_if_missing(Result<std::string> id) {
  if (!id && id.error().code == Errc::not_found) return no_credential;
  return id;
}

constexpr std::string_view key_kind = "key:", sign_in_kind = "signin:", user_kind = "user:";

}  // namespace

// ---- credentials ----

Result<CredentialOwner> Accounts::of_api_key(const std::string& key_hash) {
  const auto user_id = unauthenticated_if_missing(ApiKeyRepository(database_).user_of_key_hash(key_hash));
  if (!user_id) return user_id.error();
  return as(*user_id, [&](Transaction& t) {
    auto owner = only(t.exec(key_owner, Params(key_hash, std::nullopt)), "key:");
    t.exec(note_key_used, Params(owner.credential_id.substr(key_kind.size())));
    return owner;
  });
}

Result<CredentialOwner> Accounts::of_credential(const std::string& credential_id, const std::string& user_id) {
  const auto id = credential_id.substr(std::min(credential_id.find(':') + 1, credential_id.size()));
  if (!is_uuid(id) || !is_uuid(user_id)) return no_credential;
  return as(user_id, [&](Transaction& t) {
    if (credential_id.starts_with(key_kind)) return only(t.exec(key_owner, Params(std::nullopt, id)), "key:");
    if (credential_id.starts_with(sign_in_kind)) return only(t.exec(sign_in_owner, Params(id)), "signin:");
    const auto rows = t.exec(plain_owner, Params(id));
    if (rows.empty() || !credential_id.starts_with(user_kind)) throw DatabaseError(no_credential.code, no_credential.message);
    return CredentialOwner{.user_id = id, .credential_id = {}, .name = {}, .scopes = {}, .tier = rows[0].text("tier"), .expires_at = {}};
  });
}

Result<CredentialOwner> Accounts::of_external(const std::string& external_id) {
  UserRepository users(database_);
  auto id = users.id_of_external(external_id);
  if (!id && id.error().code == Errc::not_found) {
    const auto made = users.ensure(user_id_of_external(external_id), external_id);
    if (!made && made.error().code == Errc::conflict) return no_credential;  // it was removed, and is not forgotten yet
    if (!made) return made.error();
    id = user_id_of_external(external_id);
  }
  if (!id) return id.error();
  return of_credential("user:" + *id, *id);
}

// ---- accounts ----

Result<User> Accounts::find(const std::string& user_id) { return UserRepository(database_).find_by_id(user_id, user_id); }

Result<std::string> Accounts::id_of_login(const std::string& email_or_username) {
  if (email_or_username.find('@') == std::string::npos) return find_owner(database_, of_username, email_or_username);
  return UserRepository(database_).id_of_email(email_or_username);
}

Result<User> Accounts::create(const NewAccount& account, bool& email_is_taken) {
  User user;
  user.id = new_uuid();
  user.email = account.email;
  user.username = account.username;
  if (!account.password_hash.empty()) user.password_hash = account.password_hash;
  user.first_name = account.first_name;
  user.last_name = account.last_name;
  user.is_verified = account.is_verified;
  auto created = UserRepository(database_).create(user, user.id);
  email_is_taken = false;
  if (created || created.error().code != Errc::conflict) return created;
  bool name_is_taken = false;
  if (account.username) {
    const auto owner = find_owner(database_, of_username, *account.username);
    if (!owner && owner.error().code != Errc::not_found) return owner.error();
    name_is_taken = owner.ok();
  }
  // A name is the same secret whoever's address was given with it, so it goes first. What neither look-up finds is a removed user's.
  email_is_taken = !name_is_taken;
  return created;
}

Status Accounts::verify(const std::string& user_id, const std::string& present_email, const std::string& email) {
  return as(user_id, [&](Transaction& t) {
    if (t.exec(set_verified, Params(user_id, present_email, email)).affected() == 0)
      throw DatabaseError(Errc::conflict, "this address is not the account's any more");
  });
}

Status Accounts::set_password(const std::string& user_id, const std::string& password_hash, const std::string& kept_sign_in, bool also_verifies) {
  return as(user_id, [&](Transaction& t) {
    must_affect(t.exec(set_hash, Params(user_id, password_hash, also_verifies)), "there is no such user");
    t.exec(end_sign_ins, Params(user_id, kept_sign_in.empty() ? std::nullopt : std::optional(kept_sign_in)));
  });
}

Status Accounts::rehash_password(const std::string& user_id, const std::string& old_hash, const std::string& new_hash) {
  return as(user_id, [&](Transaction& t) { t.exec(replace_hash, Params(user_id, old_hash, new_hash)); });
}

Status Accounts::remove(const std::string& user_id) {
  return as(user_id, [&](Transaction& t) {
    must_affect(t.exec(remove_user, Params(user_id)), "there is no such user");
    t.exec(end_sign_ins, Params(user_id, std::nullopt));
    t.exec(end_keys, Params(user_id));
  });
}

// ---- sign-ins ----

Result<AuthSession> Accounts::begin_sign_in(const AuthSession& sign_in) {
  return as(sign_in.user_id, [&](Transaction& t) {
    must_affect(t.exec(count_login, Params(sign_in.user_id)), "there is no such user");
    t.exec(make_room, Params(sign_in.user_id, sign_ins_max - 1));
    return AuthSession::table().create(t, sign_in, sign_in.user_id);
  });
}

Status Accounts::note_failed_login(const std::string& user_id) {
  return as(user_id, [&](Transaction& t) {
    t.exec(no_wait);
    t.exec(count_failure, Params(user_id));
  });
}

Result<CredentialOwner> Accounts::rotate(const AuthSession& renewed, const std::string& old_hash) {
  // Not thrown before the commit: that the sign-in ends must stay.
  auto owner = as(renewed.user_id, [&](Transaction& t) -> std::optional<CredentialOwner> {
    const auto exchanged = t.exec(exchange, Params(renewed.id, old_hash, renewed.refresh_hash, renewed.expires_at, renewed.ip_address, renewed.user_agent));
    if (exchanged.affected() > 0) return only(t.exec(sign_in_owner, Params(renewed.id)), "signin:");
    t.exec(end_reused, Params(renewed.id, old_hash));
    return std::nullopt;
  });
  if (!owner) return owner.error();
  if (!*owner) return Error{Errc::unauthenticated, "the refresh token is not valid any more: sign in again"};
  return **owner;
}

Status Accounts::end_sign_in(const std::string& user_id, const std::string& sign_in_id) {
  return as(user_id, [&](Transaction& t) { must_affect(t.exec(end_one, Params(sign_in_id, user_id)), "there is no such sign-in"); });
}

Result<Page<AuthSession>> Accounts::sign_ins(const std::string& user_id, const std::string& cursor, std::size_t limit) {
  Filter<AuthSession> good;
  good.own().is_null<&AuthSession::revoked_at>().where<&AuthSession::expires_at>(Is::at_least, std::chrono::system_clock::now());
  return AuthSessionRepository(database_).find_many(good, user_id, {}, cursor, limit);
}

// ---- API keys ----

Result<ApiKey> Accounts::create_key(const ApiKey& key) {
  return as(key.user_id, [&](Transaction& t) {
    must_affect(t.exec(hold_user, Params(key.user_id)), "there is no such user");  // one at a time counts
    Filter<ApiKey> good;
    good.own().is_null<&ApiKey::revoked_at>();
    if (ApiKey::table().count(t, good) >= api_keys_max)
      throw DatabaseError(Errc::resource_exhausted, "there are " + std::to_string(api_keys_max) + " API keys already; revoke one first");
    return ApiKey::table().create(t, key, key.user_id);
  });
}

Result<Page<ApiKey>> Accounts::keys(const std::string& user_id, const std::string& cursor, std::size_t limit) {
  Filter<ApiKey> good;
  good.own().is_null<&ApiKey::revoked_at>();
  return ApiKeyRepository(database_).find_many(good, user_id, {}, cursor, limit);
}

Status Accounts::revoke_key(const std::string& user_id, const std::string& key_id) {
  return as(user_id, [&](Transaction& t) { must_affect(t.exec(end_key, Params(key_id, user_id)), "there is no such API key"); });
}

Result<Usage> Accounts::usage(const std::string& user_id) {
  return as(user_id, [&](Transaction& t) {
    const auto rows = t.exec(used, Params(user_id));
    if (rows.empty()) throw DatabaseError(Errc::not_found, "there is no such user");
    return Usage{rows[0].text("tier"), rows[0].integer("turns"), rows[0].integer("storage")};
  });
}

// ---- names ----

Result<std::string> normal_email(std::string_view text) {
  const Error wrong{Errc::invalid_argument, "this is no e-mail address"};
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  const auto at = text.rfind('@');
  if (text.size() > email_bytes_max || at == text.npos || at == 0 || at > 64 || at + 1 == text.size()) return wrong;
  const auto unfit = [](unsigned char c) { return c <= ' ' || c == 0x7f || std::string_view("\"(),:;<>[\\]").find(static_cast<char>(c)) != std::string_view::npos; };
  if (std::any_of(text.begin(), text.end(), unfit) || text.find('@') != at) return wrong;
  const auto domain = text.substr(at + 1);
  if (domain.front() == '.' || domain.back() == '.' || domain.front() == '-' || domain.find("..") != domain.npos) return wrong;
  std::string email(text);
  std::transform(email.begin() + static_cast<std::ptrdiff_t>(at), email.end(), email.begin() + static_cast<std::ptrdiff_t>(at),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return email;
}

bool is_username(std::string_view text) {
  return text.size() >= 3 && text.size() <= 50 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80 && std::isalnum(c); });
}

}  // namespace repartee::persistence
