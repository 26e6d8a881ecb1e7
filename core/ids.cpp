#include "core/ids.hpp"

#include <sys/random.h>

#include <array>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace repartee {
namespace {

void fill_random(void* out, std::size_t n) {
  auto* p = static_cast<unsigned char*>(out);
  while (n > 0) {
    const ssize_t got = getrandom(p, n, 0);
    if (got < 0) std::abort();  // the kernel's random source is never away once the machine is up
    p += got;
    n -= static_cast<std::size_t>(got);
  }
}

// Ids need to be unique, not secret: one system call serves many of them.
void fill_random_cached(unsigned char* out, std::size_t n) {
  thread_local std::array<unsigned char, 4096> pool;
  thread_local std::size_t used = pool.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (used == pool.size()) { fill_random(pool.data(), pool.size()); used = 0; }
    out[i] = pool[used++];
  }
}

constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

}  // namespace

std::string new_uuid() {
  std::array<unsigned char, 16> b;
  fill_random_cached(b.data(), b.size());
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  for (int i = 0; i < 6; ++i) b[static_cast<std::size_t>(i)] = static_cast<unsigned char>(ms >> (40 - 8 * i));
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x70);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += hex[b[i] >> 4];
    out += hex[b[i] & 15];
  }
  return out;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

std::string new_id(std::string_view prefix) {
  std::string out;
  out.reserve(prefix.size() + 1 + 22);
  append_id(out, prefix);
  return out;
}

void append_id(std::string& out, std::string_view prefix) {
  std::array<unsigned char, 22> b;
  fill_random_cached(b.data(), b.size());
  out += prefix;
  out += '_';
  for (const unsigned char c : b) out += alphabet[c % 62];
}

std::string random_token(std::size_t bytes) {
  std::string raw(bytes, '\0');
  fill_random(raw.data(), raw.size());
  std::string out;
  for (const char c : raw) out += alphabet[static_cast<unsigned char>(c) & 63];
  return out;
}

}  // namespace repartee
