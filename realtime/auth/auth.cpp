#include "realtime/auth/auth.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "core/text.hpp"

namespace repartee::auth {
namespace {

constexpr std::string_view key_subprotocol = "openai-insecure-api-key.";
constexpr std::string_view session_subprotocol = "realtime";

std::string_view header(const Headers& headers, const char* name) {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string_view() : std::string_view(it->second);
}

// "[::1]:8080" -> "[::1]"; "example.org:80" -> "example.org"
std::string_view host_without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return host.substr(0, colon);
}

// The part of an origin that a Host header names; browsers leave the scheme's own port out of both.
std::string_view authority_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

}  // namespace

bool allows(const Caller& caller, std::string_view scope) {
  return caller.scopes.empty() || std::find(caller.scopes.begin(), caller.scopes.end(), scope) != caller.scopes.end();
}

std::optional<std::string_view> credential_of(const Headers& headers, const std::vector<std::string>& subprotocols) {
  if (const auto authorization = trim(header(headers, "authorization")); !authorization.empty()) {
    const auto space = authorization.find(' ');
    if (to_lower(authorization.substr(0, space)) != "bearer" || space == std::string_view::npos) return std::string_view();
    return trim(authorization.substr(space));
  }
  for (const auto& name : subprotocols) {
    if (name.starts_with(key_subprotocol)) return std::string_view(name).substr(key_subprotocol.size());
  }
  return std::nullopt;
}

Result<Auth> Auth::create(const Options& options) {
  if (sodium_init() < 0) return Error{Errc::internal, "libsodium does not start"};
  Rules rules;
  for (const ApiKey& key : options.keys) {
    KnownKey known{{}, {key.user_id, key.name}};
    if (key.key.empty() == key.key_sha256.empty()) {
      return Error{Errc::invalid_argument, "API key \"" + key.name + "\" needs either the key or its SHA-256"};
    }
    if (!key.key.empty()) {
      crypto_hash_sha256(known.digest.data(), reinterpret_cast<const unsigned char*>(key.key.data()), key.key.size());
    } else {
      std::size_t size = 0;
      const int failed =
          sodium_hex2bin(known.digest.data(), known.digest.size(), key.key_sha256.data(), key.key_sha256.size(), nullptr, &size, nullptr);
      if (failed != 0 || size != known.digest.size()) {
        return Error{Errc::invalid_argument, "the SHA-256 of API key \"" + key.name + "\" is not 64 hexadecimal digits"};
      }
    }
    const bool is_twice =
        std::any_of(rules.keys.begin(), rules.keys.end(), [&](const KnownKey& other) { return other.digest == known.digest; });
    if (is_twice) return Error{Errc::invalid_argument, "API key \"" + key.name + "\" is there twice"};
    rules.keys.push_back(std::move(known));
  }
  rules.required = options.required;
  rules.is_loopback = options.is_loopback;
  for (const auto& origin : options.allowed_origins) {
    if (origin == "*") rules.any_origin = true;
    else rules.allowed_origins.push_back(to_lower(origin.ends_with('/') ? origin.substr(0, origin.size() - 1) : origin));
  }
  for (const auto& host : options.allowed_hosts) rules.allowed_hosts.push_back(to_lower(host));
  return Auth(std::move(rules));
}

Auth::Auth(Rules rules) : slot_(std::make_shared<Slot>()) { slot_->rules = std::make_shared<const Rules>(std::move(rules)); }

std::shared_ptr<const Auth::Rules> Auth::rules() const {
  std::lock_guard lock(slot_->mutex);
  return slot_->rules;
}

void Auth::replace(const Auth& newer) {
  auto rules = newer.rules();
  std::lock_guard lock(slot_->mutex);
  slot_->rules = std::move(rules);
}

bool Auth::is_open() const {
  const auto now = rules();
  return now->keys.empty() && !now->required;
}

bool Auth::required() const { return rules()->required; }

std::optional<Caller> Auth::find(std::string_view key) const {
  Digest digest{};
  if (key.size() <= credential_bytes_max) crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(key.data()), key.size());
  const auto now = rules();
  const KnownKey* found = nullptr;
  for (const auto& known : now->keys) {  // to the end, so that the time says nothing
    if (sodium_memcmp(known.digest.data(), digest.data(), digest.size()) == 0) found = &known;
  }
  return found ? std::optional(found->caller) : std::nullopt;
}

Result<Caller> Auth::identify(const Headers& headers, const std::vector<std::string>& subprotocols) const {
  const auto key = credential_of(headers, subprotocols);
  if (!key) {
    if (required()) return Error{Errc::unauthenticated, "a key is needed: Authorization: Bearer KEY"};
    return Caller{};
  }
  if (auto found = find(*key)) return std::move(*found);
  if (is_open()) return Caller{};
  return Error{Errc::unauthenticated, "the API key is not valid"};
}

bool Auth::Rules::is_allowed_host(std::string_view host_header) const {
  const std::string host = to_lower(host_without_port(host_header));
  if (host == "localhost" || host == "127.0.0.1" || host == "[::1]") return true;
  return std::find(allowed_hosts.begin(), allowed_hosts.end(), host) != allowed_hosts.end();
}

bool Auth::Rules::is_allowed_origin(const Headers& headers) const {
  const std::string origin = to_lower(header(headers, "origin"));
  if (origin.empty() || any_origin) return true;
  if (std::find(allowed_origins.begin(), allowed_origins.end(), origin) != allowed_origins.end()) return true;
  const auto authority = authority_of(origin);
  return !authority.empty() && authority == to_lower(header(headers, "host"));
}

bool Auth::is_allowed_origin(const Headers& headers) const { return rules()->is_allowed_origin(headers); }

Status Auth::check_source(const Headers& headers) const {
  const auto now = rules();
  if (now->is_loopback && !now->is_allowed_host(header(headers, "host"))) {
    return Error{Errc::permission_denied, "this server is reached as localhost; another Host is refused"};
  }
  if (!now->is_allowed_origin(headers)) return Error{Errc::permission_denied, "pages of this origin may not use the server"};
  return {};
}

std::string choose_subprotocol(const std::vector<std::string>& offered) {
  const bool is_offered = std::find(offered.begin(), offered.end(), session_subprotocol) != offered.end();
  return is_offered ? std::string(session_subprotocol) : std::string();
}

}  // namespace repartee::auth
