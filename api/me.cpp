// The caller's own account.
#include <algorithm>

#include "api/account_parts.hpp"
#include "api/file_stream.hpp"
#include "api/request_body.hpp"

namespace repartee::api {
namespace {

using persistence::Patch;
using persistence::User;
using Answer = Result<transport::Response>;

constexpr std::size_t settings_bytes_max = 16 * 1024;

Json limits_json(const auth::TierLimits& limits) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(limits.session_max).count();
  const auto or_unlimited = [](std::int64_t limit) { return limit == 0 ? Json() : Json(limit); };
  return {{"sessions_at_once", or_unlimited(limits.sessions_at_once)},
          {"session_minutes", or_unlimited(minutes)},
          {"turns_a_month", or_unlimited(limits.turns_a_month)},
          {"upload_bytes", or_unlimited(limits.upload_bytes_max)},
          {"storage_bytes", or_unlimited(limits.storage_bytes_max)},
          {"requests_a_minute", or_unlimited(limits.requests_a_minute)}};
}

Answer show(const AccountBackend& accounts, const Call& call) {
  const auto id = accounts.backend.user_of(call.caller);
  auto store = accounts.accounts();
  const auto user = store.find(id);
  if (!user) return missing(user.error(), "user");
  const auto usage = store.usage(id);
  if (!usage) return usage.error();
  const auto limits = call.caller.tier.empty() ? auth::TierLimits() : accounts.limits_of_tier(call.caller.tier);
  return json_response(200, dump({{"user", user_json(*user)},
                                  {"scopes", call.caller.scopes},
                                  {"limits", limits_json(limits)},
                                  {"used", {{"turns_this_month", usage->turns}, {"storage_bytes", usage->storage_bytes}}}}));
}

// ---- changes ----

struct Wishes {
  std::optional<std::string> email, password_hash;
};

// What only somebody who knows the password may change. An answer: it is refused.
std::optional<transport::Response> secret_wishes(const AccountBackend& accounts, const User& user, const Json& body, Wishes& wishes) {
  if (!body.contains("password") && !body.contains("email")) return std::nullopt;
  if (accounts.is_anonymous(user.id)) return error_response({Errc::conflict, "whoever is at an open server has no address and no password; register"});
  if (user.password_hash && !accounts.hasher.verify(*user.password_hash, body.value("current_password", ""))) {
    if (const auto noted = accounts.accounts().note_failed_login(user.id); !noted) return error_response(noted.error());
    return error_response({Errc::permission_denied, "the current password is needed, and this is not it"}, "/current_password");
  }
  if (body.contains("email")) {
    auto email = persistence::normal_email(body["email"].get<std::string>());
    if (!email) return error_response(email.error(), "/email");
    wishes.email = std::move(*email);
  }
  if (!body.contains("password")) return std::nullopt;
  const std::string password = body["password"];
  if (const auto fine = auth::check_password(password, {user.email, user.username.value_or(""), user.first_name, user.last_name}); !fine)
    return error_response(fine.error(), "/password");
  auto hash = accounts.hasher.hash(password);
  if (!hash) return error_response(hash.error());
  wishes.password_hash = std::move(*hash);
  return std::nullopt;
}

Patch<User> patch_of(const Json& body) {
  Patch<User> patch;
  if (body.contains("username")) {
    if (body["username"].is_null()) patch.set<&User::username>(std::nullopt);
    else patch.set<&User::username>(body["username"].get<std::string>());
  }
  if (body.contains("first_name")) patch.set<&User::first_name>(body["first_name"].get<std::string>());
  if (body.contains("last_name")) patch.set<&User::last_name>(body["last_name"].get<std::string>());
  if (body.contains("personality_traits")) patch.set<&User::personality_traits>(body["personality_traits"].get<std::vector<std::string>>());
  if (body.contains("settings")) patch.set<&User::settings_json>(dump(body["settings"]));
  return patch;
}

Answer change(const AccountBackend& accounts, const Call& call) {
  const Json& body = call.body();
  const auto id = accounts.backend.user_of(call.caller);
  auto store = accounts.accounts();
  const auto user = store.find(id);
  if (!user) return missing(user.error(), "user");
  if (body.contains("settings") && body["settings"].dump().size() > settings_bytes_max)
    return error_response({Errc::invalid_argument, "settings must be at most " + std::to_string(settings_bytes_max) + " bytes of JSON"}, "/settings");
  if ((body.contains("password") || body.contains("email")) && !auth::allows(call.caller, auth::scope::admin))
    return Error{Errc::permission_denied, "this key was not made for that: it lacks the scope \"admin\""};
  if (auto refused = refuse_username(body)) return std::move(*refused);
  Wishes wishes;
  if (auto refused = secret_wishes(accounts, *user, body, wishes)) return std::move(*refused);

  const auto patch = patch_of(body);
  const bool plain = std::find(patch.changed().begin(), patch.changed().end(), true) != patch.changed().end();
  if (plain) {
    const auto changed = persistence::UserRepository(accounts.backend.database).update(id, patch, id);
    if (!changed && changed.error().code == Errc::conflict) return error_response({Errc::conflict, "this username is taken"}, "/username");
    if (!changed) return missing(changed.error(), "user");
  }
  if (wishes.password_hash) {
    constexpr std::string_view kind = "signin:";
    const auto& credential = call.caller.credential_id;
    const auto kept = credential.starts_with(kind) ? credential.substr(kind.size()) : "";
    if (const auto set = store.set_password(id, *wishes.password_hash, kept, false); !set) return missing(set.error(), "user");
    mail_password_changed(accounts, *user);
  }
  if (wishes.email) mail_verification(accounts, *user, *wishes.email);  // it is changed when the link was followed
  const auto now = store.find(id);
  if (!now) return missing(now.error(), "user");
  return object_response(200, "user", dump(user_json(*now)));
}

Answer remove(const AccountBackend& accounts, const Call& call) {
  const auto id = accounts.backend.user_of(call.caller);
  if (accounts.is_anonymous(id)) return Error{Errc::conflict, "whoever is at an open server has no account that could be removed"};
  if (const auto removed = accounts.accounts().remove(id); !removed) return missing(removed.error(), "user");
  return success_response("the account is closed; everything in it is erased when the retention time is over, until then the operator can bring it back");
}

// ---- export ----

Answer export_all(const AccountBackend& accounts, const Call& call) {
  if (!accounts.export_to_file) return Error{Errc::unavailable, "archives are not made here"};
  const auto path = accounts.export_to_file(accounts.backend.user_of(call.caller));
  if (!path) return missing(path.error(), "user");
  auto file = FileStream::take(*path, accounts.backend.blocking);
  if (!file) return file.error();
  transport::Response response{200, {{"Content-Type", "application/zip"}, {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}, ""};
  response.headers["Content-Disposition"] = "attachment; filename=\"repartee-export.zip\"";
  response.stream = std::move(*file);
  return response;
}

}  // namespace

void add_me_routes(Router& router, const AccountBackend& accounts) {
  const auto on = [&accounts](Blocking& pool, auto work) {
    return pool.handler([&accounts, work](const Call& call) { return work(accounts, call); });
  };
  router.add("GET", "/api/v1/me", Access::key, on(accounts.backend.blocking, show));
  router.add("PATCH", "/api/v1/me", Access::key, on(accounts.hashing, change), "user.update");
  router.add("DELETE", "/api/v1/me", Access::key, on(accounts.backend.blocking, remove), "user.delete", auth::scope::admin);
  router.add("GET", "/api/v1/me/export", Access::key, on(accounts.exporting, export_all), "user.export_asked", auth::scope::admin);
}

}  // namespace repartee::api
