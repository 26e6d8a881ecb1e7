#include "realtime/auth/outside_issuers.hpp"

#include <mutex>
#include <optional>

#include "core/log.hpp"

namespace repartee::auth {
namespace {

struct Waiter {
  Loop& loop;
  Jwt jwt;
  std::function<void(Result<Caller>)> done;
};

Result<Caller> caller_of(const Jwt& jwt, const JwtKeys& keys, const JwtRules& rules, WallTime now) {
  const auto identity = verify_jwt(jwt, keys, rules, now);
  if (!identity) return identity.error();
  Caller caller;
  caller.credential_id = "external:" + identity->issuer + "|" + identity->subject;
  caller.expires_at = identity->expires_at;
  return caller;
}

const Error no_keys{Errc::unavailable, "the identity provider's keys cannot be had at the moment; try again shortly"};

}  // namespace

struct OutsideIssuers::Known {
  explicit Known(Issuer wanted) : issuer(std::move(wanted)) {}
  const Issuer issuer;
  std::mutex mutex;
  std::optional<JwtKeys> keys;
  std::optional<TimePoint> fetched_at, tried_at;
  bool fetching = false;
  std::vector<Waiter> waiting;
  StreamPtr transfer;  // touched on the loop that fetches, while `fetching`
};

Result<std::unique_ptr<OutsideIssuers>> OutsideIssuers::make(std::vector<Issuer> issuers, Fetch fetch, Options options, Metrics& metrics) {
  std::unique_ptr<OutsideIssuers> made(new OutsideIssuers(std::move(fetch), std::move(options), metrics));
  for (auto& issuer : issuers) {
    auto known = std::make_shared<Known>(std::move(issuer));
    if (known->issuer.jwks_url.empty()) {
      auto keys = JwtKeys::parse(known->issuer.jwks_json);
      if (!keys) return Error{Errc::invalid_argument, "the keys of " + known->issuer.rules.issuer + ": " + keys.error().message};
      known->keys = std::move(*keys);
    }
    made->issuers_.push_back(std::move(known));
  }
  return made;
}

OutsideIssuers::OutsideIssuers(Fetch fetch, Options options, Metrics& metrics)
    : fetch_(std::move(fetch)),
      options_(std::move(options)),
      fetches_(metrics.counter("repartee_jwks_fetches_total", "key sets of identity providers fetched")),
      failures_(metrics.counter("repartee_jwks_failures_total", "fetches of key sets that failed")) {}
OutsideIssuers::~OutsideIssuers() {
  for (const auto& known : issuers_) known->transfer.reset();  // whose callback holds `known`
}

void OutsideIssuers::check(Loop& loop, const std::string& token, std::function<void(Result<Caller>)> done) {
  auto jwt = parse_jwt(token);
  if (!jwt) return done(jwt.error());
  std::shared_ptr<Known> known;
  for (const auto& one : issuers_)
    if (one->issuer.rules.issuer == jwt->issuer) known = one;
  if (!known) return done(Error{Errc::unauthenticated, "the token is of an issuer that is not known here"});

  std::optional<JwtKeys> keys;
  bool begin = false, full = false;
  {
    std::lock_guard lock(known->mutex);
    const TimePoint now = loop.now();
    const bool elsewhere = !known->issuer.jwks_url.empty();
    const bool old = known->fetched_at && now - *known->fetched_at > options_.keys_kept_for;
    const bool wanted = elsewhere && (!known->keys || old || !known->keys->know(*jwt));
    const bool may_fetch = known->fetching || !known->tried_at || now - *known->tried_at >= options_.refetch_min;
    if (!wanted || !may_fetch) {
      keys = known->keys;  // as they are: a provider that is away for a while stops nobody
      full = !keys;
    } else if (known->waiting.size() >= options_.waiting_max) {
      full = true;
    } else {
      known->waiting.push_back({loop, std::move(*jwt), std::move(done)});
      begin = !known->fetching;
      known->fetching = true;
      if (begin) known->tried_at = now;
    }
  }
  if (full) return done(no_keys);
  if (keys) return done(caller_of(*jwt, *keys, known->issuer.rules, options_.wall_now()));
  if (begin) fetch(loop, known);
}

void OutsideIssuers::fetch(Loop& loop, const std::shared_ptr<Known>& known) {
  fetches_.add();
  known->transfer = fetch_(loop, known->issuer.jwks_url, [this, known, &loop](Result<std::string> answer) {
    const StreamPtr finished = std::move(known->transfer);  // here, on its own loop
    {
      std::lock_guard lock(known->mutex);
      if (answer) known->fetched_at = loop.now();
    }
    fetched(known, std::move(answer));
  });
}

void OutsideIssuers::fetched(const std::shared_ptr<Known>& known, Result<std::string> answer) {
  auto keys = answer ? JwtKeys::parse(*answer) : Result<JwtKeys>(answer.error());
  if (!keys) {
    failures_.add();
    log::warn("auth", "the keys of an identity provider cannot be had", {{"issuer", known->issuer.rules.issuer}, {"error", keys.error().message}});
  }
  std::vector<Waiter> told;
  std::optional<JwtKeys> now_known;
  {
    std::lock_guard lock(known->mutex);
    if (keys) known->keys = std::move(*keys);
    now_known = known->keys;
    told.swap(known->waiting);
    known->fetching = false;
  }
  for (auto& waiter : told) {
    auto result = now_known ? caller_of(waiter.jwt, *now_known, known->issuer.rules, options_.wall_now()) : Result<Caller>(no_keys);
    waiter.loop.post([done = std::move(waiter.done), result = std::move(result)] { done(result); });
  }
}

}  // namespace repartee::auth
