// JSON Web Tokens of outside identity providers: RFC 7519 (claims), RFC 7515 (compact form), RFC 7517 and 7518 (keys). Signatures RS256 and
// ES256 only, checked with OpenSSL against the issuer's public keys. The algorithm must be the key's: "none", HS256 and whatever else a
// token says of itself is refused before any key is looked at.
// Thread contract: pure functions; JwtKeys is immutable and may be shared by threads.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace repartee::auth {

constexpr std::size_t jwt_bytes_max = 8 * 1024;
constexpr std::size_t jwt_subject_bytes_max = 255;      // OpenID Connect Core 1.0, section 2
constexpr std::size_t jwks_bytes_max = 256 * 1024, jwks_keys_max = 64;

// A token that was taken apart; nothing of it is proven yet.
struct Jwt {
  std::string algorithm;  // RS256 | ES256
  std::string key_id;     // may be empty
  std::string issuer;
  std::string claims_json;
  std::string signed_part, signature;
};
Result<Jwt> parse_jwt(std::string_view token);  // unauthenticated

class JwtKeys {
 public:
  // A JSON Web Key Set. Keys of other kinds and uses are passed over; data_corrupt: no set, or no usable key in it.
  static Result<JwtKeys> parse(std::string_view json);
  // Whether there is a key that the token may have been signed with. A token without a key id fits a set with one key of its kind only.
  bool know(const Jwt& jwt) const;
  bool verify(const Jwt& jwt) const;

 private:
  struct Key;
  const Key* find(const Jwt& jwt) const;
  std::vector<std::shared_ptr<const Key>> keys_;
};

struct JwtRules {
  std::string issuer, audience;
  std::chrono::seconds leeway{60};  // for clocks that differ, of exp and nbf
};
struct OutsideIdentity {
  std::string issuer, subject;
  WallTime expires_at{};
};
// unauthenticated, with what is wrong.
Result<OutsideIdentity> verify_jwt(const Jwt& jwt, const JwtKeys& keys, const JwtRules& rules, WallTime now);

}  // namespace repartee::auth
