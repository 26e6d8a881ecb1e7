#include "pipeline/providers/word_times.hpp"

#include <algorithm>
#include <cmath>

#include "pipeline/text_rules.hpp"

namespace repartee::pipeline {

std::vector<WordTime> spread_words(std::string_view text, std::int64_t start_ms, std::int64_t end_ms) {
  const std::string plain = normalise_spaces(text);
  std::vector<WordTime> words;
  if (plain.empty()) return words;
  const double ms_per_char = static_cast<double>(std::max(start_ms, end_ms) - start_ms) / static_cast<double>(plain.size() + 1);
  const auto at = [&](std::size_t chars) { return start_ms + std::llround(ms_per_char * static_cast<double>(chars)); };
  for (std::size_t begin = 0; begin < plain.size();) {
    const std::size_t end = std::min(plain.find(' ', begin), plain.size());
    words.push_back({plain.substr(begin, end - begin), at(begin), at(end + 1)});
    begin = end + 1;
  }
  return words;
}

WordPacer::WordPacer(std::string_view text, double chars_per_second) {
  const double chars = static_cast<double>(normalise_spaces(text).size() + 1);
  words_ = spread_words(text, 0, std::llround(chars / chars_per_second * 1000));
}

std::vector<WordTime> WordPacer::advance(std::int64_t audio_ms) {
  std::vector<WordTime> out;
  while (next_ < words_.size() && words_[next_].end_ms <= audio_ms) {
    placed_until_ms_ = words_[next_].end_ms;
    out.push_back(words_[next_++]);
  }
  return out;
}

std::vector<WordTime> WordPacer::finish(std::int64_t audio_ms) {
  std::string rest;
  for (; next_ < words_.size(); ++next_) rest += words_[next_].text + ' ';
  return spread_words(rest, placed_until_ms_, std::max(audio_ms, placed_until_ms_));
}

}  // namespace repartee::pipeline
