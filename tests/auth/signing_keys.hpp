// Keys made at test time, the JSON Web Keys of them, and tokens signed with them.
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace repartee::test {

using Json = nlohmann::json;

inline std::string base64url(const std::string& bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.pop_back();
  return text;
}

class SigningKey {
 public:
  static SigningKey rsa(const std::string& id, unsigned bits = 2048) { return {id, "RS256", EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits))}; }
  static SigningKey ec(const std::string& id, const char* curve = "P-256") { return {id, "ES256", EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)}; }

  Json jwk() const {
    if (algorithm_ == "RS256") return {{"kty", "RSA"}, {"kid", id_}, {"use", "sig"}, {"alg", "RS256"}, {"n", number("n")}, {"e", number("e")}};
    return {{"kty", "EC"}, {"kid", id_}, {"crv", "P-256"}, {"x", number("qx", 32)}, {"y", number("qy", 32)}};
  }
  std::string sign(const Json& claims) const { return sign(claims, {{"alg", algorithm_}, {"kid", id_}, {"typ", "JWT"}}); }
  std::string sign(const Json& claims, const Json& header) const {
    const std::string text = base64url(header.dump()) + "." + base64url(claims.dump());
    return text + "." + base64url(signature(text));
  }
  std::string signature(const std::string& text) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) != 1)
      throw std::runtime_error("no signature");
    std::string signed_text(size, '\0');
    auto* out = reinterpret_cast<unsigned char*>(signed_text.data());
    if (EVP_DigestSign(digest.get(), out, &size, bytes, text.size()) != 1) throw std::runtime_error("no signature");
    signed_text.resize(size);
    return algorithm_ == "RS256" ? signed_text : raw(signed_text);
  }

 private:
  SigningKey(std::string id, std::string algorithm, EVP_PKEY* key) : id_(std::move(id)), algorithm_(std::move(algorithm)), key_(key, EVP_PKEY_free) {
    if (!key) throw std::runtime_error("no key");
  }
  std::string number(const char* name, int bytes = 0) const {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key_.get(), name, &value) != 1) throw std::runtime_error(name);
    std::string text(static_cast<std::size_t>(bytes > 0 ? bytes : BN_num_bytes(value)), '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size()));
    BN_free(value);
    return base64url(text);
  }
  static std::string raw(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), ECDSA_SIG_free);
    std::string text(64, '\0');
    auto* out = reinterpret_cast<unsigned char*>(text.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), out, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), out + 32, 32);
    return text;
  }

  std::string id_, algorithm_;
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace repartee::test
