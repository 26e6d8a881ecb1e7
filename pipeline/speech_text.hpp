// Written text -> what an English speech engine can say, without losing sight of the words as they were written.
// flite's front end reads ASCII and spells out numbers, money, years and initialisms itself; here everything else is turned into ASCII
// it reads well (curly quotes, dashes, accents, currency signs, addresses), symbols without a sound are dropped, and long text is cut into
// pieces at the ends of sentences and clauses.
// Thread contract: values and pure functions. Any bytes may come in: malformed UTF-8 is skipped.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace repartee::pipeline {

// One whitespace-separated word of the text.
struct SpokenWord {
  std::string written;  // as it stands in the text, punctuation and all
  std::string spoken;   // ASCII, may be several words, ends with its punctuation; empty: nothing to say (an emoji, a bullet)
};

// What is said in one go. Every written word of the text is in exactly one piece, in order.
struct SpeechPiece {
  std::vector<SpokenWord> words;
  bool ends_sentence = false;
  bool silent() const;  // no word has anything to say
  // The spoken words with one space between them. word_ends gets, for each word, the offset one past its last character.
  std::string text(std::vector<std::size_t>* word_ends = nullptr) const;
};

struct SpeechTextOptions {
  std::size_t text_bytes_max = 20'000;  // a request longer than this is refused by the engines
  std::size_t sentence_chars_min = 60;  // a piece ends with a sentence once it has this many characters ...
  std::size_t clause_chars_min = 160;   // ... with a clause (, ; :) once it has this many ...
  std::size_t piece_chars_max = 280;    // ... and after any word beyond this many
  std::size_t run_chars_max = 40;       // longer runs without a blank are broken, so that no buffer of an engine meets one
};

std::vector<SpeechPiece> split_for_speech(std::string_view text, const SpeechTextOptions& options = {});

}  // namespace repartee::pipeline
