#include "pipeline/clause_splitter.hpp"

#include <algorithm>
#include <array>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {
namespace {

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Speech pauses naturally before these.
constexpr std::array<std::string_view, 40> openers = {
    "and",  "but",  "or",    "nor",   "so",   "yet",  "because", "although", "though",  "while", "when",   "where",  "if",     "unless",
    "until", "since", "that", "which", "who", "whose", "whether", "as",       "in",      "on",    "at",     "with",   "without", "from",
    "into", "for",  "by",    "about", "after", "before", "between", "through", "during", "under", "over", "than"};
constexpr std::array<std::string_view, 24> verbs = {"is",   "are",  "was",   "were",  "has",   "have",  "had",   "will", "would", "can",  "could", "should",
                                                    "may", "might", "must", "does", "do", "did", "isn't", "aren't", "means", "makes", "gives", "takes"};
// These lean on the word after them.
constexpr std::array<std::string_view, 75> binders = {
    "a",    "an",   "the",  "this", "that",  "these", "those", "my",    "your", "his",   "her",  "its",   "our",  "their", "no",    "some", "any",
    "each", "every", "all", "very", "quite", "more",  "most",  "less",  "much", "many",  "few",  "other", "such", "of",    "to",    "in",   "on",
    "at",   "with", "from", "for",  "by",    "as",    "and",   "or",    "but",  "if",    "not",  "i",     "you",  "he",    "she",   "we",   "they",
    "is",   "are",  "was",  "were", "am",    "be",    "has",   "have",  "can",  "will",  "would", "too",  "so",   "just",  "than",
    "should", "could", "may", "might", "must", "do", "does", "did", "don't"};
constexpr std::array<std::string_view, 13> determiners = {"a", "an", "the", "this", "these", "those", "my", "your", "his", "her", "its", "our", "their"};

bool looks_like_adjective(const std::string& word) {
  for (const std::string_view ending : {"ful", "ous", "ive", "ical", "able", "ible", "less", "ary", "ish", "ly"}) {
    if (word.size() > ending.size() + 1 && word.ends_with(ending)) return true;
  }
  return false;
}

// How well a pause stands between `left` and `right`; 0: badly. `before` is the word before `left`.
int pause_quality(const std::string& before, const std::string& left, const std::string& right) {
  if (is_one_of(binders, left)) return 0;
  if (is_one_of(openers, right)) return 3;
  if (is_one_of(verbs, right)) return 2;
  if (looks_like_adjective(left) || is_one_of(determiners, before)) return 0;
  return right == "of" || right == "to" ? 0 : 1;
}

int bracket_change(std::string_view word) {
  int change = 0;
  for (const char c : word) {
    if (c == '(' || c == '[' || c == '{') ++change;
    if (c == ')' || c == ']' || c == '}') --change;
  }
  return change;
}

bool ends_with_punctuation(std::string_view word) { return boundary_after(word, 'A') != Boundary::none; }

// Marks that end a word although no blank follows: full-width stops, and a dash between two words.
bool ends_in_joint(const std::string& word) {
  for (const std::string_view mark : {"\u3002", "\uFF01", "\uFF1F", "\uFF0C", "\uFF1B", "\u2014"}) {
    if (word.ends_with(mark)) return true;
  }
  return false;
}

bool is_list_number(std::string_view word) {
  if (word.size() < 2 || (word.back() != '.' && word.back() != ')')) return false;
  return std::all_of(word.begin(), word.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
}

bool belongs_to_word_before(unsigned char next) { return next != 0 && std::string_view(".,;:!?)]}%").find(static_cast<char>(next)) != std::string_view::npos; }

}  // namespace

std::vector<std::string> ClauseSplitter::push(std::string_view token) {
  Clauses out;
  for (const char c : token) take_byte(c, out);
  return out;
}

std::vector<std::string> ClauseSplitter::finish() {
  Clauses out;
  if (!partial_.empty()) end_word(false, out);
  if (!words_.empty()) emit(words_.size(), out);
  if (!out.empty() && out.back().ends_with(' ')) out.back().pop_back();
  clauses_ = 0;
  return out;
}

void ClauseSplitter::take_byte(char c, Clauses& out) {
  if (is_space(static_cast<unsigned char>(c))) {
    if (!partial_.empty()) {
      end_word(true, out);
    } else if (!words_.empty()) {
      words_.back().blank_after = true;
    }
    if (c == '\n' && !words_.empty()) words_.back().line_break_after = true;
    return;
  }
  if (partial_.empty() && !words_.empty()) before_next_word(static_cast<unsigned char>(c), out);
  partial_ += c;
  if (ends_in_joint(partial_)) {
    end_word(false, out);
  } else if (partial_.size() > options_.clause_chars_max) {
    cut_overlong_word(out);
  }
}

void ClauseSplitter::end_word(bool blank_after, Clauses& out) {
  words_.push_back({std::move(partial_), blank_after, false});
  partial_.clear();
  if (chars() > chars_max()) cut_overlong(out);
  if (clauses_ == 0 && !ends_with_punctuation(words_.back().text)) shorten_first(out);
}

void ClauseSplitter::before_next_word(unsigned char next, Clauses& out) {
  const Word& last = words_.back();
  const bool fence = last.line_break_after && words_.front().text.starts_with("```");
  if (!speakable() && !fence) return;
  if (last.line_break_after) return emit(words_.size(), out);
  if (bracket_open() || belongs_to_word_before(next)) return;
  if (words_.size() == 1 && is_list_number(last.text)) return;
  const Boundary boundary = boundary_after(last.text, next);
  if (boundary == Boundary::none) return;
  if (boundary == Boundary::sentence || clauses_ == 0 || chars() >= chars_min()) emit(words_.size(), out);
}

void ClauseSplitter::shorten_first(Clauses& out) {
  std::vector<std::string> bare;
  for (const Word& word : words_) bare.push_back(bare_word(word.text));
  const std::size_t count = words_.size();
  if (count < 2 || bracket_open()) return;
  const auto quality = [&](std::size_t cut) {  // of a pause before words_[cut]
    return pause_quality(cut >= 2 ? bare[cut - 2] : std::string{}, bare[cut - 1], bare[cut]);
  };
  if (count - 1 >= options_.first_words_min && quality(count - 1) == 3) return emit(count - 1, out);
  if (count <= options_.first_words_max) return;
  std::size_t best = 0;
  int best_quality = 0;
  const std::size_t last = std::min(count - 1, options_.first_words_hard_max);
  for (std::size_t cut = 2; cut <= last; ++cut) {
    const int q = quality(cut);
    const bool better = q > best_quality || (q == best_quality && cut < options_.first_words_max);
    if (q > 0 && better) best = cut, best_quality = q;
  }
  if (best == 0 && count > options_.first_words_hard_max) best = options_.first_words_hard_max;
  if (best > 0) emit(best, out);
}

void ClauseSplitter::cut_overlong(Clauses& out) {
  // The word just added made it too long; without it the clause fits. Prefer the last comma, then a pause, then any blank.
  const std::size_t end = words_.size() - 1;
  if (end == 0) return;
  std::size_t comma = 0, pause = 0, chars_before = 0;
  for (std::size_t i = 1; i <= end; ++i) {
    chars_before += words_[i - 1].text.size() + 1;
    if (chars_before < chars_min()) continue;
    if (boundary_after(words_[i - 1].text, 'a') != Boundary::none) comma = i;
    if (pause_quality("", bare_word(words_[i - 1].text), bare_word(words_[i].text)) >= 2) pause = i;
  }
  emit(comma > 0 ? comma : pause > 0 ? pause : end, out);
}

void ClauseSplitter::cut_overlong_word(Clauses& out) {
  if (!words_.empty()) emit(words_.size(), out);
  const std::size_t cut = utf8_cut(partial_, options_.clause_chars_max);
  out.push_back(partial_.substr(0, cut));
  partial_.erase(0, cut);
}

void ClauseSplitter::emit(std::size_t words, Clauses& out) {
  std::string clause;
  for (std::size_t i = 0; i < words; ++i) {
    clause += words_[i].text;
    if (words_[i].blank_after) clause += ' ';
  }
  words_.erase(words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(words));
  if (!clause.empty()) out.push_back(std::move(clause));
  ++clauses_;
}

bool ClauseSplitter::bracket_open() const {
  int depth = 0;
  std::size_t since_open = 0;
  for (const Word& word : words_) {
    if (depth > 0) since_open += word.text.size() + 1;
    depth = std::max(0, depth + bracket_change(word.text));
    if (depth == 0) since_open = 0;
  }
  return depth > 0 && since_open <= options_.bracket_chars_max;
}

bool ClauseSplitter::speakable() const {
  return std::any_of(words_.begin(), words_.end(), [](const Word& word) { return has_letter_or_digit(word.text); });
}

std::size_t ClauseSplitter::chars() const {
  std::size_t total = 0;
  for (const Word& word : words_) total += word.text.size() + (word.blank_after ? 1 : 0);
  return words_.empty() ? 0 : total - (words_.back().blank_after ? 1 : 0);
}

}  // namespace repartee::pipeline
