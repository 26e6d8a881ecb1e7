#include "persistence/sealed_bytes.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <memory>
#include <sstream>

#include "core/text.hpp"

namespace repartee::persistence {
namespace {

constexpr std::string_view magic = "RPS1";
constexpr std::size_t id_bytes = 8, nonce_bytes = 12, tag_bytes = 16, header_bytes = 4 + id_bytes + nonce_bytes;
constexpr std::size_t key_file_bytes_max = 64 * 1024;
constexpr std::size_t plain_bytes_max = std::size_t{1} << 30;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text, std::size_t at) { return reinterpret_cast<unsigned char*>(text.data()) + at; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

SealingKeys::~SealingKeys() {
  for (auto& key : keys_) OPENSSL_cleanse(key.bytes.data(), key.bytes.size());
}

// No message shows a part of a key.
Result<SealingKeys::Key> SealingKeys::parse_line(std::string_view line) {
  const auto colon = line.find(':');
  const Error wrong{Errc::invalid_argument,
                    "a line of the key file must be id:key, the id 1 to 8 letters or digits, the key 64 hexadecimal digits"};
  if (colon == std::string_view::npos || colon == 0 || colon > id_bytes) return wrong;
  Key key{.id = std::string(line.substr(0, colon))};
  if (!std::all_of(key.id.begin(), key.id.end(), [](unsigned char c) { return std::isalnum(c) != 0; })) return wrong;
  const auto digits = line.substr(colon + 1);
  if (digits.size() != key.bytes.size() * 2) return wrong;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    const int high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);
    if (high < 0 || low < 0) return wrong;
    key.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return key;
}

Result<SealingKeys> SealingKeys::parse(std::string_view text) {
  SealingKeys keys;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trim(text.substr(0, std::min(end, text.find('#'))));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    auto key = parse_line(line);
    if (!key) return key.error();
    for (const auto& present : keys.keys_)
      if (present.id == key->id) return Error{Errc::invalid_argument, "the key file names the key \"" + key->id + "\" twice"};
    keys.keys_.push_back(std::move(*key));
    if (keys.keys_.size() > keys_max) return Error{Errc::invalid_argument, "the key file has too many keys"};
  }
  if (keys.keys_.empty()) return Error{Errc::invalid_argument, "the key file has no key"};
  return keys;
}

Result<SealingKeys> SealingKeys::load(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return Error{Errc::not_found, "the key file " + file.string() + " cannot be read"};
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::invalid_argument, "the key file " + file.string() + " is open to others: chmod 600 it"};
  if (static_cast<std::size_t>(info.st_size) > key_file_bytes_max)
    return Error{Errc::invalid_argument, file.string() + " is too large to be a key file"};
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return Error{Errc::not_found, "the key file " + file.string() + " cannot be read"};
  return parse(text.str());
}

std::vector<std::string> SealingKeys::ids() const {
  std::vector<std::string> out;
  for (const auto& key : keys_) out.push_back(key.id);
  return out;
}

Result<std::string> SealingKeys::with_new_key(std::string_view text, std::string_view note) {
  constexpr char digits[] = "0123456789abcdef";
  std::array<unsigned char, 32 + id_bytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return Error{Errc::internal, "there is no randomness for a key"};
  std::string line = "k";
  for (std::size_t i = 0; i + 1 < id_bytes; ++i) line += digits[random[32 + i] & 15];
  line += ':';
  for (std::size_t i = 0; i < 32; ++i) (line += digits[random[i] >> 4]) += digits[random[i] & 15];
  OPENSSL_cleanse(random.data(), random.size());
  auto made = "# " + std::string(note) + "\n" + line + "\n" + std::string(text);
  if (auto usable = parse(made); !usable) return usable.error();
  return made;
}

bool SealingKeys::is_sealed(std::string_view bytes) { return bytes.starts_with(magic); }

std::string SealingKeys::key_id_of(std::string_view sealed) {
  if (!is_sealed(sealed)) return {};
  const auto padded = sealed.substr(magic.size(), id_bytes);
  return std::string(padded.substr(0, std::min(padded.find('\0'), padded.size())));
}

Result<std::string> SealingKeys::seal(std::string_view plain, std::string_view context) const {
  if (plain.size() > plain_bytes_max) return Error{Errc::invalid_argument, "too large to be sealed in one piece"};
  const Key& key = keys_.front();
  std::string out(header_bytes + plain.size() + tag_bytes, '\0');
  std::copy(magic.begin(), magic.end(), out.begin());
  std::copy(key.id.begin(), key.id.end(), out.begin() + static_cast<std::ptrdiff_t>(magic.size()));
  const std::size_t nonce_at = magic.size() + id_bytes;
  int length = 0;
  const Context cipher(EVP_CIPHER_CTX_new());
  const bool done =
      cipher && RAND_bytes(bytes_of(out, nonce_at), nonce_bytes) == 1 &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), bytes_of(out, nonce_at)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(out, 0), static_cast<int>(nonce_at)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(context), static_cast<int>(context.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), bytes_of(out, header_bytes), &length, bytes_of(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), bytes_of(out, header_bytes + plain.size()), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, bytes_of(out, header_bytes + plain.size())) == 1;
  if (!done) return Error{Errc::internal, "encryption failed"};
  return out;
}

Result<std::string> SealingKeys::open(std::string_view sealed, std::string_view context) const {
  const Error corrupt{Errc::data_corrupt, "sealed bytes are damaged, or are not what they are taken for"};
  if (!is_sealed(sealed) || sealed.size() < overhead_bytes || sealed.size() > plain_bytes_max + overhead_bytes) return corrupt;
  const auto id = key_id_of(sealed);
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.id == id; });
  if (key == keys_.end()) return Error{Errc::not_found, "the key these bytes were sealed with is not in the key file"};
  const std::size_t size = sealed.size() - overhead_bytes;
  const auto tag = std::string(sealed.substr(header_bytes + size));  // OpenSSL wants it changeable
  std::string plain(size, '\0');
  const std::size_t nonce_at = magic.size() + id_bytes;
  int length = 0;
  const Context cipher(EVP_CIPHER_CTX_new());
  const bool done =
      cipher && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key->bytes.data(), bytes_of(sealed.substr(nonce_at))) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes_of(sealed), static_cast<int>(nonce_at)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes_of(context), static_cast<int>(context.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(plain, 0), &length, bytes_of(sealed.substr(header_bytes)), static_cast<int>(size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, const_cast<char*>(tag.data())) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain, size), &length) == 1;
  if (!done) return corrupt;
  return plain;
}

}  // namespace repartee::persistence
