#include "pipeline/speech_assembler.hpp"

#include <gtest/gtest.h>

#include "pipeline/visemes.hpp"

namespace repartee::pipeline {
namespace {

constexpr int rate_hz = 1000;  // a sample is a millisecond

struct Collected {
  Samples samples;
  std::vector<WordTime> words;
  std::vector<std::size_t> sizes;
};

SpeechAssembler::Sink into(Collected& out) {
  return [&out](SpeechChunk chunk) {
    out.samples.insert(out.samples.end(), chunk.samples.begin(), chunk.samples.end());
    out.words.insert(out.words.end(), chunk.words.begin(), chunk.words.end());
    out.sizes.push_back(chunk.samples.size());
  };
}

SpeechPiece piece_of(std::vector<std::string> words) {
  SpeechPiece piece;
  for (auto& word : words) piece.words.push_back({word, word});
  return piece;
}

Samples sound_after(std::size_t silence, std::size_t sound, std::size_t silence_after) {
  Samples out(silence, 3);
  out.insert(out.end(), sound, 5000);
  out.insert(out.end(), silence_after, -3);
  return out;
}

TEST(SpeechAssembler, TrimsSilenceAndShiftsTheWords) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  const SpeechPiece piece = piece_of({"one", "two"});
  assembler.begin_piece(piece);
  assembler.place_words({{300, 400, true}, {400, 500, true}});
  assembler.append(sound_after(300, 200, 400));
  assembler.end_piece();
  assembler.finish();
  EXPECT_EQ(out.samples.size(), 15U + 200U + 110U);
  EXPECT_EQ(out.samples[15], 5000);
  ASSERT_EQ(out.words.size(), 2U);
  EXPECT_EQ(out.words[0].start_ms, 15);
  EXPECT_EQ(out.words[1].start_ms, 115);
  EXPECT_EQ(out.words[1].end_ms, 215);
}

TEST(SpeechAssembler, ShiftsTheMouthWithTheWordsAndClosesItInPauses) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  const SpeechPiece piece = piece_of({"map", "tea", "so"});
  assembler.begin_piece(piece);
  assembler.place_words({{300, 400, true, {{21, 300}, {1, 330}, {21, 380}}},
                         {400, 450, true, {{19, 400}, {19, 410}, {6, 420}}},
                         {550, 600, true, {{15, 550}, {8, 570}}}});
  assembler.append(sound_after(300, 300, 400));
  assembler.end_piece();
  assembler.finish();
  std::vector<std::pair<int, std::int64_t>> shapes;
  for (const auto& word : out.words)
    for (const auto& viseme : word.visemes) shapes.emplace_back(viseme.id, viseme.start_ms);
  EXPECT_EQ(shapes, (std::vector<std::pair<int, std::int64_t>>{
                        {21, 15}, {1, 45}, {21, 95}, {19, 115}, {6, 135}, {0, 165}, {15, 265}, {8, 285}, {0, 315}}));
}

TEST(Visemes, KnowTheSoundsOfBothEngines) {
  EXPECT_EQ(viseme_of_arpabet("m"), 21);
  EXPECT_EQ(viseme_of_arpabet("ae"), 1);
  EXPECT_EQ(viseme_of_arpabet("pau"), viseme_at_rest);
  EXPECT_EQ(viseme_of_arpabet("a"), std::nullopt) << "part of another's name is none";
  EXPECT_EQ(viseme_of_arpabet(" "), std::nullopt);
  EXPECT_EQ(viseme_of_arpabet(""), std::nullopt);
  EXPECT_EQ(viseme_of_symbol(U'ŋ'), 20);
  EXPECT_EQ(viseme_of_symbol(U'ˈ'), std::nullopt);
  EXPECT_EQ(viseme_of_symbol(U' '), std::nullopt);
}

