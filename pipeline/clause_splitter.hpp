// Cuts the text of a reply, as it arrives, into pieces that are spoken one by one. The first piece is short, because the listener
// waits for it; later ones are sentences, or clauses of long sentences, because they sound better.
// Thread contract: a value; no clock, no locks.
// The clauses put together are the text with its white space normalised: each keeps the one blank that separated it from the next.
// A clause is cut only once the first byte of the word after it is there ("3.5", "U.S. law"). Numbers, times, URLs, abbreviations
// and ellipses stay whole, closing quotes and brackets stay with what they close. A line break ends a clause.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/speakable_text.hpp"

namespace repartee::pipeline {

struct ClauseSplitterOptions {
  std::size_t first_words_min = 3;       // the first clause ends before a conjunction or preposition after this many words
  std::size_t first_words_max = 5;       // at the best place up to here when nothing better came
  std::size_t first_words_hard_max = 8;  // anywhere
  std::size_t second_chars_min = 24;     // the second one is made while the first plays: it ends at a comma past this
  std::size_t second_chars_max = 90;     // and grows to this at most
  std::size_t clause_chars_min = 60;     // later clauses end at a comma only past this
  std::size_t clause_chars_max = 200;    // and never grow past this (bytes)
  std::size_t bracket_chars_max = 80;    // a bracket that stays open longer counts as text
};

class ClauseSplitter {
 public:
  using Options = ClauseSplitterOptions;
  ClauseSplitter() : ClauseSplitter(Options{}) {}
  explicit ClauseSplitter(Options options) : options_(options) {}

  std::vector<std::string> push(std::string_view token);  // clauses that became complete
  std::vector<std::string> finish();                      // what is left; then the splitter is new again

 private:
  struct Word {
    std::string text;
    bool blank_after = true;
    bool line_break_after = false;
  };
  using Clauses = std::vector<std::string>;

  void take_byte(char c, Clauses& out);
  void end_word(bool blank_after, Clauses& out);
  void before_next_word(unsigned char next, Clauses& out);
  void shorten_first(Clauses& out);
  void cut_overlong(Clauses& out);
  void cut_overlong_word(Clauses& out);
  void emit(std::size_t words, Clauses& out);
  bool bracket_open() const;
  bool speakable() const;
  std::size_t chars() const;

  Options options_;
  std::vector<Word> words_;  // complete words of the clause under way
  std::string partial_;      // the word under way
  std::size_t chars_min() const { return clauses_ == 1 ? options_.second_chars_min : options_.clause_chars_min; }
  std::size_t chars_max() const { return clauses_ == 1 ? options_.second_chars_max : options_.clause_chars_max; }
  int clauses_ = 0;          // cut so far
};

}  // namespace repartee::pipeline
