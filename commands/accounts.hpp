// Joins accounts together: who is calling (keys, sign-ins, outside identities), what revokes it, what a tier allows, mails and passwords.
// Thread contract: made after the store and before the loops run; outlives the routes, the gateway and the transport. start() once.
#pragma once
#include <filesystem>
#include <memory>

#include "api/accounts.hpp"
#include "api/smtp_mailer.hpp"
#include "commands/allowances.hpp"
#include "config/settings.hpp"
#include "persistence/notification_listener.hpp"
#include "persistence/privacy.hpp"
#include "persistence/store.hpp"
#include "pipeline/http_client.hpp"
#include "realtime/auth/account_authenticator.hpp"
#include "realtime/auth/credential_watch.hpp"
#include "realtime/auth/outside_issuers.hpp"

namespace repartee::commands {

std::map<std::string, auth::TierLimits> tier_limits(const config::Settings& settings);
api::AccountOptions account_options(const config::Settings& settings);
std::unique_ptr<api::Mailer> make_mailer(const config::Mail& mail, Metrics& metrics);
Result<auth::ServerSecret> server_secret(const config::Settings& settings);

class AccountParts {
 public:
  struct Uses {
    const config::Settings& settings;
    persistence::Store& store;
    persistence::Privacy& privacy;
    std::shared_ptr<const auth::Auth> configured;
    Metrics& metrics;
    std::string anonymous_user_id;
  };
  static Result<std::unique_ptr<AccountParts>> make(const Uses& uses);
  void start();  // from here on revocations are heard of

  std::shared_ptr<const auth::Authenticator> authenticator() const { return authenticator_; }
  const auth::Tokens& tokens() const { return *tokens_; }
  auth::CredentialWatch& watch() { return revocations_; }
  StoredAllowances& allowances() { return allowances_; }
  // For the routes. `backend` outlives what it gives.
  std::unique_ptr<api::AccountBackend> backend(const api::Backend& backend);

 private:
  AccountParts(const Uses& uses, auth::ServerSecret secret, auth::PasswordHasher hasher);
  Status open_issuers();
  Result<auth::Caller> find(const auth::Credential& credential);
  void look_again();  // after a gap in what was heard

  const Uses uses_;
  const std::shared_ptr<const auth::Tokens> tokens_;
  const auth::PasswordHasher hasher_;
  std::unique_ptr<api::Mailer> mailer_;
  StoredAllowances allowances_;
  auth::Revocations revocations_;
  std::unique_ptr<pipeline::HttpClient> http_;
  std::unique_ptr<auth::OutsideIssuers> issuers_;
  auth::CredentialCache cache_;
  std::shared_ptr<const auth::AccountAuthenticator> authenticator_;
  std::unique_ptr<persistence::NotificationListener> listener_;
  api::Blocking hashing_, exporting_;  // last: their jobs end before what they use goes
};

}  // namespace repartee::commands
