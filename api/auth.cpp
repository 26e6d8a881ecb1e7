// Accounts: making one, signing in, forgotten passwords. Whether an address has an account is told to nobody but its mailbox: answers, and
// the work before them, are alike.
#include "api/account_parts.hpp"
#include "api/request_body.hpp"
#include "core/ids.hpp"
#include "persistence/digest.hpp"

namespace repartee::api {
namespace {

using persistence::User;
using Kind = auth::Tokens::Kind;
using Answer = Result<transport::Response>;

constexpr std::size_t agent_bytes_max = 256;

Error bad_link() { return {Errc::invalid_argument, "the link is not valid, or not any more; ask for a new one"}; }

// The user of a token, as they are now; an error that is one for the caller, or of the store.
Result<User> user_of_link(const AccountBackend& accounts, const Result<auth::Tokens::Content>& link) {
  if (!link) return bad_link();
  auto user = accounts.accounts().find(link->caller.user_id);
  if (!user && user.error().code == Errc::not_found) return bad_link();
  if (user && !user->is_active) return bad_link();
  return user;
}

// ---- new accounts ----

Answer register_user(const AccountBackend& accounts, const Call& call) {
  if (!accounts.options.registration_open)
    return Error{Errc::permission_denied, "nobody can register here; the operator makes accounts"};
  const Json& body = call.body();
  const auto email = persistence::normal_email(body.at("email").get<std::string>());
  if (!email) return error_response(email.error(), "/email");
  if (auto refused = refuse_username(body)) return std::move(*refused);
  persistence::NewAccount account;
  account.email = *email;
  if (body.contains("username")) account.username = body["username"].get<std::string>();
  account.first_name = body.value("first_name", "");
  account.last_name = body.value("last_name", "");
  const std::string password = body.at("password");
  if (const auto fine = auth::check_password(password, {*email, account.username.value_or(""), account.first_name, account.last_name}); !fine)
    return error_response(fine.error(), "/password");
  auto hash = accounts.hasher.hash(password);
  if (!hash) return hash.error();
  account.password_hash = std::move(*hash);

  auto store = accounts.accounts();
  bool email_is_taken = false;
  const auto made = store.create(account, email_is_taken);
  if (!made && made.error().code != Errc::conflict) return made.error();
  if (!made && !email_is_taken) return error_response({Errc::conflict, "this username is taken"}, "/username");
  if (made) {
    call.acts_as(made->id);
    mail_verification(accounts, *made, made->email);
  } else if (const auto id = store.id_of_login(*email)) {
    if (const auto present = store.find(*id)) mail_already_registered(accounts, *present);
  }
  auto response = success_response(accounts.options.verification_required ? "a mail with a link is on its way; follow it, then sign in"
                                                                          : "the account is there once its address is confirmed: see your mail; or sign in");
  response.status = 202;
  return response;
}

Answer verify(const AccountBackend& accounts, const Call& call) {
  const auto link = accounts.tokens.read(Kind::verification, call.body().at("token").get<std::string>(), accounts.now());
  const auto user = user_of_link(accounts, link);
  if (!user) return error_response(user.error(), "/token");
  const auto split = link->bound_to.find('\n');
  call.acts_as(user->id);
  const auto verified = accounts.accounts().verify(user->id, link->bound_to.substr(0, split), link->bound_to.substr(split + 1));
  if (!verified && verified.error().code == Errc::conflict) return error_response({Errc::conflict, "this link is out of date, or the address is taken"}, "/token");
  if (!verified) return verified.error();
  return success_response("the address is confirmed");
}

// Sends a link, if there is whom to; the answer is the same.
template <class SendLink>
Answer send_link(const AccountBackend& accounts, const Call& call, SendLink send) {
  const auto email = persistence::normal_email(call.body().at("email").get<std::string>());
  if (!email) return error_response(email.error(), "/email");
  auto store = accounts.accounts();
  const auto id = store.id_of_login(*email);
  if (!id && id.error().code != Errc::not_found) return id.error();
  if (id) {
    const auto user = store.find(*id);
    if (!user && user.error().code != Errc::not_found) return user.error();
    if (user && user->is_active) send(*user);
  }
  auto response = success_response("if the address has an account, a mail with a link is on its way");
  response.status = 202;
  return response;
}

Answer ask_verification(const AccountBackend& accounts, const Call& call) {
  return send_link(accounts, call, [&](const User& user) {
    if (!user.is_verified) mail_verification(accounts, user, user.email);
  });
}

Answer ask_reset(const AccountBackend& accounts, const Call& call) {
  return send_link(accounts, call, [&](const User& user) { mail_password_reset(accounts, user); });
}

Answer reset_password(const AccountBackend& accounts, const Call& call) {
  const Json& body = call.body();
  const auto link = accounts.tokens.read(Kind::password_reset, body.at("token").get<std::string>(), accounts.now());
  const auto user = user_of_link(accounts, link);
  if (!user) return error_response(user.error(), "/token");
  if (link->bound_to != reset_binding(*user)) return error_response(bad_link(), "/token");
  const std::string password = body.at("password");
  if (const auto fine = auth::check_password(password, {user->email, user->username.value_or(""), user->first_name, user->last_name}); !fine)
    return error_response(fine.error(), "/password");
  const auto hash = accounts.hasher.hash(password);
  if (!hash) return hash.error();
  call.acts_as(user->id);
  if (const auto done = accounts.accounts().set_password(user->id, *hash, "", true); !done) return missing(done.error(), "user");
  mail_password_changed(accounts, *user);
  return success_response("the password is set; sign in with it");
}

// ---- signing in ----

struct Grant {
  persistence::AuthSession sign_in;  // with the refresh token's hash
  std::string refresh_token;
};

Grant new_grant(const AccountBackend& accounts, const Call& call, const std::string& user_id, const std::string& sign_in_id) {
  Grant grant;
  auth::Tokens::Content content;
  content.caller.user_id = user_id;
  content.caller.credential_id = "signin:" + sign_in_id;
  content.valid_until = accounts.now() + accounts.options.refresh_for;
  grant.refresh_token = accounts.tokens.make(Kind::refresh, content).value();
  grant.sign_in.id = sign_in_id;
  grant.sign_in.user_id = user_id;
  grant.sign_in.refresh_hash = persistence::sha256_hex(grant.refresh_token);
  grant.sign_in.expires_at = content.valid_until;
  grant.sign_in.ip_address = call.request.remote_address;
  const auto agent = call.request.header("user-agent").substr(0, agent_bytes_max);
  grant.sign_in.user_agent = is_clean_text(agent) ? agent : "";
  return grant;
}

Json granted(const AccountBackend& accounts, const Grant& grant) {
  auth::Tokens::Content content;
  content.caller.user_id = grant.sign_in.user_id;
  content.caller.credential_id = "signin:" + grant.sign_in.id;
  content.valid_until = accounts.now() + accounts.options.access_for;
  return {{"access_token", accounts.tokens.make(Kind::access, content).value()},
          {"token_type", "Bearer"},
          {"expires_in", accounts.options.access_for.count()},
          {"refresh_token", grant.refresh_token},
          {"refresh_expires_at", time_json(grant.sign_in.expires_at)},
          {"sign_in_id", grant.sign_in.id}};
}

Answer login(const AccountBackend& accounts, const Call& call) {
  const Json& body = call.body();
  const std::string name = body.contains("email") ? body["email"] : body["username"], password = body.at("password");
  auto store = accounts.accounts();
  const auto id = store.id_of_login(name);
  if (!id && id.error().code != Errc::not_found) return id.error();
  // For an unknown name the same is done, for nobody: the time it takes tells nothing.
  const auto whom = id ? *id : new_uuid();
  auto user = store.find(whom);
  if (!user && user.error().code != Errc::not_found) return user.error();
  const auto hash = user ? user->password_hash.value_or("") : "";
  const bool right = accounts.hasher.verify(hash, password);
  if (user) call.acts_as(user->id);
  if (!right) {
    if (const auto noted = store.note_failed_login(whom); !noted) return noted.error();
    return Error{Errc::unauthenticated, "the name or the password is wrong"};
  }
  if (!user->is_active) return Error{Errc::permission_denied, "this account is not active; ask the operator"};
  if (accounts.options.verification_required && !user->is_verified)
    return Error{Errc::permission_denied, "the address is not confirmed yet: follow the link in the mail, or ask for another"};
  if (accounts.hasher.is_outdated(hash))
    if (const auto anew = accounts.hasher.hash(password))
      if (const auto kept = store.rehash_password(user->id, hash, *anew); !kept) return kept.error();
  const auto grant = new_grant(accounts, call, user->id, new_uuid());
  if (const auto begun = store.begin_sign_in(grant.sign_in); !begun) return begun.error();
  Json answer = granted(accounts, grant);
  if (const auto now = store.find(user->id)) user = *now;  // with this sign-in counted
  answer["user"] = user_json(*user);
  return json_response(200, dump(answer));
}

Answer refresh(const AccountBackend& accounts, const Call& call) {
  const std::string token = call.body().at("refresh_token");
  const auto known = accounts.tokens.read(Kind::refresh, token, accounts.now());
  if (!known) return known.error();
  call.acts_as(known->caller.user_id);
  const auto grant = new_grant(accounts, call, known->caller.user_id, known->caller.credential_id.substr(known->caller.credential_id.find(':') + 1));
  if (const auto owner = accounts.accounts().rotate(grant.sign_in, persistence::sha256_hex(token)); !owner) return owner.error();
  return json_response(200, dump(granted(accounts, grant)));
}

std::string sign_in_of(const auth::Caller& caller) {
  constexpr std::string_view kind = "signin:";
  return caller.credential_id.starts_with(kind) ? caller.credential_id.substr(kind.size()) : "";
}

Answer logout(const AccountBackend& accounts, const Call& call) {
  const auto sign_in = sign_in_of(call.caller);
  if (sign_in.empty()) return Error{Errc::conflict, "this key is no sign-in: there is nothing to sign out from"};
  if (const auto ended = accounts.accounts().end_sign_in(call.caller.user_id, sign_in); !ended) return missing(ended.error(), "sign-in");
  return success_response("signed out");
}

// ---- the sign-ins ----

Answer list_sign_ins(const AccountBackend& accounts, const Call& call) {
  const auto query = parse_list_query(call.request);
  if (!query) return error_response(query.error());
  const auto page = accounts.accounts().sign_ins(accounts.backend.user_of(call.caller), query->cursor, static_cast<std::size_t>(query->limit));
  if (!page) return page.error();
  JsonPage json{{}, page->next_cursor};
  for (const auto& one : page->rows)
    json.items.push_back(dump({{"id", one.id},
                               {"ip_address", one.ip_address},
                               {"user_agent", one.user_agent},
                               {"is_current", one.id == sign_in_of(call.caller)},
                               {"last_active_at", time_json(one.last_active_at)},
                               {"expires_at", time_json(one.expires_at)},
                               {"created_at", time_json(one.created_at)}}));
  return list_response("sessions", json);
}

Answer end_sign_in(const AccountBackend& accounts, const Call& call) {
  const auto ended = accounts.accounts().end_sign_in(accounts.backend.user_of(call.caller), call.param("id"));
  if (!ended) return missing(ended.error(), "sign-in");
  return success_response("the sign-in is ended");
}

}  // namespace

void add_auth_routes(Router& router, const AccountBackend& accounts) {
  const auto on = [&accounts](Blocking& pool, auto work) {
    return pool.handler([&accounts, work](const Call& call) { return work(accounts, call); });
  };
  auto& hashing = accounts.hashing;
  auto& reading = accounts.backend.blocking;
  router.add("POST", "/api/v1/auth/register", Access::open, on(hashing, register_user), "user.register");
  router.add("POST", "/api/v1/auth/verify", Access::open, on(reading, verify), "user.verify");
  router.add("POST", "/api/v1/auth/verification", Access::open, on(reading, ask_verification), "user.verification_asked");
  router.add("POST", "/api/v1/auth/password-reset", Access::open, on(reading, ask_reset), "user.reset_asked");
  router.add("POST", "/api/v1/auth/password-reset/confirm", Access::open, on(hashing, reset_password), "user.password_reset");
  router.add("POST", "/api/v1/auth/login", Access::open, on(hashing, login), "user.login");
  router.add("POST", "/api/v1/auth/refresh", Access::open, on(reading, refresh), "user.refresh");
  router.add("POST", "/api/v1/auth/logout", Access::key, on(reading, logout), "user.logout");
  router.add("GET", "/api/v1/auth/sessions", Access::key, on(reading, list_sign_ins), {}, auth::scope::admin);
  router.add("DELETE", "/api/v1/auth/sessions/{id}", Access::key, on(reading, end_sign_in), "user.sign_in_ended", auth::scope::admin);
}

}  // namespace repartee::api
