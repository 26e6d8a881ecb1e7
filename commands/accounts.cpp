#include "commands/accounts.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "config/load.hpp"
#include "core/ids.hpp"
#include "core/log.hpp"
#include "persistence/roles.hpp"

namespace repartee::commands {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t mebibyte = 1024 * 1024;
constexpr std::string_view hash_kind = "hash:", outside_kind = "external:";
constexpr Duration export_patience = std::chrono::minutes(10);  // in the queue; archives are made one after another

std::vector<auth::OutsideIssuers::Issuer> issuers_of(const config::Auth& settings, Status& status) {
  std::vector<auth::OutsideIssuers::Issuer> issuers;
  for (const auto& one : settings.issuers) {
    std::string keys;
    if (!one.jwks_file.empty()) {
      std::ifstream file(one.jwks_file);
      keys.assign(std::istreambuf_iterator<char>(file), {});
      if (!file) status = Error{Errc::invalid_argument, "the key set " + one.jwks_file + " cannot be read"};
    }
    issuers.push_back({.rules = {.issuer = one.issuer, .audience = one.audience}, .jwks_url = one.jwks_url, .jwks_json = std::move(keys)});
  }
  return issuers;
}

auth::OutsideIssuers::Fetch fetch_with(pipeline::HttpClient& http) {
  return [&http](Loop& loop, const std::string& url, std::function<void(Result<std::string>)> done) {
    pipeline::HttpRequest request;
    request.url = url;
    request.headers = {{"Accept", "application/json"}};
    request.connect_timeout = std::chrono::seconds(5);
    request.idle_timeout = request.total_timeout = std::chrono::seconds(10);
    request.body_bytes_max = auth::jwks_bytes_max;
    return http.fetch_whole(loop, std::move(request), [done = std::move(done)](Result<pipeline::HttpResponse> answer) {
      if (!answer) return done(answer.error());
      if (answer->head.status != 200) return done(Error{Errc::unavailable, "it answered " + std::to_string(answer->head.status)});
      done(std::move(answer->body));
    });
  };
}

}  // namespace

std::map<std::string, auth::TierLimits> tier_limits(const config::Settings& settings) {
  std::map<std::string, auth::TierLimits> tiers;
  for (const auto& [name, tier] : settings.tiers)
    tiers[name] = {.sessions_at_once = tier.sessions_at_once,
                   .session_max = std::chrono::minutes(tier.session_minutes),
                   .turns_a_month = tier.turns_a_month,
                   .upload_bytes_max = tier.upload_megabytes * mebibyte,
                   .storage_bytes_max = tier.storage_megabytes * mebibyte,
                   .requests_a_minute = tier.requests_a_minute};
  return tiers;
}

api::AccountOptions account_options(const config::Settings& settings) {
  api::AccountOptions options;
  options.registration_open = settings.auth.registration == "open";
  options.verification_required = settings.auth.verification == "required";
  const auto listen = config::parse_listen(settings.server.listen);
  options.anybody_operates = listen && listen->loopback;
  options.public_url = settings.auth.public_url;
  options.access_for = settings.auth.access_minutes;
  options.refresh_for = std::chrono::hours(24) * settings.auth.refresh_days;
  return options;
}

std::unique_ptr<api::Mailer> make_mailer(const config::Mail& mail, Metrics& metrics) {
  using Security = api::SmtpMailer::Security;
  if (mail.server.empty()) return std::make_unique<api::LogMailer>();
  api::SmtpMailer::Options options;
  options.server = mail.server;
  options.security = mail.security == "tls" ? Security::tls : mail.security == "none" ? Security::none : Security::starttls;
  options.username = mail.username;
  options.password = mail.password.reveal();
  options.from = mail.from;
  options.ca_file = mail.ca_file;
  options.timeout = mail.timeout;
  return std::make_unique<api::SmtpMailer>(std::move(options), metrics);
}

Result<auth::ServerSecret> server_secret(const config::Settings& settings) {
  if (settings.auth.secret_file_is_ours) {
    std::error_code failed;
    fs::create_directories(settings.server.data_dir, failed);
  }
  return auth::load_secret(settings.auth.secret_file, settings.auth.secret_file_is_ours);
}

Result<std::unique_ptr<AccountParts>> AccountParts::make(const Uses& uses) {
  const auto secret = server_secret(uses.settings);
  if (!secret) return secret.error();
  auto hasher = auth::PasswordHasher::create();
  if (!hasher) return hasher.error();
  std::unique_ptr<AccountParts> parts(new AccountParts(uses, *secret, std::move(*hasher)));
  if (auto opened = parts->open_issuers(); !opened) return opened.error();
  return parts;
}

