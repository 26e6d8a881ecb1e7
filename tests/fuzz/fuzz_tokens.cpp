// libFuzzer entry: whatever is shown as a key: our own tokens, other people's, and sets of their keys. None may be taken for right.
#include <cstdint>
#include <string_view>

#include "realtime/auth/jwt.hpp"
#include "realtime/auth/resume_tokens.hpp"
#include "realtime/auth/tokens.hpp"
#include "tests/fuzz/require.hpp"

using namespace repartee;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auth::ServerSecret secret{7};
  static const auth::Tokens tokens(secret);
  static const auth::ResumeTokens resume(secret);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  using Kind = auth::Tokens::Kind;
  for (const Kind kind : {Kind::access, Kind::ephemeral, Kind::refresh, Kind::verification, Kind::password_reset})
    require(!tokens.read(kind, text, WallTime{}));
  require(!resume.is_right("0192f0c1-0000-7000-8000-000000000001", "user", text));
  if (const auto jwt = auth::parse_jwt(text)) {
    require(text.size() <= auth::jwt_bytes_max);
    require(jwt->algorithm == "RS256" || jwt->algorithm == "ES256");
  }
  if (const auto keys = auth::JwtKeys::parse(text)) {
    auth::Jwt unsigned_one{.algorithm = "RS256", .key_id = "", .issuer = "", .claims_json = "{}", .signed_part = "a.b", .signature = "c"};
    require(!keys->verify(unsigned_one));
  }
  return 0;
}
