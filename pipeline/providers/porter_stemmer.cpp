#include "pipeline/providers/porter_stemmer.hpp"

#include <algorithm>
#include <iterator>

namespace repartee::pipeline {
namespace {

struct Rule {
  std::string_view suffix, replacement;
};

class Stemmer {
 public:
  explicit Stemmer(std::string_view word) : word_(word) {}

  std::string stem() {
    plurals();
    past_and_gerund();
    if (word_.ends_with('y') && has_vowel(word_.size() - 1)) word_.back() = 'i';
    replace_first(step2, 0);
    replace_first(step3, 0);
    drop_last_suffix();
    final_e();
    return word_;
  }

 private:
  static constexpr Rule step2[] = {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},   {"bli", "ble"},   {"alli", "al"},
                                   {"entli", "ent"},   {"eli", "e"},       {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"},
                                   {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"}, {"logi", "log"}};
  static constexpr Rule step3[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""}};
  static constexpr std::string_view step4[] = {"ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "al", "er", "ic", "ou"};

  bool consonant(std::size_t i) const {
    switch (word_[i]) {
      case 'a': case 'e': case 'i': case 'o': case 'u': return false;
      case 'y': return i == 0 || !consonant(i - 1);
      default: return true;
    }
  }
  bool has_vowel(std::size_t length) const {
    for (std::size_t i = 0; i < length; ++i) {
      if (!consonant(i)) return true;
    }
    return false;
  }
  // Porter's m: how often a vowel run is followed by a consonant run in the first `length` letters.
  int measure(std::size_t length) const {
    int m = 0;
    for (std::size_t i = 1; i < length; ++i) {
      if (consonant(i) && !consonant(i - 1)) ++m;
    }
    return m;
  }
  bool double_consonant(std::size_t length) const { return length >= 2 && word_[length - 1] == word_[length - 2] && consonant(length - 1); }
  // Consonant, vowel, consonant other than w, x, y at the end: "hop", not "snow".
  bool short_end(std::size_t length) const {
    if (length < 3 || !consonant(length - 1) || consonant(length - 2) || !consonant(length - 3)) return false;
    return std::string_view("wxy").find(word_[length - 1]) == std::string_view::npos;
  }
  std::size_t before(std::string_view suffix) const { return word_.size() - suffix.size(); }

  void plurals() {
    if (word_.ends_with("sses") || word_.ends_with("ies")) word_.resize(word_.size() - 2);
    else if (word_.ends_with('s') && !word_.ends_with("ss")) word_.pop_back();
  }

  void past_and_gerund() {
    if (word_.ends_with("eed")) {
      if (measure(before("eed")) > 0) word_.pop_back();
      return;
    }
    const std::size_t cut = word_.ends_with("ed") ? 2 : word_.ends_with("ing") ? 3 : 0;
    if (cut == 0 || !has_vowel(word_.size() - cut)) return;
    word_.resize(word_.size() - cut);
    if (word_.ends_with("at") || word_.ends_with("bl") || word_.ends_with("iz")) {
      word_ += 'e';
    } else if (double_consonant(word_.size()) && std::string_view("lsz").find(word_.back()) == std::string_view::npos) {
      word_.pop_back();
    } else if (measure(word_.size()) == 1 && short_end(word_.size())) {
      word_ += 'e';
    }
  }

  template <std::size_t N>
  void replace_first(const Rule (&rules)[N], int measure_above) {
    for (const Rule& rule : rules) {
      if (!word_.ends_with(rule.suffix)) continue;
      if (measure(before(rule.suffix)) > measure_above) word_.replace(before(rule.suffix), rule.suffix.size(), rule.replacement);
      return;
    }
  }

  void drop_last_suffix() {
    if (word_.ends_with("ion")) {
      const std::size_t stem = before("ion");
      if (stem > 0 && (word_[stem - 1] == 's' || word_[stem - 1] == 't') && measure(stem) > 1) word_.resize(stem);
      return;
    }
    for (const std::string_view suffix : step4) {
      if (!word_.ends_with(suffix)) continue;
      if (measure(before(suffix)) > 1) word_.resize(before(suffix));
      return;
    }
  }

  void final_e() {
    if (word_.ends_with('e')) {
      const std::size_t stem = word_.size() - 1;
      if (measure(stem) > 1 || (measure(stem) == 1 && !short_end(stem))) word_.pop_back();
    }
    if (word_.ends_with("ll") && measure(word_.size()) > 1) word_.pop_back();
  }

  std::string word_;
};

}  // namespace

std::string porter_stem(std::string_view word) {
  const bool plain = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return plain && word.size() > 2 ? Stemmer(word).stem() : std::string(word);
}

}  // namespace repartee::pipeline
