#include "pipeline/documents/text_encoding.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/text.hpp"

namespace repartee::documents {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr std::size_t sample_bytes = 64 * 1024;  // looked at to tell text from bytes
constexpr std::size_t controls_share = 20;       // one in so many is too many,
constexpr std::size_t controls_free = 4;         // but a few always pass

// Windows-1252, 0x80 to 0x9F (the WHATWG table); what it leaves open stays a control character and is dropped later.
constexpr std::array<char16_t, 32> windows_1252{0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
                                                0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                                                0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

struct Decoded {
  char32_t code_point = replacement;
  std::size_t bytes = 1;
  bool valid = false;
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode_one(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return {};
  char32_t value = lead & (0xFF >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return {};
    value = value << 6 | (next & 0x3F);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) return {};
  return {value, length, true};
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  std::string out;
  const auto unit = [&](std::size_t at) -> char32_t {
    const auto first = static_cast<unsigned char>(bytes[at]), second = static_cast<unsigned char>(bytes[at + 1]);
    return big_endian ? first << 8 | second : second << 8 | first;
  };
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const char32_t high = unit(i);
    if (high >= 0xD800 && high <= 0xDBFF && i + 3 < bytes.size()) {
      const char32_t low = unit(i + 2);
      if (low >= 0xDC00 && low <= 0xDFFF) {
        append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
        i += 2;
        continue;
      }
    }
    append_utf8(out, high);
  }
  return out;
}

std::string from_windows_1252(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append_utf8(out, byte >= 0x80 && byte < 0xA0 ? windows_1252[byte - 0x80] : byte);
  }
  return out;
}

bool is_control(unsigned char c) { return c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f'; }

bool is_invisible(char32_t c) {
  return c == 0xFEFF || c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE000 && c <= 0xF8FF) || c >= 0xE0000;
}
bool is_blank(char32_t c) { return c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000; }

// One character as clean_text wants it.
void append_clean(std::string& out, char32_t c) {
  if (c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7F)) out += static_cast<char>(c);
  else if (c == '\f') out += "\n\n";
  else if (c == 0x85 || c == 0x2028 || c == 0x2029) out += '\n';
  else if (is_blank(c)) out += ' ';
  else if (c >= 0xA0 && !is_invisible(c)) append_utf8(out, c);
}

}  // namespace

void append_utf8(std::string& out, char32_t c) {
  if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) c = replacement;
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string clean_text(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size();) {
    if (utf8[i] == '\r') {
      if (i + 1 == utf8.size() || utf8[i + 1] != '\n') out += '\n';
      ++i;
      continue;
    }
    const auto next = decode_one(utf8, i);
    append_clean(out, next.code_point);
    i += next.bytes;
  }
  return out;
}

Result<std::string> decode_text(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) return clean_text(from_utf16(bytes.substr(2), false));
  if (bytes.starts_with("\xFE\xFF")) return clean_text(from_utf16(bytes.substr(2), true));
  const auto sample = bytes.substr(0, sample_bytes);
  const auto controls = static_cast<std::size_t>(
      std::count_if(sample.begin(), sample.end(), [](char c) { return is_control(static_cast<unsigned char>(c)); }));
  if (controls > controls_free && controls * controls_share > sample.size()) return Error{Errc::invalid_argument, "The file is not text."};
  return clean_text(is_utf8(bytes) ? std::string(bytes) : from_windows_1252(bytes));
}

}  // namespace repartee::documents
