// The token with which a client takes its session up again: a keyed digest of the session's id and its user, so that nothing need be stored,
// and any node with the same secret can check it, after a crash too.
// Source: HMAC-SHA512-256 (RFC 4231; libsodium's crypto_auth) under a key of its own, derived from the server's secret by BLAKE2b.
// Thread contract: immutable after construction; every member from any thread.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace repartee::auth {

class ResumeTokens {
 public:
  static constexpr std::size_t secret_bytes = 32;
  explicit ResumeTokens(std::span<const unsigned char, secret_bytes> secret);

  std::string make(std::string_view session_id, std::string_view user_id) const;   // base64url, 43 characters
  bool is_right(std::string_view session_id, std::string_view user_id, std::string_view token) const;   // in constant time

 private:
  std::array<unsigned char, 32> key_;
};

}  // namespace repartee::auth
