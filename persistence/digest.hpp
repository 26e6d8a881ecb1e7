// SHA-256, and ids that follow from what they name.
// Thread contract: pure functions.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace repartee::persistence {

std::string sha256_hex(std::string_view bytes);  // 64 lower-case hexadecimal digits

// The same of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  std::string hex();  // once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A UUID (version 8, RFC 9562) that is the same whenever the name is.
std::string uuid_of_name(std::string_view name);

// The id of a turn or of one of its messages: shaped like a version 7, made of the session's time stamp, `ordinal`, and a hash, so that it
// is the same whenever the turn is written again, and sorts by session, then by ordinal (its low 12 bits).
std::string uuid_within_session(std::string_view session_id, std::string_view kind, unsigned ordinal);

}  // namespace repartee::persistence
