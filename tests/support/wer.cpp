#include "tests/support/wer.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

namespace repartee::test {
namespace {

constexpr std::array<const char*, 20> small_numbers{"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                                                    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                                    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<const char*, 10> tens{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

std::string in_words(const std::string& number) {
  if (number.size() > 2) return number;
  const auto value = static_cast<std::size_t>(std::stoi(number));
  if (value < 20) return small_numbers[value];
  return std::string(tens[value / 10]) + (value % 10 ? std::string(" ") + small_numbers[value % 10] : "");
}

// Letters in lower case, digits; everything else, and the apostrophe with it, parts words.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    result.push_back(is_letter(lower) || is_digit(lower) ? lower : ' ');
  }
  return result;
}

std::string with_numbers_spelt(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      result.push_back(text[i++]);
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && is_digit(text[end])) ++end;
    result += ' ' + in_words(text.substr(i, end - i)) + ' ';
    i = end;
  }
  return result;
}

}  // namespace

std::vector<std::string> normalised_words(std::string_view text) {
  std::istringstream in(with_numbers_spelt(plain(text)));
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    if (word == "mr") word = "mister";
    if (word == "percent") {
      words.emplace_back("per");
      word = "cent";
    }
    words.push_back(word);
  }
  return words;
}

// Levenshtein's distance, row by row.
WordErrors word_errors(std::string_view reference, std::string_view hypothesis) {
  const auto said = normalised_words(reference), heard = normalised_words(hypothesis);
  std::vector<std::size_t> row(heard.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < said.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < heard.size(); ++j) {
      const std::size_t substituted = diagonal + (said[i] == heard[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, substituted});
    }
  }
  return {.errors = row.back(), .words = said.size()};
}

}  // namespace repartee::test
