// An application's own users, by the name it knows them by: made and keyed by its operator, whose key is one of the configuration that
// stands for nobody in particular (or who is at the machine of an open server). Everybody else sees themselves only.
#include "api/account_parts.hpp"
#include "api/request_body.hpp"

namespace repartee::api {
namespace {

using persistence::Patch;
using persistence::User;
using persistence::UserRepository;
using Answer = Result<transport::Response>;

bool is_operator(const AccountBackend& accounts, const auth::Caller& caller) {
  return caller.user_id.empty() && caller.credential_id.empty() && (!caller.key_name.empty() || accounts.options.anybody_operates);
}

Error not_there() { return {Errc::not_found, "there is no such user"}; }

// Whose name it is, when the caller may know.
Result<std::string> id_of(const AccountBackend& accounts, const Call& call) {
  if (!is_clean_text(call.param("external_id"))) return not_there();
  auto id = UserRepository(accounts.backend.database).id_of_external(call.param("external_id"));
  if (!id) return missing(id.error(), "user");
  if (!is_operator(accounts, call.caller) && *id != call.caller.user_id) return not_there();
  return id;
}

Answer show(const AccountBackend& accounts, const Call& call) {
  const auto id = id_of(accounts, call);
  if (!id) return id.error();
  const auto user = accounts.accounts().find(*id);
  if (!user) return missing(user.error(), "user");
  return object_response(200, "user", dump(user_json(*user)));
}

Answer put(const AccountBackend& accounts, const Call& call) {
  if (!is_operator(accounts, call.caller)) return Error{Errc::permission_denied, "users are made with a key of the operator's"};
  const auto& name = call.param("external_id");
  if (!is_clean_text(name)) return error_response({Errc::invalid_argument, "this cannot be a name"}, "external_id");
  UserRepository users(accounts.backend.database);
  auto id = users.id_of_external(name);
  if (!id && id.error().code != Errc::not_found) return id.error();
  const bool is_new = !id;
  if (is_new) {
    id = persistence::user_id_of_external(name);
    if (const auto made = users.ensure(*id, name); !made) {
      if (made.error().code == Errc::conflict) return Error{Errc::conflict, "a user of this name was removed, and is not forgotten yet"};
      return made.error();
    }
  }
  const Json& body = call.body();
  Patch<User> patch;
  if (body.contains("first_name")) patch.set<&User::first_name>(body["first_name"].get<std::string>());
  if (body.contains("last_name")) patch.set<&User::last_name>(body["last_name"].get<std::string>());
  if (body.contains("personality_traits")) patch.set<&User::personality_traits>(body["personality_traits"].get<std::vector<std::string>>());
  const auto user = users.update(*id, patch, *id);
  if (!user && user.error().code == Errc::not_found) return Error{Errc::conflict, "a user of this name was removed, and is not forgotten yet"};
  if (!user) return user.error();
  call.acts_as(*id);
  return object_response(is_new ? 201 : 200, "user", dump(user_json(*user)));
}

Answer create_key(const AccountBackend& accounts, const Call& call) {
  if (!is_operator(accounts, call.caller)) return not_there();
  const auto id = id_of(accounts, call);
  if (!id) return id.error();
  call.acts_as(*id);
  return create_api_key(accounts, *id, new_key_of(call.body()));
}

}  // namespace

void add_user_routes(Router& router, const AccountBackend& accounts) {
  const auto on = [&accounts](auto work) {
    return accounts.backend.blocking.handler([&accounts, work](const Call& call) { return work(accounts, call); });
  };
  router.add("GET", "/api/v1/users/{external_id}", Access::key, on(show));
  router.add("POST", "/api/v1/users/{external_id}", Access::key, on(put), "user.put", auth::scope::admin);
  router.add("POST", "/api/v1/users/{external_id}/api-keys", Access::key, on(create_key), "api_key.create", auth::scope::admin);
}

}  // namespace repartee::api
