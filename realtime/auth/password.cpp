#include "realtime/auth/password.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "core/ids.hpp"
#include "core/text.hpp"

namespace repartee::auth {
namespace {

// Of the well-known ones those that are long enough to be tried, without what `is_pattern` and `without_tail` see anyway.
constexpr std::array<std::string_view, 40> well_known = {
    "password",   "passw0rd",   "p@ssw0rd",   "p@ssword",   "iloveyou",   "letmein",     "welcome",    "sunshine",   "princess",  "football",
    "baseball",   "superman",   "batman",     "trustno1",   "dragon",     "monkey",      "qwertyuiop", "qwerty",     "asdfghjkl", "zxcvbnm",
    "1qaz2wsx",   "1q2w3e4r5t", "q1w2e3r4t5", "changeme",   "administrator", "admin",    "whatever",   "starwars",   "computer",  "michelle",
    "jennifer",   "liverpool",  "chocolate",  "basketball", "repartee",   "secret",      "internet",   "samsung",    "testtest",  "mypassword"};

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

// "aaaaaaaaaa", "1234567890", "abcabcabcabc"
bool is_pattern(std::string_view text) {
  bool steps = true;
  for (std::size_t i = 2; i < text.size(); ++i) steps = steps && text[i] - text[i - 1] == text[1] - text[0];
  if (steps || text == "1234567890" || text == "0987654321" || text == "01234567890") return true;
  for (std::size_t period = 1; period <= 4; ++period) {
    bool repeats = true;
    for (std::size_t i = period; i < text.size(); ++i) repeats = repeats && text[i] == text[i - period];
    if (repeats) return true;
  }
  return false;
}

// "Password2026!!" is "password" to whoever guesses.
std::string without_tail(std::string text) {
  while (!text.empty() && !std::isalpha(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

}  // namespace

Status check_password(std::string_view password, const std::vector<std::string>& about_user) {
  const auto bad = [](const std::string& why) { return Error{Errc::invalid_argument, "the password " + why}; };
  if (characters_of(password) < password_characters_min)
    return bad("must have at least " + std::to_string(password_characters_min) + " characters");
  if (password.size() > password_bytes_max) return bad("may have at most " + std::to_string(password_bytes_max) + " bytes");
  if (password.find('\0') != password.npos) return bad("may not contain a NUL");
  const auto folded = to_lower(password);
  const auto stem = without_tail(folded);
  if (is_pattern(folded) || std::find(well_known.begin(), well_known.end(), stem) != well_known.end() ||
      std::find(well_known.begin(), well_known.end(), folded) != well_known.end())
    return bad("is one of those that are tried first; several words are better");
  for (const auto& about : about_user) {
    const auto name = to_lower(about.substr(0, about.find('@')));
    if (!about.empty() && (folded == to_lower(about) || (name.size() >= 3 && (stem == name || folded == name))))
      return bad("must not be your name or address");
  }
  return {};
}

Result<PasswordHasher> PasswordHasher::create(Cost cost) {
  if (sodium_init() < 0) return Error{Errc::internal, "libsodium does not start"};
  PasswordHasher hasher(cost);
  auto nobodys = hasher.hash(random_token(32));
  if (!nobodys) return nobodys.error();
  hasher.nobodys_ = std::move(*nobodys);
  return hasher;
}

Result<std::string> PasswordHasher::hash(std::string_view password) const {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str(text.data(), password.data(), password.size(), cost_.passes, cost_.memory_bytes) != 0)
    return Error{Errc::resource_exhausted, "there is not enough memory for a password's hash; try again shortly"};
  return std::string(text.data());
}

bool PasswordHasher::verify(const std::string& hash, std::string_view password) const {
  const std::string& against = hash.empty() ? nobodys_ : hash;
  const bool fits = against.size() < crypto_pwhash_STRBYTES && password.size() <= password_bytes_max &&
                    crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
  return fits && !hash.empty();
}

bool PasswordHasher::is_outdated(const std::string& hash) const {
  return hash.size() < crypto_pwhash_STRBYTES && crypto_pwhash_str_needs_rehash(hash.c_str(), cost_.passes, cost_.memory_bytes) != 0;
}

}  // namespace repartee::auth
