// Bytes encrypted at rest: AES-256-GCM (NIST SP 800-38D) with keys from a file, each message with a random 96-bit nonce (so at most 2^32
// messages a key: change it long before). What is sealed names its key, so old keys stay readable and the first one of the file writes:
// rotation is putting a new line on top.
// The key file: one "id:key" a line, the key 64 hexadecimal digits (openssl rand -hex 32), the id 1 to 8 letters or digits; # begins a
// comment. Nobody but the owner may read it.
// A sealed message: "RPS1", the key's id padded with NUL to 8 bytes, the nonce (12), the text, the tag (16). The header and the caller's
// context (what the bytes are: a blob's key, a journal record's place) are authenticated, so that one sealed thing cannot stand for
// another. Thread contract: a SealingKeys is immutable; every member from any thread. Errors: open: data_corrupt (changed, cut, or another
// context), not_found (its key is not in the file). load: invalid_argument, not_found.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace repartee::persistence {

class SealingKeys {
 public:
  static Result<SealingKeys> load(const std::filesystem::path& file);
  static Result<SealingKeys> parse(std::string_view text);  // a key file's text
  SealingKeys(SealingKeys&&) noexcept = default;
  SealingKeys& operator=(SealingKeys&&) noexcept = default;
  ~SealingKeys();  // forgets the keys

  Result<std::string> seal(std::string_view plain, std::string_view context) const;
  Result<std::string> open(std::string_view sealed, std::string_view context) const;
  const std::string& writing_key_id() const { return keys_.front().id; }
  std::vector<std::string> ids() const;  // as they stand in the file
  // A key file's text with a random key on top; `text` may be empty. The note goes before it, as a comment.
  static Result<std::string> with_new_key(std::string_view text, std::string_view note);

  static bool is_sealed(std::string_view bytes);          // by its first bytes
  static std::string key_id_of(std::string_view sealed);  // of the key it was sealed with; empty: it is not sealed
  static constexpr std::size_t overhead_bytes = 4 + 8 + 12 + 16;
  static constexpr std::size_t keys_max = 64;

 private:
  struct Key {
    std::string id;
    std::array<std::uint8_t, 32> bytes{};
  };
  SealingKeys() = default;
  static Result<Key> parse_line(std::string_view line);

  std::vector<Key> keys_;  // the first one writes
};

}  // namespace repartee::persistence
