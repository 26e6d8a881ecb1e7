#include "pipeline/speech_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_sound(char c) { return is_letter(c) || is_digit(c); }
bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

char32_t next_code_point(std::string_view text, std::size_t& at) {  // 0 for malformed bytes, which are skipped one by one
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
  if (more == 0 || at + static_cast<std::size_t>(more) > text.size()) return 0;
  char32_t code = lead & (0x3FU >> more);
  for (int i = 0; i < more; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]);
    if ((byte & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte & 0x3F);
  }
  at += static_cast<std::size_t>(more);
  return code;
}

bool is_white_space(char32_t code) {
  return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0xA0 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x3000;
}

// U+00C0..U+017F without their accents (Unicode's decompositions; the ligatures and Nordic letters as English writes them).
constexpr std::array<std::string_view, 0x180 - 0xC0> latin = {
    "A", "A", "A",  "A",  "A", "A", "AE", "C",  "E", "E",       "E",  "E", "I", "I",
    "I", "I", "D",  "N",  "O", "O", "O",  "O",  "O", " times ", "O",  "U", "U", "U",
    "U", "Y", "Th", "ss", "a", "a", "a",  "a",  "a", "a",       "ae", "c", "e", "e",
    "e", "e", "i",  "i",  "i", "i", "d",  "n",  "o", "o",       "o",  "o", "o", " divided by ",
    "o", "u", "u",  "u",  "u", "y", "th", "y",  "A", "a",       "A",  "a", "A", "a",
    "C", "c", "C",  "c",  "C", "c", "C",  "c",  "D", "d",       "D",  "d", "E", "e",
    "E", "e", "E",  "e",  "E", "e", "E",  "e",  "G", "g",       "G",  "g", "G", "g",
    "G", "g", "H",  "h",  "H", "h", "I",  "i",  "I", "i",       "I",  "i", "I", "i",
    "I", "i", "IJ", "ij", "J", "j", "K",  "k",  "k", "L",       "l",  "L", "l", "L",
    "l", "L", "l",  "L",  "l", "N", "n",  "N",  "n", "N",       "n",  "n", "N", "n",
    "O", "o", "O",  "o",  "O", "o", "OE", "oe", "R", "r",       "R",  "r", "R", "r",
    "S", "s", "S",  "s",  "S", "s", "S",  "s",  "T", "t",       "T",  "t", "T", "t",
    "U", "u", "U",  "u",  "U", "u", "U",  "u",  "U", "u",       "U",  "u", "W", "w",
    "Y", "y", "Y",  "Z",  "z", "Z", "z",  "Z",  "z", "s"};

std::string_view ascii_of(char32_t code) {
  if (code >= 0xC0 && code < 0x180) return latin[code - 0xC0];
  switch (code) {
    case 0x2018:
    case 0x2019:
    case 0x2032:
    case 0xB4: return "'";
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0xAB:
    case 0xBB: return "\"";
    case 0x2010:
    case 0x2011: return "-";
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015: return "--";  // a pause between words, see tidy()
    case 0x2026: return "...";
    case 0x20AC: return "\x01";  // currency signs stand before the number and are said after it, see tidy()
    case 0xA3: return "\x02";
    case 0xA5: return "\x03";
    case 0xB0: return " degrees ";
    case 0xB1: return " plus or minus ";
    case 0xBC: return " a quarter ";
    case 0xBD: return " a half ";
    case 0xBE: return " three quarters ";
    case 0x2212: return "-";
    case 0xFF0C:
    case 0x3001: return ",";
    case 0x3002: return ".";
    case 0xFF01: return "!";
    case 0xFF1F: return "?";
    default: return {};
  }
}

std::string to_ascii(std::string_view written) {
  std::string out;
  for (std::size_t at = 0; at < written.size();) {
    const char32_t code = next_code_point(written, at);
    if (code >= 0x20 && code < 0x7F) out += static_cast<char>(code);
    else out += ascii_of(code);
  }
  return out;
}

// "x.org", "me@x.org", "https://x.org/a": the dots are said.
bool is_address(std::string_view word) {
  if (word.find('@') != std::string_view::npos && word.size() > 1) return true;
  constexpr std::array<std::string_view, 12> endings = {".com", ".org", ".net", ".io", ".dev", ".edu",
                                                        ".gov", ".ai",  ".uk",  ".de", ".eu",  ".app"};
  const std::string_view host = word.substr(0, word.find('/'));
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return host.size() > ending.size() && host.ends_with(ending); });
}

std::string said_address(std::string_view word) {
  std::string out;
  for (char c : word) {
    if (c == '.') out += " dot ";
    else if (c == '@') out += " at ";
    else if (c == '/') out += " slash ";
    else if (is_sound(c)) out += c;
    else out += ' ';
  }
  return out;
}

std::string_view currency_name(char sign) { return sign == '\x01' ? " euros" : sign == '\x02' ? " pounds" : " yen"; }

// A symbol inside or beside a word, as it is said; empty: it has no sound and separates nothing.
std::string_view said_symbol(char c, char before, char after) {
  switch (c) {
    case '&': return " and ";
    case '+': return " plus ";
    case '=': return " equals ";
    case '@': return " at ";
    case '#': return is_digit(after) ? "number " : "";
    case '%': return is_digit(before) ? "%" : " percent ";
    case '~': return is_digit(after) ? "about " : "";
    case '$': return is_digit(after) ? "$" : " dollars ";
    case '/': return is_sound(before) && is_sound(after) ? "/" : " ";
    default: return is_sound(before) && is_sound(after) ? " " : "";  // quotes, brackets, asterisks, backticks, bars
  }
}

