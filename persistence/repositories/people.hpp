// Users and what belongs to their account: sign-in, API keys, subscriptions, usage. UserRepository itself: persistence/user_repository.hpp.
// Thread contract: the rows are values; the repositories as repository.hpp says.
#pragma once
#include "persistence/repositories/repository.hpp"

namespace repartee::persistence {

struct User {  // table users; a user's owner is the user, so it is created as the id it will have
  std::string id, email;
  std::optional<std::string> username, password_hash, external_id;
  std::string first_name, last_name;
  std::vector<std::string> personality_traits;
  std::string subscription_tier = "free";  // free | pro | enterprise; follows the active subscription
  std::string settings_json = "{}", metadata_json = "{}";
  bool is_active = true, is_verified = false;
  std::optional<WallTime> last_login_at;
  std::int64_t login_count = 0, failed_logins = 0;  // kept by Accounts; failed: since the last that succeeded
  std::int64_t total_uploads = 0, total_analyses = 0;
  std::int64_t storage_used_bytes = 0;  // kept by the database: what samples, documents and audio files take
  WallTime created_at{}, updated_at{};
  std::optional<WallTime> deleted_at;
  static const Table<User>& table();
};

struct AuthSession {  // table auth_sessions
  std::string id, user_id;
  std::string refresh_hash;  // SHA-256 of the refresh token, as hexadecimal digits; the token itself is nowhere
  std::string ip_address, user_agent;
  WallTime last_active_at{};  // left open: now
  WallTime expires_at{};      // left open: seven days on
  std::optional<WallTime> revoked_at;
  WallTime created_at{}, updated_at{};
  static const Table<AuthSession>& table();
};

struct ApiKey {  // table api_keys
  std::string id, user_id, name;
  std::string key_hash;  // SHA-256, as above
  std::vector<std::string> scopes;
  std::optional<WallTime> last_used_at, expires_at, revoked_at;
  WallTime created_at{}, updated_at{};
  static const Table<ApiKey>& table();
};

struct Subscription {  // table subscriptions; at most one active a user, which sets users.subscription_tier
  std::string id, user_id;
  std::string plan = "free";      // free | pro | enterprise
  std::string status = "active";  // active | cancelled | expired
  WallTime start_date{};          // left open: now
  std::optional<WallTime> end_date;
  std::string metadata_json = "{}";
  WallTime created_at{}, updated_at{};
  static const Table<Subscription>& table();
};

struct UsageMetric {  // table usage_metrics; unique by user, month, action and subject
  std::string id, user_id;
  std::optional<std::string> subscription_id;
  std::optional<std::string> month;  // "2026-05-01"; left open: the present month in UTC
  std::string action, subject;       // "tts.characters", the provider
  std::int64_t quantity = 0;
  std::string metadata_json = "{}";
  WallTime created_at{}, updated_at{};
  static const Table<UsageMetric>& table();
};

class AuthSessionRepository : public Repository<AuthSession> {
 public:
  using Repository::Repository;
  // Whose session it is, to work on as that user; also of one that expired or was revoked. not_found.
  Result<std::string> user_of_refresh_hash(const std::string& hash);
};

class ApiKeyRepository : public Repository<ApiKey> {
 public:
  using Repository::Repository;
  Result<std::string> user_of_key_hash(const std::string& hash);  // as above
};

using SubscriptionRepository = Repository<Subscription>;

class UsageMetricRepository : public Repository<UsageMetric> {
 public:
  using Repository::Repository;
  // Adds to this month's row, which it makes when it is the first. Not idempotent: call add_usage in the transaction of what it counts.
  Status add(const std::string& user_id, const std::string& action, const std::string& subject, std::int64_t quantity);
};
void add_usage(Transaction& transaction, const std::string& user_id, const std::string& action, const std::string& subject,
               std::int64_t quantity);

// Whose a credential is: `statement` answers a uuid, or null, as "id". not_found.
Result<std::string> find_owner(Database& database, const Statement& statement, const std::string& credential);

}  // namespace repartee::persistence
