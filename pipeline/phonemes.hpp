// English text -> the symbols Kokoro was trained on (IPA with its own letters for diphthongs), by flite's text analysis and lexicon.
// Follows what is known of Kokoro's own front end: stress marks before the vowel, none on words of function, punctuation kept, one blank
// between words.
// Thread contract: any thread.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "pipeline/speech_text.hpp"

namespace repartee::pipeline {

struct Phonemes {
  struct Span {
    std::size_t begin = 0, end = 0;  // in symbols; equal: the word has no sound
  };
  std::u32string symbols;
  std::vector<Span> words;  // one for each word of the piece
};

class PhonemeFrontEnd {
 public:
  // Words (lower case) said otherwise than flite's lexicon or its rules have it, in ARPAbet: "r eh p er0 t iy1". A digit after a vowel is
  // its stress: 1 stressed, 0 or none not.
  using Lexicon = std::map<std::string, std::string, std::less<>>;
  static Result<PhonemeFrontEnd> load(const Lexicon& lexicon);  // invalid_argument: a sound ARPAbet does not have

  Phonemes phonemes(const SpeechPiece& piece) const;

 private:
  std::map<std::string, std::u32string, std::less<>> lexicon_;
};

}  // namespace repartee::pipeline
