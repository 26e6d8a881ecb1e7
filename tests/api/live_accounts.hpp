// Accounts as the server has them, for LiveApi: real tokens, a cheap password hash, mails that are kept.
#pragma once
#include <mutex>

#include "api/accounts.hpp"
#include "persistence/privacy.hpp"
#include "realtime/auth/account_authenticator.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::test {

class KeptMails final : public api::Mailer {
 public:
  void send(api::Mail mail) override {
    std::lock_guard lock(mutex_);
    mails_.push_back(std::move(mail));
  }
  std::vector<api::Mail> to(const std::string& address) const {
    std::lock_guard lock(mutex_);
    std::vector<api::Mail> found;
    for (const auto& mail : mails_)
      if (mail.to == address) found.push_back(mail);
    return found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<api::Mail> mails_;
};

// Writes what is to be audited nowhere.
class NoSink final : public persistence::TurnSink {
 public:
  bool record_turn(TurnRecord, std::function<void()>) override { return true; }
  bool record_session(SessionRecord) override { return true; }
  bool record_audit(AuditRecord) override { return true; }
};

struct LiveAccounts {
  LiveAccounts(persistence::Database& app, persistence::Database& owner, std::shared_ptr<const auth::Auth> configured, Metrics& metrics)
      : tokens(std::make_shared<const auth::Tokens>(auth::ServerSecret{7})),
        hasher(*auth::PasswordHasher::create({.passes = 1, .memory_bytes = 8192})),
        hashing({.workers = 2}, metrics),
        exporting({.workers = 1}, metrics),
        privacy(owner, sink, {}) {
    auth::AccountAuthenticator::Parts parts;
    parts.configured = std::move(configured);
    parts.tokens = tokens;
    parts.look_up = [&app](Loop&, const auth::Credential& credential, const std::function<void(Result<auth::Caller>)>& done) {
      persistence::Accounts accounts(app);
      const auto owner_of = credential.name.starts_with("hash:") ? accounts.of_api_key(credential.name.substr(5))
                                                                 : accounts.of_credential(credential.name, credential.user_id);
      if (!owner_of) return done(owner_of.error());
      auth::Caller caller{.user_id = owner_of->user_id, .key_name = owner_of->name};
      caller.credential_id = owner_of->credential_id;
      caller.scopes = owner_of->scopes;
      caller.tier = owner_of->tier;
      done(std::move(caller));
    };
    parts.now = [this] { return now; };
    authenticator = std::make_shared<const auth::AccountAuthenticator>(std::move(parts));
  }

  void join(const api::Backend& backend) {
    made = std::make_unique<api::AccountBackend>(api::AccountBackend{
        .backend = backend, .tokens = *tokens, .hasher = hasher, .hashing = hashing, .exporting = exporting, .mailer = mails});
    made->options.public_url = "https://voice.test";
    made->limits_of_tier = [](const std::string& tier) { return tier == "free" ? auth::TierLimits{.sessions_at_once = 3} : auth::TierLimits{}; };
    made->export_to_file = [this](const std::string& user_id) -> Result<std::string> {
      const auto path = (dir.path() / (new_uuid() + ".zip")).string();
      const auto written = privacy.export_to_file(user_id, path);
      if (!written) return written.error();
      return path;
    };
    made->now = [this] { return now; };
  }

  WallTime now = std::chrono::system_clock::now();
  persistence::test::TempDir dir;
  std::shared_ptr<const auth::Tokens> tokens;
  auth::PasswordHasher hasher;
  KeptMails mails;
  NoSink sink;
  api::Blocking hashing, exporting;
  persistence::Privacy privacy;
  std::shared_ptr<const auth::AccountAuthenticator> authenticator;
  std::unique_ptr<api::AccountBackend> made;
};

}  // namespace repartee::test
