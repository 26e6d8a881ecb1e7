// Word error rate: (substituted + left out + added words) / words of the reference, after both texts are brought to one form: lower case,
// no punctuation, hyphens as spaces, numbers below 100 in words, "mister" and "per cent" spelt out.
// Thread contract: every function from any thread.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace repartee::test {

struct WordErrors {
  std::size_t errors = 0, words = 0;  // words: of the reference
  double rate() const { return words == 0 ? 0.0 : static_cast<double>(errors) / static_cast<double>(words); }
  WordErrors& operator+=(const WordErrors& other) {
    errors += other.errors;
    words += other.words;
    return *this;
  }
};

std::vector<std::string> normalised_words(std::string_view text);
WordErrors word_errors(std::string_view reference, std::string_view hypothesis);

}  // namespace repartee::test
