#include "pipeline/providers/moonshine_tokens.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace repartee::pipeline {
namespace {

using Ids = std::vector<MoonshineTokens::Id>;

const MoonshineTokens& tokens() {
  static const auto loaded = MoonshineTokens::load(std::filesystem::path(REPARTEE_MODELS_DIR) / "moonshine-tiny" / "llama-tokenizer.js");
  return loaded.value();
}

// Llama's table: 15043 is "▁Hello", 3186 "▁world", 29991 "!"; 3 + b is the byte b.
TEST(MoonshineTokens, MakesTextOfPieces) { EXPECT_EQ(tokens().text(Ids{1, 15043, 3186, 29991, 2}), "Hello world!"); }

TEST(MoonshineTokens, JoinsBytesToCharactersAndMarksBrokenOnes) {
  EXPECT_EQ(tokens().text(Ids{3 + 0xE2, 3 + 0x82, 3 + 0xAC}), "\xE2\x82\xAC");
  EXPECT_EQ(tokens().text(Ids{3 + 0xE2, 3 + 0x82, 15043}), "\xEF\xBF\xBD\xEF\xBF\xBD Hello");
}

TEST(MoonshineTokens, SpecialTokensMakeNoText) {
  EXPECT_EQ(tokens().text(Ids{0, 1, 2, 32000, 32767, 40000, -1}), "");
  EXPECT_EQ(tokens().text(Ids{}), "");
}

TEST(MoonshineTokens, RefusesAFileThatIsNotTheTable) {
  const auto file = std::filesystem::temp_directory_path() / ("repartee-tokens-" + std::to_string(std::random_device{}()));
  for (const char* content :
       {"", "const llama_vocab_base64 = \"PHVuaz4K", "const llama_vocab_base64 = \"PHVuaz4K\";", "llama_vocab_base64 = \"??\";"}) {
    std::ofstream(file) << content;
    const auto loaded = MoonshineTokens::load(file);
    ASSERT_FALSE(loaded.ok()) << content;
    EXPECT_EQ(loaded.error().code, Errc::data_corrupt);
  }
  std::filesystem::remove(file);
  EXPECT_EQ(MoonshineTokens::load(file).error().code, Errc::not_found);
}

TEST(RepetitionLoop, KeepsSpeechThatDoesNotGoRound) {
  EXPECT_EQ(length_without_loop(Ids{}), 0u);
  EXPECT_EQ(length_without_loop(Ids{5, 6, 7, 8}), 4u);
  EXPECT_EQ(length_without_loop(Ids{9, 5, 5, 5}), 4u);  // thrice is how people insist
  EXPECT_EQ(length_without_loop(Ids{9, 5, 6, 5, 6, 5, 6, 7}), 8u);
}

TEST(RepetitionLoop, KeepsTheFirstTimeOfWhatGoesRoundAtTheEnd) {
  EXPECT_EQ(length_without_loop(Ids{9, 5, 5, 5, 5, 5}), 2u);
  EXPECT_EQ(length_without_loop(Ids{9, 8, 5, 6, 5, 6, 5, 6, 5, 6, 5}), 4u);  // cut off in the middle of a round
}

TEST(RepetitionLoop, DropsEverythingWhenNothingElseWasSaid) {
  EXPECT_EQ(length_without_loop(Ids{5, 5, 5, 5}), 0u);
  EXPECT_EQ(length_without_loop(Ids{5, 6, 7, 5, 6, 7, 5, 6, 7, 5, 6, 7, 5}), 0u);
}

}  // namespace
}  // namespace repartee::pipeline
