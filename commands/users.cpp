// `repartee users`: the operator's hand in accounts. Works beside a running server.
#include <algorithm>
#include <ctime>
#include <iomanip>
#include <iostream>

#include "api/account_parts.hpp"
#include "commands/accounts.hpp"
#include "commands/commands.hpp"
#include "commands/database.hpp"
#include "persistence/digest.hpp"
#include "persistence/user_admin.hpp"

namespace repartee::commands {
namespace {

int failed(const Error& error) {
  std::cerr << error.message << "\n";
  return exit_failure;
}
int done(const Status& status, const char* said) {
  if (!status) return failed(status.error());
  std::cout << said << "\n";
  return exit_ok;
}

// The mail goes out, or, with no mail server, is printed: who reads this hands it on.
class PrintedMails final : public api::Mailer {
 public:
  void send(api::Mail mail) override { std::cout << "To: " << mail.to << "\n\n" << mail.text << std::flush; }
};

std::string day(const std::optional<WallTime>& time) {
  if (!time) return "never";
  const std::time_t seconds = std::chrono::system_clock::to_time_t(*time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

int list(persistence::UserAdmin admin) {
  const auto users = admin.list();
  if (!users) return failed(users.error());
  for (const auto& user : *users) {
    const bool reachable = api::is_reachable(user.email);
    std::cout << user.id << "  " << std::left << std::setw(11) << user.tier << std::setw(32) << (reachable ? user.email : user.external_id)
              << std::setw(16) << user.username << "last sign-in " << day(user.last_login_at) << (user.is_deleted ? "  removed" : "")
              << (user.is_active ? "" : "  inactive") << (user.is_verified || !reachable ? "" : "  not verified") << "\n";
  }
  std::cout << users->size() << (users->size() == 1 ? " user\n" : " users\n");
  return exit_ok;
}

int add(const config::Settings& settings, persistence::Database& owner, const UsersCommand& command) {
  const auto email = persistence::normal_email(command.who);
  if (!email) return failed(email.error());
  if (!command.username.empty() && !persistence::is_username(command.username))
    return failed({Errc::invalid_argument, "a username has 3 to 50 letters and digits"});
  const auto secret = server_secret(settings);
  if (!secret) return failed(secret.error());
  persistence::NewAccount account;
  account.email = *email;
  if (!command.username.empty()) account.username = command.username;
  bool email_is_taken = false;
  const auto made = persistence::Accounts(owner).create(account, email_is_taken);
  if (!made && made.error().code == Errc::conflict) return failed({Errc::conflict, email_is_taken ? "this address has an account" : "this username is taken"});
  if (!made) return failed(made.error());

  Metrics metrics;
  const auto hasher = auth::PasswordHasher::create();
  if (!hasher) return failed(hasher.error());
  api::Blocking blocking({.workers = 1}, metrics);
  const api::Backend backend{.database = owner, .blocking = blocking, .anonymous_user_id = {}};
  const auth::Tokens tokens(*secret);
  const bool prints = settings.mail.server.empty() || command.print;
  const auto mailer = prints ? std::make_unique<PrintedMails>() : make_mailer(settings.mail, metrics);
  api::AccountBackend accounts{.backend = backend, .tokens = tokens, .hasher = *hasher, .hashing = blocking, .exporting = blocking, .mailer = *mailer};
  accounts.options = account_options(settings);
  std::cout << "made " << made->id << (prints ? "; hand this on:\n" : "; the invitation is on its way\n");
  api::mail_invitation(accounts, *made);
  return exit_ok;
}

int make_key(persistence::Database& owner, const std::string& id, const UsersCommand& command) {
  const auto in_the_clear = auth::new_api_key();
  persistence::ApiKey key;
  key.user_id = id;
  key.name = command.value.empty() ? "made by the operator" : command.value;
  key.key_hash = persistence::sha256_hex(in_the_clear);
  for (const auto& scope : command.scopes) {
    if (std::find(auth::scope::all.begin(), auth::scope::all.end(), scope) == auth::scope::all.end())
      return failed({Errc::invalid_argument, "there are the scopes realtime, read, write and admin; got " + scope});
    key.scopes.push_back(scope);
  }
  const auto made = persistence::Accounts(owner).create_key(key);
  if (!made) return failed(made.error());
  std::cout << in_the_clear << "\n";
  return exit_ok;
}

}  // namespace

int users(const config::Settings& settings, const UsersCommand& command) {
  const auto& action = command.action;
  if (action != "list" && command.who.empty()) {
    std::cerr << "users " << action << " needs an address, a username, an id or an external id\n";
    return exit_usage;
  }
  if (action == "tier" && command.value != "free" && command.value != "pro" && command.value != "enterprise") {
    std::cerr << "users tier WHO needs free, pro or enterprise\n";
    return exit_usage;
  }
  Metrics metrics;
  auto access = persistence::DatabaseAccess::open(database_options(settings), metrics);
  if (!access) return failed(access.error());
  persistence::Database owner(access->targets().owner, {.name = "owner", .connections_max = 2}, metrics);
  persistence::UserAdmin admin(owner);
  if (action == "list") return list(admin);
  if (action == "add") return add(settings, owner, command);
  const auto id = admin.find(command.who);
  if (!id) return failed(id.error());
  if (action == "tier") return done(admin.set_tier(*id, command.value), ("the tier is " + command.value).c_str());
  if (action == "deactivate") return done(admin.set_active(*id, false), "inactive: sign-ins, keys and calls end");
  if (action == "activate") return done(admin.set_active(*id, true), "active");
  if (action == "verify") return done(admin.verify(*id), "the address counts as the user's");
  if (action == "restore") return done(admin.restore(*id), "the account is back; its keys and sign-ins are not");
  return make_key(owner, *id, command);
}

}  // namespace repartee::commands
