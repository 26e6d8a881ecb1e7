// Where English text may be cut: word ends that end a sentence or a clause, and those that only look so (abbreviations,
// initials, ellipses). Shared by the clause splitter, which sees text arrive, and the sentence index, which has it whole.
// Thread contract: pure functions. Text is UTF-8; bytes that are not are carried along unchanged.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/text.hpp"

namespace repartee::pipeline {

enum class Boundary {
  none,
  clause,    // , ; : dash ellipsis
  sentence,  // . ! ?
};

// What the end of `word` means when `next` is the first byte of the word after it (0: nothing follows).
Boundary boundary_after(std::string_view word, unsigned char next);

bool has_letter_or_digit(std::string_view text);
std::string normalise_spaces(std::string_view text);  // runs of white space become one blank, none at the ends

// The largest n <= bytes_max at which `text` may be cut without cutting a UTF-8 character.
std::size_t utf8_cut(std::string_view text, std::size_t bytes_max);

// Whole sentences, spaces normalised. A line break after a line without a full stop (a heading, a list item) ends one too when
// the next line begins with a capital, a digit or a list mark; otherwise it is a wrapped line.
std::vector<std::string> split_sentences(std::string_view text);

// The word without quotes, brackets and punctuation around it, in lower case.
std::string bare_word(std::string_view word);

}  // namespace repartee::pipeline
