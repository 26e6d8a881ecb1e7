#include "realtime/auth/account_authenticator.hpp"

#include <sodium.h>

#include <algorithm>

#include "core/ids.hpp"

namespace repartee::auth {
namespace {

constexpr std::size_t api_key_random_bytes = 32;

// header.payload.signature, in base64url; every header begins with {" and so with "ey".
bool looks_like_jwt(std::string_view text) { return text.starts_with("ey") && std::count(text.begin(), text.end(), '.') == 2; }

}  // namespace

std::string new_api_key() { return std::string(api_key_prefix) + random_token(api_key_random_bytes); }

std::string credential_of_api_key(std::string_view api_key) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(api_key.data()), api_key.size());
  std::array<char, digest.size() * 2 + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return "hash:" + std::string(hex.data());
}

void AccountAuthenticator::identify(Loop& loop, const Headers& headers, const std::vector<std::string>& subprotocols, Done done) const {
  const auto key = credential_of(headers, subprotocols);
  if (!key) return done(parts_.configured->identify(headers, subprotocols));
  if (key->size() > credential_bytes_max) return done(Error{Errc::unauthenticated, "the key is too long to be one"});
  if (auto configured = parts_.configured->find(*key)) return done(std::move(*configured));
  if (key->starts_with(api_key_prefix)) return parts_.look_up(loop, {credential_of_api_key(*key)}, std::move(done));
  if (Tokens::looks_like(Tokens::Kind::access, *key)) return by_access_token(loop, *key, std::move(done));
  if (Tokens::looks_like(Tokens::Kind::ephemeral, *key)) return by_ephemeral_key(loop, *key, std::move(done));
  if (parts_.check_outside && looks_like_jwt(*key)) return by_outside_token(loop, *key, std::move(done));
  done(parts_.configured->identify(headers, subprotocols));  // anybody where the server is open, nobody elsewhere
}

void AccountAuthenticator::by_access_token(Loop& loop, std::string_view token, Done done) const {
  auto read = parts_.tokens->read(Tokens::Kind::access, token, parts_.now());
  if (!read) return done(read.error());
  parts_.look_up(loop, {read->caller.credential_id, read->caller.user_id}, std::move(done));
}

// It is worth what the credential is worth that it was made with, and that for a conversation only.
void AccountAuthenticator::by_ephemeral_key(Loop& loop, std::string_view token, Done done) const {
  auto read = parts_.tokens->read(Tokens::Kind::ephemeral, token, parts_.now());
  if (!read) return done(read.error());
  Caller caller = std::move(read->caller);
  caller.scopes = {std::string(scope::realtime)};
  caller.is_ephemeral = true;
  if (caller.credential_id.empty()) return done(std::move(caller));
  Credential parent{caller.credential_id, caller.user_id};
  parts_.look_up(loop, parent, [caller = std::move(caller), done = std::move(done)](const Result<Caller>& known) mutable {
    if (!known) return done(known.error());
    caller.tier = known->tier;
    caller.expires_at = known->expires_at;
    done(std::move(caller));
  });
}

void AccountAuthenticator::by_outside_token(Loop& loop, std::string_view token, Done done) const {
  parts_.check_outside(loop, std::string(token), [this, &loop, done = std::move(done)](Result<Caller> checked) mutable {
    if (!checked) return done(checked.error());
    const Credential who{checked->credential_id};
    parts_.look_up(loop, who, [expires_at = checked->expires_at, done = std::move(done)](Result<Caller> known) {
      if (known) known->expires_at = expires_at;
      done(std::move(known));
    });
  });
}

}  // namespace repartee::auth
