// Who is calling, by whatever was shown: a configured key, a user's API key (rk_...), an access token (at_...), an ephemeral key (ek_...), a
// token of an outside identity provider (a JWT, where issuers are configured). In that order, and by its form alone: what looks like a
// token of ours and is none is refused, also on an open server.
// Thread contract: as Authenticator says; immutable after construction.
#pragma once
#include "realtime/auth/authenticator.hpp"
#include "realtime/auth/credential_cache.hpp"
#include "realtime/auth/tokens.hpp"

namespace repartee::auth {

inline constexpr std::string_view api_key_prefix = "rk_";
std::string new_api_key();                                     // "rk_" and 32 random bytes
std::string credential_of_api_key(std::string_view api_key);  // "hash:<64 hexadecimal digits>"

class AccountAuthenticator final : public Authenticator {
 public:
  using LookUp = std::function<void(Loop&, const Credential&, std::function<void(Result<Caller>)> done)>;
  // Checks a JWT; the answer is its user as "external:<issuer|subject>" in credential_id, and when it expires.
  using CheckOutside = std::function<void(Loop&, std::string token, std::function<void(Result<Caller>)> done)>;
  struct Parts {
    std::shared_ptr<const Auth> configured;
    std::shared_ptr<const Tokens> tokens;
    LookUp look_up;
    CheckOutside check_outside;  // empty: no issuers
    std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };
  };
  explicit AccountAuthenticator(Parts parts) : parts_(std::move(parts)) {}

  void identify(Loop& loop, const Headers& headers, const std::vector<std::string>& subprotocols,
                std::function<void(Result<Caller>)> done) const override;

 private:
  using Done = std::function<void(Result<Caller>)>;
  void by_access_token(Loop& loop, std::string_view token, Done done) const;
  void by_ephemeral_key(Loop& loop, std::string_view token, Done done) const;
  void by_outside_token(Loop& loop, std::string_view token, Done done) const;

  const Parts parts_;
};

}  // namespace repartee::auth
