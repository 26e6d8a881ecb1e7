// Passwords: which are taken (NIST SP 800-63B, section 5.1.1.2: long enough, not well known, no rules of composition), and how they are kept
// (argon2id, libsodium).
// Thread contract: immutable after construction; every member from any thread. Hashing takes some 50 ms and 64 MiB: never on a loop.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::auth {

constexpr std::size_t password_characters_min = 10, password_bytes_max = 1024;

// invalid_argument, with what is wrong. `about_user`: the address, names: what others would try first.
Status check_password(std::string_view password, const std::vector<std::string>& about_user);

class PasswordHasher {
 public:
  struct Cost {  // argon2id: passes over so much memory
    unsigned long long passes = 2;
    std::size_t memory_bytes = 64 * 1024 * 1024;
  };
  static Result<PasswordHasher> create(Cost cost);
  static Result<PasswordHasher> create() { return create(Cost()); }

  Result<std::string> hash(std::string_view password) const;  // resource_exhausted: no memory
  // Takes as long when there is no hash (no such user, or one without a password): then it is never right.
  bool verify(const std::string& hash, std::string_view password) const;
  bool is_outdated(const std::string& hash) const;  // made with another cost: hash anew at the next right password

 private:
  explicit PasswordHasher(Cost cost) : cost_(cost) {}
  Cost cost_;
  std::string nobodys_;  // the hash that stands in for a missing one
};

}  // namespace repartee::auth
