// Word times for engines that give none: each character of a text is taken to last equally long.
// Thread contract: pure functions and a value. Times are milliseconds from the first sample of the request's audio.
#pragma once
#include <string_view>
#include <vector>

#include "pipeline/providers.hpp"

namespace repartee::pipeline {

// The words of `text` (cut at blanks) spread over [start_ms, end_ms], each its share of characters and one for its blank.
std::vector<WordTime> spread_words(std::string_view text, std::int64_t start_ms, std::int64_t end_ms);

// The same while the audio's length is not known yet: a word is placed at the pace of `chars_per_second` as soon as the audio that
// has come covers it, and at the end what is left shares the audio that is left. What was given out is never corrected.
class WordPacer {
 public:
  WordPacer(std::string_view text, double chars_per_second);
  std::vector<WordTime> advance(std::int64_t audio_ms);  // audio received so far
  std::vector<WordTime> finish(std::int64_t audio_ms);   // all of it is there

 private:
  std::vector<WordTime> words_;  // at the assumed pace
  std::size_t next_ = 0;
  std::int64_t placed_until_ms_ = 0;
};

}  // namespace repartee::pipeline
