#include "pipeline/speakable_text.hpp"

#include <algorithm>
#include <cstdint>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80; }

// Pictures and what only modifies them (variation selectors, joiners, keycaps, flags, tags), and control characters.
bool is_unspoken(std::uint32_t c) {
  return (c >= 0x1F000 && c <= 0x1FAFF) || (c >= 0x2600 && c <= 0x27BF) || (c >= 0x2190 && c <= 0x21FF) || (c >= 0x2300 && c <= 0x23FF) ||
         (c >= 0x25A0 && c <= 0x25FF) || (c >= 0x2B00 && c <= 0x2BFF) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0x200B || c == 0x200D || c == 0x20E3 || c == 0x2022 ||
         c == 0xFEFF || (c >= 0xE0000 && c <= 0xE007F) || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
}

// Decodes the character at `i`; `length` is at least 1. A broken sequence is one byte, and U+FFFD.
std::uint32_t character_at(std::string_view text, std::size_t i, std::size_t& length) {
  const auto byte = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
  const std::uint32_t lead = byte(0);
  length = lead < 0x80 ? 1 : lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
  if (length == 1) return lead < 0x80 ? lead : 0xFFFD;
  std::uint32_t c = lead & (0xFFu >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xC0) != 0x80) {
      length = 1;
      return 0xFFFD;
    }
    c = c << 6 | (byte(k) & 0x3F);
  }
  return c;
}

std::string without_pictures(std::string_view text) {
  std::string out;
  for (std::size_t i = 0, length = 1; i < text.size(); i += length) {
    const std::uint32_t c = character_at(text, i, length);
    if (c == 0xFFFD && length == 1) continue;  // a stray byte is no sound
    if (is_unspoken(c)) {
      out += ' ';
    } else {
      out += text.substr(i, length);
    }
  }
  return out;
}

// Marks at the beginning of a line: headings, quotes, bullets, fences, rules. An ordered list's number is spoken.
std::string_view without_line_marks(std::string_view line) {
  line = trim(line);
  if (line.starts_with("```") || line.starts_with("~~~")) {
    const std::size_t closing = line.find("```", 3);
    if (closing != std::string_view::npos) return line.substr(3, closing - 3);
    return {};
  }
  for (bool again = true; again && !line.empty();) {
    again = false;
    const std::size_t hashes = std::min(line.find_first_not_of('#'), line.size());
    if (hashes > 0 && (hashes == line.size() || line[hashes] == ' ')) line.remove_prefix(hashes), again = true;
    for (const std::string_view mark : {"> ", "- ", "* ", "+ "}) {
      if (line.starts_with(mark)) line.remove_prefix(2), again = true;
    }
    line = trim(line);
  }
  return line.find_first_not_of("-*_=|: ") == std::string_view::npos ? std::string_view{} : line;
}

// [text](target) and ![text](target) at `i`: the text, and where the link ends. npos: no link.
std::size_t link_end(std::string_view line, std::size_t i, std::string_view& text) {
  if (line[i] == '!') ++i;
  if (i >= line.size() || line[i] != '[') return std::string_view::npos;
  const std::size_t close = line.find("](", i);
  if (close == std::string_view::npos) return close;
  const std::size_t end = line.find(')', close);
  if (end == std::string_view::npos) return end;
  text = line.substr(i + 1, close - i - 1);
  return end + 1;
}

// https://www.host/path -> host. npos: no URL at `i`.
std::size_t url_end(std::string_view line, std::size_t i, std::string_view& host) {
  std::string_view rest = line.substr(i);
  std::size_t scheme = 0;
  for (const std::string_view s : {"https://", "http://", "www."}) {
    if (rest.starts_with(s)) scheme = s.size();
    if (scheme > 0) break;
  }
  if (scheme == 0 || (i > 0 && is_word(line[i - 1]))) return std::string_view::npos;
  std::size_t end = std::min(rest.find_first_of(" \t<>\"'`*"), rest.size());
  while (end > scheme && std::string_view(".,;:!?)]").find(rest[end - 1]) != std::string_view::npos) --end;
  host = rest.substr(scheme, end - scheme);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.starts_with("www.")) host.remove_prefix(4);
  return i + end;
}

std::size_t tag_end(std::string_view line, std::size_t i) {  // <b>, </b>, <br/>; not "a < b"
  if (i + 1 >= line.size() || !(line[i + 1] == '/' || (is_word(line[i + 1]) && !is_digit(line[i + 1])))) return std::string_view::npos;
  const std::size_t end = line.find('>', i);
  return end == std::string_view::npos || end - i > 100 ? std::string_view::npos : end + 1;
}

// What a mark of one character sounds like where it stands.
std::string mark_at(std::string_view line, std::size_t i) {
  const char before = i > 0 ? line[i - 1] : ' ';
  const char after = i + 1 < line.size() ? line[i + 1] : ' ';
  switch (line[i]) {
    case '*':
      if (before == ' ' && after == ' ' && i >= 2 && is_digit(line[i - 2])) return "times";
      return is_digit(before) && is_digit(after) ? " times " : "";
    case '_': return is_word(before) && is_word(after) ? " " : "";
    case '~': return is_digit(after) ? "about " : "";
    case '\\': return is_word(after) ? " " : "";
    case '`': return "";
    case '|': return " ";
    default: return std::string(1, line[i]);
  }
}

void append_line(std::string_view line, std::string& out) {
  for (std::size_t i = 0; i < line.size();) {
    std::string_view part;
    std::size_t end = std::string_view::npos;
    if (line[i] == '[' || line[i] == '!') end = link_end(line, i, part);
    if (end != std::string_view::npos) {
      append_line(part, out);  // the part has fewer brackets than the line: this ends
      i = end;
      continue;
    }
    if (line[i] == 'h' || line[i] == 'w') end = url_end(line, i, part);
    if (end != std::string_view::npos) {
      out += part;
      i = end;
      continue;
    }
    if (line[i] == '<') end = tag_end(line, i);
    if (end != std::string_view::npos) {
      out += ' ';
      i = end;
      continue;
    }
    out += mark_at(line, i++);
  }
}

// Taking marks away may leave a blank before a comma or a full stop.
std::string without_loose_blanks(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool loose = text[i] == ' ' && i + 1 < text.size() && std::string_view(".,;:!?)").find(text[i + 1]) != std::string_view::npos &&
                       (i + 2 >= text.size() || !is_word(text[i + 2]));
    if (!loose) out += text[i];
  }
  return out;
}

}  // namespace

std::string speakable_text(std::string_view text) {
  const std::string plain = without_pictures(text);
  std::string out;
  std::string_view rest = plain;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    append_line(without_line_marks(rest.substr(0, end)), out);
    out += ' ';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out = without_loose_blanks(normalise_spaces(out));
  return has_letter_or_digit(out) ? out : std::string{};
}

}  // namespace repartee::pipeline
