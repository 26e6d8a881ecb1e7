#include "persistence/repositories/people.hpp"

namespace repartee::persistence {
namespace {

// The functions run as the owner and tell nothing but the id: see 0002_people_voices_knowledge.up.sql.
constexpr Statement of_refresh_hash{"user_of_refresh_hash", "SELECT user_of_refresh_hash($1) AS id"};
constexpr Statement of_key_hash{"user_of_key_hash", "SELECT user_of_key_hash($1) AS id"};

constexpr Statement add_to_month{"usage_add", R"(
  INSERT INTO usage_metrics AS m (id, user_id, action, subject, quantity) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (user_id, month, action, subject) DO UPDATE SET quantity = m.quantity + excluded.quantity)"};

}  // namespace

const Table<User>& User::table() {
  using C = Columns<User>;
  static const Table<User> table({.name = "users"}, {
                                                        C::open<&User::email>("email"),
                                                        C::open<&User::username>("username"),
                                                        C::open<&User::password_hash>("password_hash"),
                                                        C::open<&User::external_id>("external_id"),
                                                        C::open<&User::first_name>("first_name"),
                                                        C::open<&User::last_name>("last_name"),
                                                        C::open<&User::personality_traits>("personality_traits"),
                                                        C::open<&User::subscription_tier>("subscription_tier"),
                                                        C::open<&User::settings_json>("settings", "jsonb"),
                                                        C::open<&User::metadata_json>("metadata", "jsonb"),
                                                        C::open<&User::is_active>("is_active"),
                                                        C::open<&User::is_verified>("is_verified"),
                                                        C::open<&User::last_login_at>("last_login_at"),
                                                        C::made<&User::login_count>("login_count"),
                                                        C::made<&User::failed_logins>("failed_logins"),
                                                        C::open<&User::total_uploads>("total_uploads"),
                                                        C::open<&User::total_analyses>("total_analyses"),
                                                        C::made<&User::storage_used_bytes>("storage_used_bytes"),
                                                    });
  return table;
}

const Table<AuthSession>& AuthSession::table() {
  using C = Columns<AuthSession>;
  static const Table<AuthSession> table({.name = "auth_sessions"},
                                        {
                                            C::open<&AuthSession::refresh_hash>("refresh_hash"),
                                            C::open<&AuthSession::ip_address>("ip_address"),
                                            C::open<&AuthSession::user_agent>("user_agent"),
                                            C::open<&AuthSession::last_active_at>("last_active_at").or_else("now()"),
                                            C::open<&AuthSession::expires_at>("expires_at").or_else("now() + interval '7 days'"),
                                            C::open<&AuthSession::revoked_at>("revoked_at"),
                                        });
  return table;
}

const Table<ApiKey>& ApiKey::table() {
  using C = Columns<ApiKey>;
  static const Table<ApiKey> table({.name = "api_keys"}, {
                                                             C::open<&ApiKey::name>("name"),
                                                             C::fixed<&ApiKey::key_hash>("key_hash"),
                                                             C::open<&ApiKey::scopes>("scopes"),
                                                             C::open<&ApiKey::last_used_at>("last_used_at"),
                                                             C::open<&ApiKey::expires_at>("expires_at"),
                                                             C::open<&ApiKey::revoked_at>("revoked_at"),
                                                         });
  return table;
}

const Table<Subscription>& Subscription::table() {
  using C = Columns<Subscription>;
  static const Table<Subscription> table({.name = "subscriptions"}, {
                                                                        C::open<&Subscription::plan>("plan"),
                                                                        C::open<&Subscription::status>("status"),
                                                                        C::open<&Subscription::start_date>("start_date").or_else("now()"),
                                                                        C::open<&Subscription::end_date>("end_date"),
                                                                        C::open<&Subscription::metadata_json>("metadata", "jsonb"),
                                                                    });
  return table;
}

const Table<UsageMetric>& UsageMetric::table() {
  using C = Columns<UsageMetric>;
  static const Table<UsageMetric> table(
      {.name = "usage_metrics"},
      {
          C::open<&UsageMetric::subscription_id>("subscription_id", "uuid"),
          C::fixed<&UsageMetric::month>("month", "date").or_else("date_trunc('month', now() AT TIME ZONE 'UTC')::date"),
          C::fixed<&UsageMetric::action>("action"),
          C::fixed<&UsageMetric::subject>("subject"),
          C::open<&UsageMetric::quantity>("quantity"),
          C::open<&UsageMetric::metadata_json>("metadata", "jsonb"),
      });
  return table;
}

Result<std::string> find_owner(Database& database, const Statement& statement, const std::string& credential) {
  return database.run([&](Transaction& t) {
    const auto rows = t.exec(statement, Params(credential));
    if (rows[0].is_null("id")) throw DatabaseError(Errc::not_found, "nobody is known by that");
    return rows[0].text("id");
  });
}

Result<std::string> AuthSessionRepository::user_of_refresh_hash(const std::string& hash) {
  return find_owner(database_, of_refresh_hash, hash);
}
Result<std::string> ApiKeyRepository::user_of_key_hash(const std::string& hash) { return find_owner(database_, of_key_hash, hash); }

void add_usage(Transaction& transaction, const std::string& user_id, const std::string& action, const std::string& subject,
               std::int64_t quantity) {
  transaction.exec(add_to_month, Params(new_uuid(), user_id, action, subject, quantity));
}

Status UsageMetricRepository::add(const std::string& user_id, const std::string& action, const std::string& subject,
                                  std::int64_t quantity) {
  return as(user_id, [&](Transaction& t) { add_usage(t, user_id, action, subject, quantity); });
}

}  // namespace repartee::persistence
