#include "pipeline/partial_agreement.hpp"

#include <cctype>

namespace repartee::pipeline {
namespace {

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (std::isspace(static_cast<unsigned char>(c))) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

// "Hello," and "hello" are the same word said; the recogniser changes its mind about punctuation and case all the time.
std::string bare(const std::string& word) {
  std::string out;
  for (const unsigned char c : word)
    if (std::isalnum(c) || c >= 0x80 || c == '\'') out += static_cast<char>(std::tolower(c));
  return out;
}

}  // namespace

std::string PartialAgreement::push(std::string_view partial) {
  auto words = split_words(partial);
  std::size_t agreed = 0;
  while (agreed < words.size() && agreed < previous_.size() && bare(words[agreed]) == bare(previous_[agreed])) ++agreed;
  std::string delta;
  for (; said_words_ < agreed; ++said_words_) {
    if (!said_.empty() || !delta.empty()) delta += ' ';
    delta += words[said_words_];
  }
  said_ += delta;
  previous_ = std::move(words);
  return delta;
}

void PartialAgreement::reset() {
  previous_.clear();
  said_words_ = 0;
  said_.clear();
}

}  // namespace repartee::pipeline
