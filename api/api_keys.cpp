// API keys of users. A key is shown once, when it is made; kept is its SHA-256.
#include <algorithm>

#include "api/account_parts.hpp"
#include "api/request_body.hpp"

namespace repartee::api {
namespace {

using Answer = Result<transport::Response>;

Answer create(const AccountBackend& accounts, const Call& call) {
  auto wanted = new_key_of(call.body());
  const auto& own = call.caller.scopes;
  if (!own.empty() && wanted.scopes.empty()) wanted.scopes = own;
  for (const auto& scope : wanted.scopes)
    if (!auth::allows(call.caller, scope))
      return error_response({Errc::permission_denied, "a key cannot make one that may do more than itself: it lacks \"" + scope + "\""}, "/scopes");
  return create_api_key(accounts, accounts.backend.user_of(call.caller), std::move(wanted));
}

Answer list(const AccountBackend& accounts, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto page = accounts.accounts().keys(accounts.backend.user_of(call.caller), query->cursor, static_cast<std::size_t>(query->limit));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& key : page->rows) json.items.push_back(dump(api_key_json(key)));
  return list_response("api_keys", json);
}

Answer revoke(const AccountBackend& accounts, const Call& call) {
  const auto revoked = accounts.accounts().revoke_key(accounts.backend.user_of(call.caller), call.param("id"));
  if (!revoked) return missing(revoked.error(), "API key");
  return success_response("the key is revoked");
}

}  // namespace

void add_api_key_routes(Router& router, const AccountBackend& accounts) {
  const auto on = [&accounts](auto work) {
    return accounts.backend.blocking.handler([&accounts, work](const Call& call) { return work(accounts, call); });
  };
  router.add("POST", "/api/v1/api-keys", Access::key, on(create), "api_key.create", auth::scope::admin);
  router.add("GET", "/api/v1/api-keys", Access::key, on(list), {}, auth::scope::admin);
  router.add("DELETE", "/api/v1/api-keys/{id}", Access::key, on(revoke), "api_key.revoke", auth::scope::admin);
}

}  // namespace repartee::api
