// The tokens that this server makes itself and can read without asking anybody: access tokens of sign-ins, ephemeral keys of client_secrets
// (ek_...), and those that are mailed. Format: prefix, then base64url (no padding) of nonce (24 bytes) and XChaCha20-Poly1305 (libsodium)
// of a small JSON object. Each kind has a key of its own, derived from the server's secret, so that none passes for another. The expiry
// is inside. Nodes that share the secret read each other's. Whether the credential behind a token was revoked, is not known here.
// Thread contract: immutable after construction; every member from any thread.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "realtime/auth/auth.hpp"

namespace repartee::auth {

constexpr std::size_t secret_bytes = 32;
using ServerSecret = std::array<unsigned char, secret_bytes>;

// 64 hexadecimal digits in a file that only its owner may read. `make`: written when it is not there.
Result<ServerSecret> load_secret(const std::string& file, bool make);

class Tokens {
 public:
  enum class Kind {
    access,          // "at_": a sign-in, for some minutes
    ephemeral,       // "ek_": one conversation's start, from a browser; carries session_json
    refresh,         // "rt_": renews a sign-in, once; its SHA-256 stands in auth_sessions
    verification,    // "vt_": mailed, says that the address is the user's
    password_reset,  // "pt_": mailed, lets the password be set anew
  };
  static constexpr std::size_t session_bytes_max = 7 * 1024;  // of session_json: the token travels in a header

  explicit Tokens(const ServerSecret& secret);

  struct Content {
    Caller caller;           // as it was given to make()
    WallTime valid_until{};  // of the token: after it, read() refuses
    std::string bound_to{};  // what else must still be so, for the reader to compare: an address, a password's fingerprint
  };
  // invalid_argument: session_json is too large. Whole seconds of the times are kept.
  Result<std::string> make(Kind kind, const Content& content) const;
  Result<Content> read(Kind kind, std::string_view token, WallTime now) const;  // unauthenticated: not one of ours, changed, expired

  static bool looks_like(Kind kind, std::string_view token);

 private:
  using Key = std::array<unsigned char, 32>;
  const Key& key_of(Kind kind) const { return keys_[static_cast<std::size_t>(kind)]; }
  std::array<Key, 5> keys_;
};

}  // namespace repartee::auth
