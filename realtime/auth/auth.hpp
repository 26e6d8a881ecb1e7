// Who is calling, and whether a web page may: API keys of the configuration, the Origin check, and the Host check against DNS
// rebinding. Keys are held and compared as SHA-256 digests; every known key is compared, in constant time.
// Users' keys and sign-ins are asked for elsewhere: authenticator.hpp.
// Thread contract: every member from any thread. replace() takes effect for what comes after it.
#pragma once
#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
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

// What a key may be made for. Each operation of the HTTP interface needs one of them.
namespace scope {
inline constexpr std::string_view realtime = "realtime";  // conversations, and ephemeral keys for them
inline constexpr std::string_view read = "read";          // looking at what is one's own
inline constexpr std::string_view write = "write";        // making, changing, removing it
inline constexpr std::string_view admin = "admin";        // the account: keys, sign-ins, password, export, removal
inline constexpr std::array all = {realtime, read, write, admin};
}  // namespace scope

struct Caller {
  std::string user_id, key_name;              // both empty: no key was given, and none was needed
  std::string credential_id{};                // what can be revoked: "key:<uuid>", "signin:<uuid>"; empty: a configured key, an outside token
  std::vector<std::string> scopes{};          // empty: all
  std::string tier{};                         // free | pro | enterprise; empty: no limits of a tier (configured keys, an open server)
  std::optional<WallTime> expires_at{};       // of the credential, not of the token that was shown: until when a call may last
  std::string session_json{};                 // the session wishes bound to an ephemeral key: a JSON object; empty: none
  bool is_ephemeral = false;                  // came with an ephemeral key (ek_...), which only begins conversations
};
bool allows(const Caller& caller, std::string_view scope);

// What was given: of `Authorization: Bearer KEY`, or of the subprotocol `openai-insecure-api-key.KEY`. nullopt: nothing was. An empty
// text: something that cannot be a key.
std::optional<std::string_view> credential_of(const Headers& headers, const std::vector<std::string>& subprotocols);
constexpr std::size_t credential_bytes_max = 12 * 1024;  // of one that is looked at

class Auth {
 public:
  static Result<Auth> create(const Options& options);  // invalid_argument: a digest that is not one, a key given twice or not at all

  // By the configured keys alone. A wrong key is refused even where none is needed, but where there are none at all.
  Result<Caller> identify(const Headers& headers, const std::vector<std::string>& subprotocols = {}) const;
  std::optional<Caller> find(std::string_view key) const;        // of a configured one
  bool is_open() const;                                          // stock clients insist on sending some key: any will do
  bool required() const;
  // Host and Origin, before anything else is looked at: permission_denied.
  Status check_source(const Headers& headers) const;
  bool is_allowed_origin(const Headers& headers) const;
  void replace(const Auth& newer);                               // the configuration was read again

 private:
  using Digest = std::array<unsigned char, 32>;
  struct KnownKey {
    Digest digest;
    Caller caller;
  };

  struct Rules {
    bool is_allowed_host(std::string_view host_header) const;
    bool is_allowed_origin(const Headers& headers) const;

    std::vector<KnownKey> keys;
    bool required = false;
    bool is_loopback = true;
    bool any_origin = false;
    std::vector<std::string> allowed_origins, allowed_hosts;  // lower case
  };
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<const Rules> rules;
  };

  explicit Auth(Rules rules);
  std::shared_ptr<const Rules> rules() const;

  std::shared_ptr<Slot> slot_;
};

// What a WebSocket's handshake answers: "realtime" when it was offered, else nothing. The key's subprotocol is never echoed, and
// `openai-agents-sdk.*` is accepted and ignored.
std::string choose_subprotocol(const std::vector<std::string>& offered);

}  // namespace repartee::auth
