#include "realtime/auth/tokens.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/file_descriptor.hpp"
#include "core/ids.hpp"

namespace repartee::auth {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 5> prefixes = {"at_", "ek_", "rt_", "vt_", "pt_"};
constexpr char derivation_context[] = "reptoken";  // crypto_kdf_CONTEXTBYTES, 8
constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr int base64_variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

static_assert(sizeof(ServerSecret) == crypto_kdf_KEYBYTES && crypto_aead_xchacha20poly1305_ietf_KEYBYTES == 32);

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string_view prefix_of(Tokens::Kind kind) { return prefixes[static_cast<std::size_t>(kind)]; }

std::int64_t seconds_of(WallTime time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }
WallTime time_of(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

// Short names, and nothing that is empty: a token goes along with every request.
std::string to_text(const Tokens::Content& content) {
  Json json{{"x", seconds_of(content.valid_until)}};
  const auto put = [&json](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  put("u", content.caller.user_id);
  put("n", content.caller.key_name);
  put("c", content.caller.credential_id);
  put("t", content.caller.tier);
  put("s", content.caller.session_json);
  put("b", content.bound_to);
  if (!content.caller.scopes.empty()) json["o"] = content.caller.scopes;
  if (content.caller.expires_at) json["e"] = seconds_of(*content.caller.expires_at);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Tokens::Content from_text(std::string_view text) {
  const Json json = Json::parse(text);
  Tokens::Content content;
  content.caller.user_id = json.value("u", "");
  content.caller.key_name = json.value("n", "");
  content.caller.credential_id = json.value("c", "");
  content.caller.tier = json.value("t", "");
  content.caller.session_json = json.value("s", "");
  content.caller.scopes = json.value("o", std::vector<std::string>());
  if (json.contains("e")) content.caller.expires_at = time_of(json["e"].get<std::int64_t>());
  content.valid_until = time_of(json.at("x").get<std::int64_t>());
  content.bound_to = json.value("b", "");
  return content;
}

Error bad_token() { return {Errc::unauthenticated, "the token is not valid"}; }

Error file_error(const std::string& file, const std::string& what) { return {Errc::unavailable, "the secret file " + file + " " + what}; }

// Complete or not there, also when two nodes start on one directory: written beside, then linked; the first link counts.
Status write_secret(const std::string& file) {
  ServerSecret secret;
  randombytes_buf(secret.data(), secret.size());
  std::string text(secret.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), secret.data(), secret.size());
  text.back() = '\n';
  const std::string beside = file + "." + random_token(9);
  Status written;
  {
    const FileDescriptor out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.get() < 0) return file_error(file, std::string("cannot be made: ") + std::strerror(errno));
    if (!write_all(out.get(), text) || ::fsync(out.get()) != 0)
      written = file_error(file, "cannot be written");
  }
  if (written && ::link(beside.c_str(), file.c_str()) != 0 && errno != EEXIST)
    written = file_error(file, std::string("cannot be made: ") + std::strerror(errno));
  ::unlink(beside.c_str());
  sodium_memzero(text.data(), text.size());
  return written;
}

}  // namespace

Result<ServerSecret> load_secret(const std::string& file, bool make) {
  if (sodium_init() < 0) return Error{Errc::internal, "libsodium does not start"};
  if (make && ::access(file.c_str(), F_OK) != 0)
    if (auto made = write_secret(file); !made) return made.error();
  const FileDescriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0) return file_error(file, std::string("cannot be read: ") + std::strerror(errno));
  struct stat about {};
  if (::fstat(in.get(), &about) != 0 || !S_ISREG(about.st_mode)) return file_error(file, "is not a file");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) return file_error(file, "may be read by others: chmod 600 it");
  std::array<char, 128> text{};
  ssize_t size = ::read(in.get(), text.data(), text.size());
  while (size > 0 && std::strchr(" \r\n", text[static_cast<std::size_t>(size) - 1])) --size;
  ServerSecret secret;
  std::size_t bytes = 0;
  const int failed =
      size <= 0 ? 1 : sodium_hex2bin(secret.data(), secret.size(), text.data(), static_cast<std::size_t>(size), nullptr, &bytes, nullptr);
  sodium_memzero(text.data(), text.size());
  if (failed != 0 || bytes != secret.size()) return file_error(file, "must hold 64 hexadecimal digits (openssl rand -hex 32)");
  return secret;
}

Tokens::Tokens(const ServerSecret& secret) {
  for (std::size_t i = 0; i < keys_.size(); ++i)
    crypto_kdf_derive_from_key(keys_[i].data(), keys_[i].size(), i + 1, derivation_context, secret.data());
}

bool Tokens::looks_like(Kind kind, std::string_view token) { return token.starts_with(prefix_of(kind)); }

Result<std::string> Tokens::make(Kind kind, const Content& content) const {
  if (content.caller.session_json.size() > session_bytes_max)
    return Error{Errc::invalid_argument, "the session is too large for an ephemeral key: at most " + std::to_string(session_bytes_max) +
                                             " bytes as JSON; give the rest by session.update"};
  const std::string text = to_text(content);
  std::vector<unsigned char> sealed(nonce_bytes + text.size() + tag_bytes);
  randombytes_buf(sealed.data(), nonce_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + nonce_bytes, nullptr, bytes_of(text), text.size(), nullptr, 0, nullptr,
                                             sealed.data(), key_of(kind).data());
  std::string token(sodium_base64_encoded_len(sealed.size(), base64_variant), '\0');
  sodium_bin2base64(token.data(), token.size(), sealed.data(), sealed.size(), base64_variant);
  token.pop_back();  // its terminating zero
  token.insert(0, prefix_of(kind));
  if (token.size() > credential_bytes_max) return Error{Errc::invalid_argument, "the token would be too large"};
  return token;
}

Result<Tokens::Content> Tokens::read(Kind kind, std::string_view token, WallTime now) const {
  if (!looks_like(kind, token) || token.size() > credential_bytes_max) return bad_token();
  token.remove_prefix(prefix_of(kind).size());
  if (token.size() < nonce_bytes + tag_bytes) return bad_token();  // base64 is longer than what it says
  std::vector<unsigned char> sealed(token.size());
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(sealed.data(), sealed.size(), token.data(), token.size(), nullptr, &size, &end, base64_variant) != 0 ||
      end != token.data() + token.size() || size < nonce_bytes + tag_bytes)
    return bad_token();
  std::string text(size - nonce_bytes - tag_bytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr, sealed.data() + nonce_bytes,
                                                 size - nonce_bytes, nullptr, 0, sealed.data(), key_of(kind).data()) != 0)
    return bad_token();
  auto content = from_text(text);  // what we wrote ourselves: it parses
  if (content.valid_until <= now) return Error{Errc::unauthenticated, "the token has expired"};
  return content;
}

}  // namespace repartee::auth
