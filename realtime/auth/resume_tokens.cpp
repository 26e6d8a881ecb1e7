#include "realtime/auth/resume_tokens.hpp"

#include <sodium.h>

namespace repartee::auth {
namespace {
constexpr std::string_view purpose = "repartee resume token";
constexpr int url_safe = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}  // namespace

ResumeTokens::ResumeTokens(std::span<const unsigned char, secret_bytes> secret) {
  static_assert(crypto_auth_KEYBYTES == 32);
  crypto_generichash(key_.data(), key_.size(), reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(), secret.data(), secret.size());
}

std::string ResumeTokens::make(std::string_view session_id, std::string_view user_id) const {
  std::string text(session_id);
  text += '\n';   // in no id
  text += user_id;
  std::array<unsigned char, crypto_auth_BYTES> digest;
  crypto_auth(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), key_.data());
  std::string token(sodium_base64_ENCODED_LEN(digest.size(), url_safe), '\0');
  sodium_bin2base64(token.data(), token.size(), digest.data(), digest.size(), url_safe);
  token.pop_back();   // the terminating zero
  return token;
}

bool ResumeTokens::is_right(std::string_view session_id, std::string_view user_id, std::string_view token) const {
  const std::string right = make(session_id, user_id);
  return token.size() == right.size() && sodium_memcmp(token.data(), right.data(), right.size()) == 0;
}

}  // namespace repartee::auth
