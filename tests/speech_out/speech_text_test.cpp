#include "pipeline/speech_text.hpp"

#include <gtest/gtest.h>

#include <random>

namespace repartee::pipeline {
namespace {

std::string spoken(std::string_view text) {
  std::string out;
  for (const auto& piece : split_for_speech(text)) {
    if (piece.silent()) continue;
    if (!out.empty()) out += " / ";
    out += piece.text();
  }
  return out;
}

std::string rewritten(std::string_view text) {
  std::string out;
  for (const auto& piece : split_for_speech(text))
    for (const auto& word : piece.words) out += (out.empty() ? "" : " ") + word.written;
  return out;
}

TEST(SpeechText, LeavesPlainEnglishAsItIs) { EXPECT_EQ(spoken("I'm well-known, don't you think?"), "I'm well-known, don't you think?"); }

TEST(SpeechText, TurnsTypographicMarksIntoAscii) {
  EXPECT_EQ(spoken("“It’s fine” … isn’t it"), "It's fine isn't it");
  EXPECT_EQ(spoken("yes — no"), "yes, no");
  EXPECT_EQ(spoken("yes—no"), "yes, no");
  EXPECT_EQ(spoken("Well…"), "Well.");
}

TEST(SpeechText, SaysSymbolsThatHaveASound) {
  EXPECT_EQ(spoken("salt & pepper"), "salt and pepper");
  EXPECT_EQ(spoken("3.5% of $5 + €20"), "3.5% of $5 plus 20 euros");
  EXPECT_EQ(spoken("-5°"), "minus 5 degrees");
  EXPECT_EQ(spoken("see #3 in #news"), "see number 3 in news");
}

TEST(SpeechText, SaysAddresses) {
  EXPECT_EQ(spoken("ask bob@example.com."), "ask bob at example dot com.");
  EXPECT_EQ(spoken("https://example.org/a_b"), "example dot org slash a b");
}

TEST(SpeechText, TakesTheAccentsOffLatinLetters) { EXPECT_EQ(spoken("naïve café Łódź Straße"), "naive cafe Lodz Strasse"); }

TEST(SpeechText, DropsWhatHasNoSoundButKeepsTheWord) {
  EXPECT_EQ(spoken("👋 hello 你好 *"), "hello");
  EXPECT_EQ(rewritten("👋 hello 你好 *"), "👋 hello 你好 *");
}

TEST(SpeechText, TakesACapitalAForTheArticleBeforeAWord) {
  EXPECT_EQ(spoken("A dog"), "a dog");
  EXPECT_EQ(spoken("Vitamin A"), "Vitamin A");
}

TEST(SpeechText, CutsLongTextAtSentencesAndNotAtAbbreviations) {
  const auto pieces = split_for_speech(
      "We walked all the way to the old harbour to see Dr. Smith. He was not there at all, so we went home again. The end.");
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].words.back().written, "again.");
  EXPECT_TRUE(pieces[0].ends_sentence);
}

TEST(SpeechText, CutsTextWithoutPunctuationBeyondTheLimit) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word ";
  const SpeechTextOptions options;
  for (const auto& piece : split_for_speech(text, options)) EXPECT_LE(piece.text().size(), options.piece_chars_max + 5);
}

TEST(SpeechText, BreaksEndlessRunsOfLetters) {
  for (const auto& piece : split_for_speech(std::string(3000, 'x')))
    for (std::size_t run = 0; char c : piece.text()) {
      run = c == ' ' ? 0 : run + 1;
      ASSERT_LE(run, SpeechTextOptions{}.run_chars_max);
    }
}

TEST(SpeechText, KeepsEveryWordOnceAndSaysOnlyAsciiWhateverTheBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (std::size_t i = 0, size = random() % 200; i < size; ++i)
      text += random() % 4 == 0 ? ' ' : static_cast<char>(random() % 3 == 0 ? random() % 256 : 32 + random() % 95);
    std::string written, expected;
    for (const auto& piece : split_for_speech(text))
      for (const auto& word : piece.words) {
        written += word.written;
        for (char c : word.spoken) ASSERT_TRUE(c >= 32 && c < 127) << static_cast<int>(c);
      }
    for (std::size_t i = 0; i < text.size(); ++i)
      if (static_cast<unsigned char>(text[i]) > ' ' && static_cast<unsigned char>(text[i]) < 0x7F) expected += text[i];
    std::string ascii;
    for (char c : written)
      if (static_cast<unsigned char>(c) > ' ' && static_cast<unsigned char>(c) < 0x7F) ascii += c;
    ASSERT_EQ(ascii, expected);
  }
}

}  // namespace
}  // namespace repartee::pipeline
