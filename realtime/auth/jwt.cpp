#include "realtime/auth/jwt.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <nlohmann/json.hpp>
#include <optional>

namespace repartee::auth {
namespace {

using Json = nlohmann::json;

constexpr int rsa_bits_min = 2048, rsa_bits_max = 8192;
constexpr std::size_t es256_half_bytes = 32;
constexpr double seconds_max = 1e11;  // of exp and nbf: the year 5138

Error refused(const std::string& why) { return {Errc::unauthenticated, "the token is not accepted: " + why}; }

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* it) const {
    Free(it);
  }
};
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::optional<std::string> from_base64url(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::optional<Json> object_of(const std::string& text) {
  auto json = Json::parse(text, nullptr, false);
  return json.is_object() ? std::optional(std::move(json)) : std::nullopt;
}

// A text member; empty when it is not there or no text.
std::string text_of(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::optional<std::string> bytes_of(const Json& json, const char* name) { return from_base64url(text_of(json, name)); }

Pkey key_from(const char* kind, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return Pkey(key);
}

Pkey rsa_key(const Json& jwk) {
  const auto modulus = bytes_of(jwk, "n"), exponent = bytes_of(jwk, "e");
  if (!modulus || !exponent || modulus->size() > rsa_bits_max / 8 + 1) return nullptr;
  const Number n(BN_bin2bn(bytes_of(*modulus), static_cast<int>(modulus->size()), nullptr));
  const Number e(BN_bin2bn(bytes_of(*exponent), static_cast<int>(exponent->size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || BN_num_bits(n.get()) < rsa_bits_min || !BN_is_odd(e.get()) || BN_num_bits(e.get()) < 2) return nullptr;
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return key_from("RSA", builder.get());
}

// OpenSSL refuses a point that is not on the curve.
Pkey p256_key(const Json& jwk) {
  const auto x = bytes_of(jwk, "x"), y = bytes_of(jwk, "y");
  if (text_of(jwk, "crv") != "P-256" || !x || !y || x->size() != es256_half_bytes || y->size() != es256_half_bytes) return nullptr;
  const std::string point = "\x04" + *x + *y;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  return key_from("EC", builder.get());
}

// r and s, 32 bytes each (RFC 7518, section 3.4), as OpenSSL wants them.
std::optional<std::string> der_of(const std::string& raw) {
  if (raw.size() != 2 * es256_half_bytes) return std::nullopt;
  EcSignature signature(ECDSA_SIG_new());
  Number r(BN_bin2bn(bytes_of(raw), es256_half_bytes, nullptr));
  Number s(BN_bin2bn(bytes_of(raw) + es256_half_bytes, es256_half_bytes, nullptr));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return std::nullopt;
  static_cast<void>(r.release());
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

bool is_signed_by(EVP_PKEY* key, const std::string& text, const std::string& signature) {
  const Digest digest(EVP_MD_CTX_new());
  const bool right = digest && EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
                     EVP_DigestVerify(digest.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
  ERR_clear_error();  // the thread's, which TLS looks at too
  return right;
}

bool is_for(const Json& claims, const std::string& audience) {
  const auto at = claims.find("aud");
  if (at == claims.end()) return false;
  if (at->is_string()) return *at == audience;
  return at->is_array() && std::any_of(at->begin(), at->end(), [&](const Json& one) { return one == audience; });
}

std::optional<WallTime> time_of(const Json& claims, const char* name) {
  const auto at = claims.find(name);
  if (at == claims.end() || !at->is_number()) return std::nullopt;
  const double seconds = at->get<double>();
  if (!(seconds >= 0 && seconds < seconds_max)) return std::nullopt;
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

}  // namespace

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() > jwt_bytes_max) return refused("it is too long");
  const auto first = token.find('.'), second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos || token.find('.', second + 1) != token.npos) return refused("it is no JSON Web Token");
  const auto header_text = from_base64url(token.substr(0, first)), claims_text = from_base64url(token.substr(first + 1, second - first - 1));
  auto signature = from_base64url(token.substr(second + 1));
  if (!header_text || !claims_text || !signature) return refused("it is no JSON Web Token");
  const auto header = object_of(*header_text), claims = object_of(*claims_text);
  if (!header || !claims) return refused("it is no JSON Web Token");
  if (header->contains("crit")) return refused("it wants extensions that are not known here");
  Jwt jwt{text_of(*header, "alg"), text_of(*header, "kid"), text_of(*claims, "iss"), *claims_text, std::string(token.substr(0, second)), std::move(*signature)};
  if (jwt.algorithm != "RS256" && jwt.algorithm != "ES256") return refused("it must be signed with RS256 or ES256");
  return jwt;
}

struct JwtKeys::Key {
  std::string id, algorithm;
  Pkey key;
};

Result<JwtKeys> JwtKeys::parse(std::string_view json) {
  const Error corrupt{Errc::data_corrupt, "this is no JSON Web Key Set with an RSA or P-256 key for signatures"};
  if (json.size() > jwks_bytes_max) return corrupt;
  const auto set = Json::parse(json, nullptr, false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array() || set["keys"].size() > jwks_keys_max) return corrupt;
  JwtKeys keys;
  for (const auto& jwk : set["keys"]) {
    if (!jwk.is_object() || (jwk.contains("use") && jwk["use"] != "sig")) continue;
    const bool rsa = text_of(jwk, "kty") == "RSA", ec = text_of(jwk, "kty") == "EC";
    const std::string algorithm = rsa ? "RS256" : "ES256";
    if ((!rsa && !ec) || (jwk.contains("alg") && jwk["alg"] != algorithm)) continue;
    if (auto key = rsa ? rsa_key(jwk) : p256_key(jwk)) keys.keys_.push_back(std::make_shared<const Key>(Key{text_of(jwk, "kid"), algorithm, std::move(key)}));
  }
  ERR_clear_error();
  if (keys.keys_.empty()) return corrupt;
  return keys;
}

const JwtKeys::Key* JwtKeys::find(const Jwt& jwt) const {
  const Key* found = nullptr;
  for (const auto& key : keys_) {
    if (key->algorithm != jwt.algorithm || (!jwt.key_id.empty() && key->id != jwt.key_id)) continue;
    if (found) return nullptr;  // which of them?
    found = key.get();
  }
  return found;
}

bool JwtKeys::know(const Jwt& jwt) const { return find(jwt) != nullptr; }

bool JwtKeys::verify(const Jwt& jwt) const {
  const Key* key = find(jwt);
  if (!key) return false;
  if (jwt.algorithm == "RS256") return is_signed_by(key->key.get(), jwt.signed_part, jwt.signature);
  const auto der = der_of(jwt.signature);
  return der && is_signed_by(key->key.get(), jwt.signed_part, *der);
}

Result<OutsideIdentity> verify_jwt(const Jwt& jwt, const JwtKeys& keys, const JwtRules& rules, WallTime now) {
  if (!keys.verify(jwt)) return refused("its signature is not the issuer's");
  const auto claims = object_of(jwt.claims_json);
  if (!claims || jwt.issuer != rules.issuer) return refused("it is of another issuer");
  if (!is_for(*claims, rules.audience)) return refused("it is meant for somebody else");
  const auto expires_at = time_of(*claims, "exp");
  if (!expires_at) return refused("it says no time of expiry");
  if (*expires_at + rules.leeway <= now) return refused("it has expired");
  if (claims->contains("nbf")) {
    const auto not_before = time_of(*claims, "nbf");
    if (!not_before || now + rules.leeway < *not_before) return refused("it is not valid yet");
  }
  const auto subject = text_of(*claims, "sub");
  if (subject.empty() || subject.size() > jwt_subject_bytes_max || subject.find('\0') != subject.npos) return refused("it does not say whose it is");
  return OutsideIdentity{jwt.issuer, subject, *expires_at};
}

}  // namespace repartee::auth
