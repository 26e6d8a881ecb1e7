#include "pipeline/text_rules.hpp"

#include <algorithm>
#include <array>

namespace repartee::pipeline {
namespace {

bool is_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_alnum(unsigned char c) { return is_upper(c) || is_lower(c) || is_digit(c); }

// Quotes, brackets and markdown marks that may stand after the punctuation that ends a clause.
constexpr std::array<std::string_view, 12> closers = {"\"", "'", ")", "]", "}", "*", "_", "`", "\u2019", "\u201D", "\u00BB", "~"};

std::string_view without_closers(std::string_view word) {
  for (bool again = true; again;) {
    again = false;
    for (const auto closer : closers) {
      if (word.size() <= closer.size() || !word.ends_with(closer)) continue;
      word.remove_suffix(closer.size());
      again = true;
    }
  }
  return word;
}

// Followed by a name or a figure: never the end of a sentence.
constexpr std::array<std::string_view, 29> inner_abbreviations = {
    "mr", "mrs", "ms",  "dr",  "prof", "st",  "rev", "gen",  "col", "lt", "capt", "sgt", "hon", "mt", "vs",
    "eg", "ie",  "e.g", "i.e", "cf",   "fig", "al",  "approx", "ca",  "vol", "pp", "resp", "messrs", "gov"};
// May end a sentence as well: the capital after it decides.
constexpr std::array<std::string_view, 24> outer_abbreviations = {"etc",  "a.m",  "p.m",  "inc", "ltd", "co",  "corp", "jr",  "sr",  "ave", "blvd", "dept",
                                                                  "u.s", "u.k", "ph.d", "b.c", "a.d", "jan", "feb",  "aug", "sept", "oct", "nov",  "dec"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Single letters with dots between: U.S.A, J.R.R
bool is_dotted_initials(std::string_view word) {
  if (word.size() < 3 || word.size() % 2 == 0) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i % 2 == 0 ? !is_lower(word[i]) : word[i] != '.') return false;
  }
  return true;
}

bool may_begin_sentence(unsigned char next) { return next == 0 || !(is_lower(next) || next == ',' || next == ';'); }

Boundary full_stop(std::string_view word, unsigned char next) {
  if (word.ends_with("..")) return may_begin_sentence(next) ? Boundary::sentence : Boundary::clause;
  word.remove_suffix(1);
  const std::string_view cased = word;
  const std::string bare = bare_word(word);
  if (next == 0) return Boundary::sentence;
  if (cased.size() == 1 && is_upper(cased[0])) return Boundary::none;  // an initial: J. Smith
  if (contains(inner_abbreviations, bare)) return Boundary::none;
  if (bare == "no" && is_digit(next)) return Boundary::none;  // No. 5
  if (contains(outer_abbreviations, bare) || is_dotted_initials(bare)) {
    return is_upper(next) || next == '"' ? Boundary::sentence : Boundary::none;
  }
  return Boundary::sentence;
}

bool is_list_mark(std::string_view word) {
  if (word == "-" || word == "*" || word == "+" || word == "\u2022") return true;
  if (word.size() < 2 || (word.back() != '.' && word.back() != ')')) return false;
  return word.size() <= 4 && std::all_of(word.begin(), word.end() - 1, [](unsigned char c) { return is_digit(c); });
}

struct Word {
  std::string_view text;
  int line_breaks_after = 0;
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  std::size_t i = 0;
  while (i < text.size()) {
    if (is_space(text[i])) {
      if (text[i] == '\n' && !words.empty()) ++words.back().line_breaks_after;
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && !is_space(text[i])) ++i;
    words.push_back({text.substr(begin, i - begin), 0});
  }
  return words;
}

}  // namespace

Boundary boundary_after(std::string_view word, unsigned char next) {
  word = without_closers(word);
  if (word.empty()) return Boundary::none;
  const char last = word.back();
  if (last == '.') return full_stop(word, next);
  if (last == '!' || last == '?') return may_begin_sentence(next) ? Boundary::sentence : Boundary::clause;
  for (const std::string_view stop : {"\u3002", "\uFF01", "\uFF1F"}) {
    if (word.ends_with(stop)) return Boundary::sentence;
  }
  if (word.ends_with("\u2026")) return may_begin_sentence(next) ? Boundary::sentence : Boundary::clause;
  if (last == ',' || last == ';' || last == ':') return Boundary::clause;
  if (word == "-") return is_digit(next) ? Boundary::none : Boundary::clause;  // "5 - 3" is one thing
  for (const std::string_view dash : {"--", "\u2014", "\u2013", "\uFF0C", "\u3001", "\uFF1B"}) {
    if (word.ends_with(dash)) return Boundary::clause;
  }
  return Boundary::none;
}

bool has_letter_or_digit(std::string_view text) {
  // Outside ASCII everything from U+00C0 counts, but emoji and punctuation (U+2000..U+2BFF, U+1F000 and above) do not.
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (is_alnum(c)) return true;
    if (c >= 0xC3 && c <= 0xDF) return true;
    if (c >= 0xE0 && c <= 0xEF) {
      const unsigned char d = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
      const bool symbol = (c == 0xE2 && d < 0xB0) || (c == 0xE3 && d == 0x80) || (c == 0xEF && d >= 0xB8);
      if (!symbol && d != 0) return true;
    }
  }
  return false;
}

std::string normalise_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : trim(text)) {
    if (!is_space(static_cast<unsigned char>(c))) {
      out += c;
    } else if (out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::size_t utf8_cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text.size();
  std::size_t cut = bytes_max;
  while (cut > 0 && bytes_max - cut < 4 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return bytes_max - cut == 4 ? bytes_max : cut;
}

std::vector<std::string> split_sentences(std::string_view text) {
  std::vector<std::string> sentences;
  std::string sentence;
  const auto flush = [&] {
    if (has_letter_or_digit(sentence)) sentences.push_back(std::move(sentence));
    sentence.clear();
  };
  const std::vector<Word> words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (sentence.empty() && is_list_mark(words[i].text)) continue;
    if (!sentence.empty()) sentence += ' ';
    sentence += words[i].text;
    const std::string_view next = i + 1 < words.size() ? words[i + 1].text : std::string_view{};
    const unsigned char next_byte = next.empty() ? 0 : static_cast<unsigned char>(next[0]);
    const bool line_ends = words[i].line_breaks_after > 1 || (words[i].line_breaks_after == 1 && (!is_lower(next_byte) || is_list_mark(next)));
    const bool wraps = words[i].line_breaks_after == 1 && sentence.size() > 60 && !is_list_mark(next);  // a long line is a wrapped one
    if (boundary_after(words[i].text, next_byte) == Boundary::sentence || (line_ends && !wraps)) flush();
  }
  flush();
  return sentences;
}

std::string bare_word(std::string_view word) {
  const auto keeps = [](unsigned char c) { return is_alnum(c) || c >= 0x80; };
  for (const std::string_view quote : {"\u201C", "\u2018", "\u00AB"}) {
    if (word.starts_with(quote)) word.remove_prefix(quote.size());
  }
  word = without_closers(word);
  while (!word.empty() && !keeps(word.front())) word.remove_prefix(1);
  while (!word.empty() && !keeps(word.back())) word.remove_suffix(1);
  return to_lower(word);
}

}  // namespace repartee::pipeline