std::string say_symbols(std::string_view core) {
  std::string out;
  std::string currency;
  for (std::size_t i = 0; i < core.size(); ++i) {
    const char c = core[i];
    const char before = i > 0 ? core[i - 1] : ' ';
    const char after = i + 1 < core.size() ? core[i + 1] : ' ';
    if (is_sound(c) || c == ' ') out += c;
    else if (c >= '\x01' && c <= '\x03') currency = currency_name(c);
    else if (c == '-' && after == '-') {
      out += ", ";
      ++i;
    } else if (c == '-' && !is_sound(before) && is_digit(after)) out += "minus ";
    else if (is_one_of(c, "-'")) {
      if (is_sound(before) && is_sound(after)) out += c;
    } else if (is_one_of(c, ".,:;!?")) {
      if (!is_sound(before)) continue;
      out += c;
      if (!is_sound(after) || is_one_of(c, ";!?")) out += ' ';
    } else out += said_symbol(c, before, after);
  }
  return out + currency;
}

std::string break_runs(std::string_view text, std::size_t run_chars_max) {
  std::string out;
  std::size_t run = 0;
  for (char c : text) {
    run = c == ' ' ? 0 : run + 1;
    if (run > run_chars_max) {
      out += ' ';
      run = 1;
    }
    out += c;
  }
  return out;
}

// One space between words, none at the ends; parts without any sound (stray punctuation) go.
std::string collapse(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = std::min(text.find_first_not_of(' ', at), text.size());
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    if (std::any_of(part.begin(), part.end(), is_sound) || part == "%") {
      if (!out.empty()) out += ' ';
      out += part;
    } else if (!part.empty() && !out.empty() && is_one_of(part[0], ",.!?;:") && is_sound(out.back())) {
      out += part[0];
    }
    at = end;
  }
  return out;
}

std::string speakable(std::string_view written, const SpeechTextOptions& options) {
  std::string ascii = to_ascii(written);
  const std::size_t last = ascii.find_last_not_of(".,;:!?-\"')]}*_");
  if (last == std::string::npos) return {};
  char ending = 0;
  for (std::size_t i = last + 1; i < ascii.size() && ending == 0; ++i)
    if (is_one_of(ascii[i], ",.!?;:")) ending = ascii[i];
    else if (ascii[i] == '-' && i + 1 < ascii.size() && ascii[i + 1] == '-') ending = ',';
  std::string_view core = std::string_view(ascii).substr(0, last + 1);
  for (std::string_view scheme : {"https://", "http://"})
    if (core.starts_with(scheme)) core.remove_prefix(scheme.size());
  std::string out = collapse(break_runs(is_address(core) ? said_address(core) : say_symbols(core), options.run_chars_max));
  if (!out.empty() && ending != 0) out += ending;
  return out;
}

std::vector<SpokenWord> spoken_words(std::string_view text, const SpeechTextOptions& options) {
  std::vector<SpokenWord> words;
  std::size_t begin = 0;
  auto finish = [&](std::size_t end) {
    if (end > begin) {
      const std::string_view written = text.substr(begin, end - begin);
      words.push_back({std::string(written), speakable(written, options)});
    }
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    if (!is_white_space(next_code_point(text, at))) continue;
    finish(start);
    begin = at;
  }
  finish(text.size());
  return words;
}

// flite takes a capital A for the letter; before a lower-case word it is the article.
void lower_articles(std::vector<SpokenWord>& words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i].spoken == "A" && !words[i + 1].spoken.empty() && is_lower(words[i + 1].spoken[0])) words[i].spoken = "a";
}

// A dash standing alone is a pause: the word before takes it as a comma.
void attach_lone_dashes(std::vector<SpokenWord>& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    std::string& before = words[i - 1].spoken;
    if (words[i].spoken.empty() && !before.empty() && is_sound(before.back()) && to_ascii(words[i].written).starts_with('-')) before += ',';
  }
}

}  // namespace

bool SpeechPiece::silent() const {
  return std::all_of(words.begin(), words.end(), [](const SpokenWord& word) { return word.spoken.empty(); });
}

std::string SpeechPiece::text(std::vector<std::size_t>* word_ends) const {
  std::string out;
  for (const SpokenWord& word : words) {
    if (!word.spoken.empty()) {
      if (!out.empty()) out += ' ';
      out += word.spoken;
    }
    if (word_ends) word_ends->push_back(out.size());
  }
  return out;
}

std::vector<SpeechPiece> split_for_speech(std::string_view text, const SpeechTextOptions& options) {
  std::vector<SpokenWord> words = spoken_words(text, options);
  attach_lone_dashes(words);
  lower_articles(words);
  std::vector<SpeechPiece> pieces;
  std::size_t chars = 0;
  bool open = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!open) {
      pieces.emplace_back();
      chars = 0;
      open = true;
    }
    const auto next = static_cast<unsigned char>(i + 1 < words.size() ? words[i + 1].written[0] : 0);
    const Boundary boundary = words[i].spoken.empty() ? Boundary::none : boundary_after(words[i].written, next);
    chars += words[i].spoken.size() + 1;
    pieces.back().words.push_back(std::move(words[i]));
    pieces.back().ends_sentence = boundary == Boundary::sentence;
    if (chars >= options.piece_chars_max || (boundary == Boundary::sentence && chars >= options.sentence_chars_min) ||
        (boundary == Boundary::clause && chars >= options.clause_chars_min))
      open = false;
  }
  return pieces;
}

}  // namespace repartee::pipeline