TEST(SpeechAssembler, GivesTheSameAudioHoweverItArrives) {
  Collected whole, parts;
  const SpeechPiece piece = piece_of({"one"});
  Samples audio = sound_after(100, 50, 300);
  const Samples more = sound_after(0, 70, 200);
  audio.insert(audio.end(), more.begin(), more.end());
  for (auto [out, step] : {std::pair(&whole, audio.size()), std::pair(&parts, std::size_t{7})}) {
    SpeechAssembler assembler(rate_hz, {}, into(*out));
    assembler.begin_piece(piece);
    assembler.place_words({{100, 520, true}});
    for (std::size_t at = 0; at < audio.size(); at += step)
      assembler.append(std::span(audio).subspan(at, std::min(step, audio.size() - at)));
    assembler.end_piece();
    assembler.finish();
  }
  EXPECT_EQ(whole.samples, parts.samples);
  EXPECT_EQ(whole.samples.size(), 15U + 50U + 300U + 70U + 110U);
  EXPECT_GT(parts.sizes.size(), 1U);
  EXPECT_EQ(parts.words.size(), 1U);
}

TEST(SpeechAssembler, SendsTheFirstChunkEarly) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  const SpeechPiece piece = piece_of({"one"});
  assembler.begin_piece(piece);
  assembler.place_words({{0, 500, true}});
  assembler.append(sound_after(30, 10, 0));
  ASSERT_EQ(out.sizes.size(), 1U);  // 15 + 10 samples: more than 20 ms
  EXPECT_EQ(out.words.size(), 1U);
  assembler.append(sound_after(0, 70, 0));
  EXPECT_EQ(out.sizes.size(), 1U);  // not yet 80 ms
  assembler.append(sound_after(0, 10, 0));
  EXPECT_EQ(out.sizes.size(), 2U);
}

TEST(SpeechAssembler, PausesBetweenSentences) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  std::vector<SpeechPiece> pieces = {piece_of({"one."}), piece_of({"two"})};
  pieces[0].ends_sentence = true;
  for (const SpeechPiece& piece : pieces) {
    assembler.begin_piece(piece);
    assembler.place_words({{0, 100, true}});
    assembler.append(sound_after(0, 100, 500));
    assembler.end_piece();
  }
  assembler.finish();
  ASSERT_EQ(out.words.size(), 2U);
  EXPECT_EQ(out.words[1].start_ms, 100 + 110 + 150);
  EXPECT_EQ(out.samples.size(), 100U + 110U + 150U + 100U + 110U);
}

TEST(SpeechAssembler, GivesWordsWithoutSoundNoTime) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  const SpeechPiece piece = piece_of({"one", "*", "two"});
  assembler.begin_piece(piece);
  assembler.place_words({{0, 50, true}, {}, {50, 100, true}});
  assembler.append(sound_after(0, 100, 0));
  assembler.end_piece();
  assembler.finish();
  ASSERT_EQ(out.words.size(), 3U);
  EXPECT_EQ(out.words[1].start_ms, 50);
  EXPECT_EQ(out.words[1].end_ms, 50);
}

TEST(SpeechAssembler, SendsTheWordsOfAPieceThatMadeNoSound) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  const SpeechPiece piece = piece_of({"one"});
  assembler.begin_piece(piece);
  assembler.place_words({{100, 200, true}});
  assembler.append(Samples(300, 0));
  assembler.end_piece();
  assembler.finish();
  EXPECT_TRUE(out.samples.empty());
  ASSERT_EQ(out.words.size(), 1U);
  EXPECT_EQ(out.words[0].end_ms, 0);
}

TEST(SpeechAssembler, NeverEndsBeforeTheLastWord) {
  Collected out;
  SpeechAssembler assembler(rate_hz, {}, into(out));
  const SpeechPiece piece = piece_of({"one"});
  assembler.begin_piece(piece);
  assembler.place_words({{0, 400, true}});
  assembler.append(sound_after(0, 50, 300));
  assembler.end_piece();
  assembler.finish();
  EXPECT_EQ(out.samples.size(), 400U);
}

}  // namespace
}  // namespace repartee::pipeline
