#include "persistence/digest.hpp"

#include <sodium.h>

#include <cstdio>

namespace repartee::persistence {
namespace {

std::string dashed(std::string_view hex32) {
  std::string out;
  for (std::size_t i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    out += hex32[i];
  }
  return out;
}

void set_version(std::string& hex, char version) {
  constexpr char variants[] = "89ab";
  hex[12] = version;
  hex[16] = variants[static_cast<unsigned char>(hex[16]) & 3];
}

}  // namespace

struct Sha256::State {
  crypto_hash_sha256_state hash;
};

Sha256::Sha256() : state_(std::make_unique<State>()) { crypto_hash_sha256_init(&state_->hash); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  crypto_hash_sha256_update(&state_->hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string Sha256::hex() {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_final(&state_->hash, digest);
  char hex[sizeof digest * 2 + 1];
  sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  return hex;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string uuid_of_name(std::string_view name) {
  std::string hex = sha256_hex(name).substr(0, 32);
  set_version(hex, '8');
  return dashed(hex);
}

std::string uuid_within_session(std::string_view session_id, std::string_view kind, unsigned ordinal) {
  std::string hex = sha256_hex(std::string(session_id) + '/' + std::string(kind) + '/' + std::to_string(ordinal)).substr(0, 32);
  if (session_id.size() == 36) hex.replace(0, 8, session_id.substr(0, 8)).replace(8, 4, session_id.substr(9, 4));
  char low[4];
  std::snprintf(low, sizeof low, "%03x", ordinal & 0xfffu);
  hex.replace(13, 3, low, 3);
  set_version(hex, '7');
  return dashed(hex);
}

}  // namespace repartee::persistence
