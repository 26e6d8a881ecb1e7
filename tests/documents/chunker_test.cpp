#include "pipeline/documents/chunker.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "pipeline/documents/extract.hpp"
#include "pipeline/text_rules.hpp"
#include "tests/support/documents/make.hpp"

namespace repartee::documents {
namespace {

std::vector<std::string> texts(std::string_view text, const ChunkOptions& options = {}) {
  const auto chunks = chunk_text(text, options);
  EXPECT_TRUE(chunks);
  std::vector<std::string> all;
  for (const auto& chunk : *chunks) all.push_back(chunk.text);
  return all;
}
using Texts = std::vector<std::string>;

TEST(Chunker, KeepsAShortTextWhole) {
  EXPECT_EQ(texts("One sentence. Another one.\n\nA paragraph."), (Texts{"One sentence. Another one.\n\nA paragraph."}));
}
TEST(Chunker, HasNothingToSayAboutNothing) { EXPECT_TRUE(texts(" \n\n").empty()); }

TEST(Chunker, CarriesTheHeadingsIntoEachSection) {
  EXPECT_EQ(texts("# Guide\n\nWelcome.\n\n## Hours\n\nOpen daily.\n\n### Winter\n\nClosed.\n\n## Prices\n\n- Adults: 5\n- Children: free"),
            (Texts{"Guide\n\nWelcome.", "Guide: Hours\n\nOpen daily.", "Guide: Hours: Winter\n\nClosed.",
                   "Guide: Prices\n\n- Adults: 5\n- Children: free"}));
}

TEST(Chunker, KeepsAHeadingThatNothingStandsUnder) {
  EXPECT_EQ(texts("# Guide\n\n## Closed on Mondays\n\n## Free on Sundays\n\n## Hours\n\nNine to five."),
            (Texts{"Guide\n\nClosed on Mondays", "Guide\n\nFree on Sundays", "Guide: Hours\n\nNine to five."}));
}

TEST(Chunker, CutsAtSentencesAndRepeatsTheLastOnes) {
  std::string text;
  for (int i = 1; i <= 40; ++i) text += "This is sentence number " + std::to_string(i) + " of a long text about lighthouses. ";
  const auto chunks = texts(text, {.tokens_target = 60});
  ASSERT_GT(chunks.size(), 8u);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_TRUE(chunks[i].starts_with("This is sentence")) << chunks[i];
    EXPECT_TRUE(chunks[i].ends_with("lighthouses.")) << chunks[i];
    if (i == 0) continue;
    const auto first = chunks[i].substr(0, chunks[i].find('.') + 1);
    EXPECT_NE(chunks[i - 1].find(first), std::string::npos) << "begins with what the one before it ends with";
  }
}

TEST(Chunker, DoesNotRepeatAcrossSections) {
  EXPECT_EQ(texts("# A\n\nFirst here. Second here.\n\n# B\n\nThird."), (Texts{"A\n\nFirst here. Second here.", "B\n\nThird."}));
}

TEST(Chunker, CutsASentenceThatIsTooLongBetweenWords) {
  std::string endless;
  for (int i = 0; i < 1000; ++i) endless += "word" + std::to_string(i) + " ";
  const auto chunks = chunk_text(endless);
  ASSERT_TRUE(chunks);
  ASSERT_GT(chunks->size(), 4u);
  for (const auto& chunk : *chunks) {
    EXPECT_LE(chunk.token_count, 301);
    EXPECT_TRUE(chunk.text.starts_with("word")) << chunk.text.substr(0, 20);
  }
  EXPECT_EQ(texts(std::string(10'000, 'x')).size(), 9u) << "no blank to cut at";
}

TEST(Chunker, KeepsUtf8CharactersWhole) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "é";
  for (const auto& chunk : texts("a" + text)) EXPECT_TRUE(chunk.size() % 2 == 0 || chunk[0] == 'a');
}

TEST(Chunker, LeavesTableRowsAndCodeLinesWhole) {
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += "- Day: number " + std::to_string(i) + "; Opens: at 9. Closes early.\n";
  for (const auto& chunk : texts("# Hours\n\n" + rows)) {
    EXPECT_TRUE(chunk.starts_with("Hours\n\n- Day: number")) << chunk;
    EXPECT_TRUE(chunk.ends_with("Closes early.")) << chunk;
  }
  EXPECT_EQ(texts("Run:\n\n    make all\n    make install"), (Texts{"Run:\n    make all\n    make install"}));
}

TEST(Chunker, RefusesMoreChunksThanItMayMake) {
  std::string sections;
  for (int i = 0; i < 50; ++i) sections += "# H\n\nText.\n\n";
  const auto chunks = chunk_text(sections, {.chunks_max = 20});
  ASSERT_FALSE(chunks);
  EXPECT_EQ(chunks.error().code, Errc::invalid_argument);
}

// Real documentation: nothing is lost, nothing is longer than it may be, and it is the same each time.
TEST(Chunker, LosesNoWordOfRealTexts) {
  const std::string share = "/usr/share/doc/", licences = "/usr/share/common-licenses/";
  int read = 0;
  for (const auto& file :
       {share + "base-files/README", share + "base-files/README.FHS", share + "catch2/README.md", share + "ccache/manual.html",
        share + "ccache/README.md", share + "bzip2/manual.html", licences + "GPL-3", licences + "Apache-2.0"}) {
    const auto bytes = test::file_text(file);
    if (bytes.empty()) continue;
    ++read;
    const auto text = extract(bytes, file.ends_with(".md") || file.ends_with(".html") ? file : file + ".txt", "");
    ASSERT_TRUE(text) << file << ": " << text.error().message;
    const auto chunks = chunk_text(text->text);
    ASSERT_TRUE(chunks) << file;
    std::set<std::string> words;
    for (const auto& chunk : *chunks) {
      EXPECT_LE(chunk.token_count, 200 + 50 + 50 + 301) << file;
      EXPECT_GT(chunk.token_count, 0);
      std::string_view rest = chunk.text;
      while (!rest.empty()) {
        const auto end = std::min(rest.find_first_of(" \n"), rest.size());
        words.insert(std::string(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
    std::string_view rest = text->text;
    while (!rest.empty()) {
      const auto end = std::min(rest.find_first_of(" \n"), rest.size());
      const std::string word(rest.substr(0, end));
      if (word.size() <= 40 && pipeline::has_letter_or_digit(word) && word.find_first_of("0123456789") == std::string::npos) {
        EXPECT_TRUE(words.contains(word)) << file << " lost " << word;
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    const auto again = chunk_text(text->text);
    ASSERT_EQ(again->size(), chunks->size());
    for (std::size_t i = 0; i < chunks->size(); ++i) EXPECT_EQ((*again)[i].text, (*chunks)[i].text);
  }
  EXPECT_GE(read, 2) << "there is hardly a Debian without its licences";
}

}  // namespace
}  // namespace repartee::documents
