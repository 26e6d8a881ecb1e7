#include "pipeline/phonemes.hpp"

#include <gtest/gtest.h>

namespace repartee::pipeline {
namespace {

Phonemes phonemes_of(std::string_view text, const PhonemeFrontEnd::Lexicon& lexicon = {}) {
  const auto front_end = PhonemeFrontEnd::load(lexicon);
  const auto pieces = split_for_speech(text);
  return front_end.value().phonemes(pieces.at(0));
}
std::u32string_view word(const Phonemes& phonemes, std::size_t i) {
  const auto span = phonemes.words.at(i);
  return std::u32string_view(phonemes.symbols).substr(span.begin, span.end - span.begin);
}

TEST(Phonemes, SpeaksContractionsAsOneWord) {
  const auto said = phonemes_of("I'm sure you don't, it's James's.");
  EXPECT_TRUE(said.symbols == U"Im ʃˈʊɹ ju dˈOnt, ɪts ʤˈAmzɪz.");
  EXPECT_TRUE(word(said, 0) == U"Im");
  EXPECT_TRUE(word(said, 4) == U"ɪts");
}

TEST(Phonemes, SpellsOutNumbersUnderTheWrittenWord) {
  const auto said = phonemes_of("owe $42 in 1984");
  EXPECT_TRUE(word(said, 1) == U"fˈɔɹti tˈu dˈɑləɹz");
  EXPECT_TRUE(word(said, 3) == U"nˈIntˈin ˈAti fˈɔɹ");
}

TEST(Phonemes, DropsTheStressOfFunctionWordsButNotTheirVowels) { EXPECT_TRUE(phonemes_of("but up").symbols == U"bʌt ʌp"); }

TEST(Phonemes, GivesWordsWithoutSoundAnEmptySpan) {
  const auto said = phonemes_of("hello 👋 there");
  EXPECT_EQ(said.words.size(), 3U);
  EXPECT_EQ(said.words[1].begin, said.words[1].end);
  EXPECT_FALSE(word(said, 2).empty());
}

TEST(Phonemes, PrefersItsOwnLexicon) {
  const auto said = phonemes_of("Repartee.", {{"repartee", "r eh p aa r t ey1"}});
  EXPECT_TRUE(said.symbols == U"ɹɛpɑɹtˈA.");
}

TEST(Phonemes, RefusesALexiconThatIsNotArpabet) {
  const auto front_end = PhonemeFrontEnd::load({{"word", "w qq d"}});
  ASSERT_FALSE(front_end.ok());
  EXPECT_EQ(front_end.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace repartee::pipeline