AccountParts::AccountParts(const Uses& uses, auth::ServerSecret secret, auth::PasswordHasher hasher)
    : uses_(uses),
      tokens_(std::make_shared<const auth::Tokens>(secret)),
      hasher_(std::move(hasher)),
      mailer_(make_mailer(uses.settings.mail, uses.metrics)),
      allowances_(uses.store.app(), {.tiers = tier_limits(uses.settings)}),
      cache_([this](const auth::Credential& credential) { return find(credential); }, {}, uses.metrics),
      hashing_({.workers = 2, .queue_jobs_max = 64, .wait_max = std::chrono::seconds(5)}, uses.metrics),
      exporting_({.workers = 1, .queue_jobs_max = 8, .wait_max = export_patience}, uses.metrics) {}

Status AccountParts::open_issuers() {
  auth::AccountAuthenticator::Parts parts;
  parts.configured = uses_.configured;
  parts.tokens = tokens_;
  parts.look_up = [this](Loop& loop, const auth::Credential& credential, std::function<void(Result<auth::Caller>)> done) {
    cache_.find(loop, credential, std::move(done));
  };
  if (!uses_.settings.auth.issuers.empty()) {
    Status read;
    auto issuers = issuers_of(uses_.settings.auth, read);
    if (!read) return read;
    http_ = std::make_unique<pipeline::HttpClient>();
    auto made = auth::OutsideIssuers::make(std::move(issuers), fetch_with(*http_), {}, uses_.metrics);
    if (!made) return made.error();
    issuers_ = std::move(*made);
    parts.check_outside = [this](Loop& loop, const std::string& token, std::function<void(Result<auth::Caller>)> done) {
      issuers_->check(loop, token, std::move(done));
    };
  }
  authenticator_ = std::make_shared<const auth::AccountAuthenticator>(std::move(parts));
  return {};
}

void AccountParts::start() {
  persistence::NotificationListener::Options options;
  options.channels = {auth::Revocations::channel};
  listener_ = std::make_unique<persistence::NotificationListener>(
      uses_.store.targets().app, options,
      persistence::NotificationListener::Callbacks{
          .on_notification =
              [this](std::string_view, std::string_view payload) {
                cache_.forget(std::string(payload));
                revocations_.revoked(std::string(payload), SteadyClock::now());
              },
          .on_listening =
              [this](bool again) {
                cache_.forget_all();
                if (again) cache_.run([this] { look_again(); });
              }},
      uses_.metrics);
}

Result<auth::Caller> AccountParts::find(const auth::Credential& credential) {
  persistence::Accounts accounts(uses_.store.app());
  const auto owner = credential.name.starts_with(hash_kind)      ? accounts.of_api_key(credential.name.substr(hash_kind.size()))
                     : credential.name.starts_with(outside_kind) ? accounts.of_external(credential.name.substr(outside_kind.size()))
                                                                 : accounts.of_credential(credential.name, credential.user_id);
  if (!owner) return owner.error();
  auth::Caller caller{.user_id = owner->user_id, .key_name = owner->name};
  caller.credential_id = owner->credential_id;
  caller.scopes = owner->scopes;
  if (owner->user_id != uses_.anonymous_user_id) caller.tier = owner->tier;  // whoever is at the machine has no tier
  caller.expires_at = owner->expires_at;
  return caller;
}

void AccountParts::look_again() {
  persistence::Accounts accounts(uses_.store.app());
  for (const auto& [credential, user_id] : revocations_.watched()) {
    const auto good = accounts.of_credential(credential, user_id);
    if (!good && good.error().code == Errc::unauthenticated) revocations_.revoked(credential, SteadyClock::now());
  }
}

std::unique_ptr<api::AccountBackend> AccountParts::backend(const api::Backend& backend) {
  auto made = std::make_unique<api::AccountBackend>(api::AccountBackend{
      .backend = backend, .tokens = *tokens_, .hasher = hasher_, .hashing = hashing_, .exporting = exporting_, .mailer = *mailer_});
  made->options = account_options(uses_.settings);
  made->limits_of_tier = [this](const std::string& tier) { return allowances_.limits_of_tier(tier); };
  made->export_to_file = [this](const std::string& user_id) -> Result<std::string> {
    const fs::path folder = fs::path(uses_.settings.server.data_dir) / "exports";
    std::error_code failed;
    fs::create_directories(folder, failed);
    fs::permissions(folder, fs::perms::owner_all, failed);
    const auto path = (folder / (new_uuid() + ".zip")).string();
    const auto written = uses_.privacy.export_to_file(user_id, path);
    if (!written) return written.error();
    return path;
  };
  return made;
}

}  // namespace repartee::commands
