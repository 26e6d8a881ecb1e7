// Who is calling, and whether a web page may: API keys of the configuration, the Origin check, and the Host check against DNS
// rebinding. Keys are held and compared as SHA-256 digests; every known key is compared, in constant time.
// Thread contract: immutable after construction; every member from any thread.
#pragma once
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::auth {

using Headers = std::map<std::string, std::string>;  // lower-case names, as transport::Request has them

struct ApiKey {
  std::string name;          // what logs and audit lines call it
  std::string key{};         // the key itself, or empty and
  std::string key_sha256{};  // its SHA-256 in hexadecimal, so that a file holds no secret
  std::string user_id{};     // whom it stands for; empty: nobody in particular
};

struct Options {
  std::vector<ApiKey> keys{};
  bool required = false;                       // a caller without a key is refused
  std::vector<std::string> allowed_origins{};  // "https://example.org", besides the server's own pages; "*": any
  bool is_loopback = true;                     // listening on loopback only: a Host that is not local is a rebound name
  std::vector<std::string> allowed_hosts{};    // host names (no port) that are right nevertheless, for a proxy in front
};

struct Caller {
  std::string user_id, key_name;  // both empty: no key was given, and none was needed
};

class Auth {
 public:
  static Result<Auth> create(const Options& options);  // invalid_argument: a digest that is not one, a key given twice or not at all

  // The key comes in `Authorization: Bearer KEY`, or in a subprotocol `openai-insecure-api-key.KEY`. A wrong key is refused even where
  // none is needed.
  Result<Caller> identify(const Headers& headers, const std::vector<std::string>& subprotocols = {}) const;
  // Host and Origin, before anything else is looked at: permission_denied.
  Status check_source(const Headers& headers) const;
  bool is_allowed_origin(const Headers& headers) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct KnownKey {
    Digest digest;
    Caller caller;
  };

  Auth() = default;
  bool is_allowed_host(std::string_view host_header) const;

  std::vector<KnownKey> keys_;
  bool required_ = false;
  bool is_loopback_ = true;
  bool any_origin_ = false;
  std::vector<std::string> allowed_origins_, allowed_hosts_;  // lower case
};

// What a WebSocket's handshake answers: "realtime" when it was offered, else nothing. The key's subprotocol is never echoed, and
// `openai-agents-sdk.*` is accepted and ignored.
std::string choose_subprotocol(const std::vector<std::string>& offered);

}  // namespace repartee::auth
