#include "persistence/user_admin.hpp"

#include "core/ids.hpp"
#include "persistence/roles.hpp"

namespace repartee::persistence {
namespace {

constexpr Statement list_users{"admin_users", R"(
  SELECT id, email, username, external_id, subscription_tier AS tier, is_active, is_verified, deleted_at IS NOT NULL AS is_deleted,
         last_login_at, created_at
  FROM users WHERE id NOT IN ($1::uuid, $2::uuid) ORDER BY created_at, id LIMIT $3)"};
constexpr Statement find_user{"admin_find", R"(
  SELECT id FROM users WHERE id::text = lower($1) OR lower(email) = lower($1) OR username = $1 OR external_id = $1
  ORDER BY id::text = lower($1) DESC, lower(email) = lower($1) DESC, username = $1 DESC NULLS LAST LIMIT 1)"};
constexpr Statement activate{"admin_activate", "UPDATE users SET is_active = true WHERE id = $1 AND deleted_at IS NULL"};
constexpr Statement deactivate{"admin_deactivate", "UPDATE users SET is_active = false WHERE id = $1 AND deleted_at IS NULL"};
constexpr Statement set_verified{"admin_verify", "UPDATE users SET is_verified = true WHERE id = $1 AND deleted_at IS NULL"};
constexpr Statement bring_back{"admin_restore", "UPDATE users SET deleted_at = NULL, is_active = true WHERE id = $1 AND deleted_at IS NOT NULL"};
constexpr Statement hold{"admin_hold", "SELECT id FROM users WHERE id = $1 AND deleted_at IS NULL FOR UPDATE"};
constexpr Statement end_subscription{
    "admin_unsubscribe",
    "UPDATE subscriptions SET status = 'cancelled', end_date = greatest(now(), start_date) WHERE user_id = $1 AND status = 'active'"};
constexpr Statement subscribe{"admin_subscribe", "INSERT INTO subscriptions (id, user_id, plan, status) VALUES ($1, $2, $3, 'active')"};

}  // namespace

Result<std::vector<UserLine>> UserAdmin::list() {
  return database_.run([&](Transaction& t) {
    std::vector<UserLine> lines;
    for (const auto& row : t.exec(list_users, Params(system_user_id, local_user_id, list_max)))
      lines.push_back({row.text("id"), row.text("email"), row.text("username"), row.text("external_id"), row.text("tier"), row.boolean("is_active"),
                       row.boolean("is_verified"), row.boolean("is_deleted"), row.maybe_time("last_login_at"), row.time("created_at")});
    return lines;
  });
}

Result<std::string> UserAdmin::find(const std::string& who) {
  return database_.run([&](Transaction& t) {
    const auto rows = t.exec(find_user, Params(who));
    if (rows.empty()) throw DatabaseError(Errc::not_found, "there is no user " + who);
    return rows[0].text("id");
  });
}

Status UserAdmin::change(const Statement& statement, const std::string& id) {
  return database_.run([&](Transaction& t) {
    if (t.exec(statement, Params(id)).affected() == 0) throw DatabaseError(Errc::not_found, "there is no such user, or not in that state");
  });
}

Status UserAdmin::set_active(const std::string& id, bool active) { return change(active ? activate : deactivate, id); }
Status UserAdmin::verify(const std::string& id) { return change(set_verified, id); }
Status UserAdmin::restore(const std::string& id) { return change(bring_back, id); }

Status UserAdmin::set_tier(const std::string& id, const std::string& tier) {
  return database_.run([&](Transaction& t) {
    if (t.exec(hold, Params(id)).empty()) throw DatabaseError(Errc::not_found, "there is no such user");
    t.exec(end_subscription, Params(id));
    if (tier != "free") t.exec(subscribe, Params(new_uuid(), id, tier));
  });
}

}  // namespace repartee::persistence
