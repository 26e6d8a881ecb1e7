#include "pipeline/providers/scripted.hpp"

#include <gtest/gtest.h>

#include "tests/support/manual_loop.hpp"

namespace repartee::pipeline {
namespace {

using test::ManualLoop;

struct Said {
  std::string text;
  std::vector<std::string> pieces;
  std::optional<Result<LlmEnd>> end;
  LlmCallbacks callbacks() {
    return {.on_text = [this](std::string_view piece) { text += piece; pieces.emplace_back(piece); }, .on_end = [this](Result<LlmEnd> e) { end = std::move(e); }};
  }
};

TEST(ScriptedLlm, SaysItsLinesInTurn) {
  ManualLoop loop;
  ScriptedLlm llm({.script = {.lines = {"first line", "second line"}}, .echo_user = false});
  for (const char* expected : {"first line", "second line", "first line"}) {
    Said said;
    auto handle = llm.generate(loop, {}, said.callbacks());
    EXPECT_FALSE(said.end) << "a callback ran inside the call";
    loop.run();
    EXPECT_EQ(said.text, expected);
    ASSERT_TRUE(said.end);
    EXPECT_TRUE(said.end->ok());
  }
}

TEST(ScriptedLlm, WaitsAsItsScriptSays) {
  ManualLoop loop;
  ScriptedLlm llm({.script = {.lines = {"one two three"}, .first_delay = Millis(100), .piece_delay = Millis(10)}, .echo_user = false});
  Said said;
  auto handle = llm.generate(loop, {}, said.callbacks());
  loop.advance(Millis(99));
  EXPECT_EQ(said.text, "");
  loop.advance(Millis(1));
  EXPECT_EQ(said.text, "one ");
  loop.advance(Millis(20));
  EXPECT_EQ(said.text, "one two three");
  EXPECT_TRUE(said.end);
}

TEST(ScriptedLlm, FailsHangsAndBreaksOffOnDemand) {
  ManualLoop loop;
  const auto run = [&](ScriptedFailure failure) {
    ScriptedLlm llm({.script = {.lines = {"one two three four"}, .failure = failure, .error = Errc::resource_exhausted}, .echo_user = false});
    auto said = std::make_unique<Said>();
    auto handle = llm.generate(loop, {}, said->callbacks());
    loop.advance(std::chrono::minutes(1));
    return said;
  };
  const auto hung = run(ScriptedFailure::hang);
  EXPECT_FALSE(hung->end);
  const auto failed = run(ScriptedFailure::fail);
  EXPECT_EQ(failed->text, "");
  EXPECT_EQ(failed->end->error().code, Errc::resource_exhausted);
  const auto half = run(ScriptedFailure::half);
  EXPECT_EQ(half->text, "one two ");
  EXPECT_FALSE(half->end->ok());
  const auto dripped = run(ScriptedFailure::drip);
  EXPECT_EQ(dripped->text, "one two three four");
  EXPECT_TRUE(dripped->end->ok());
}

TEST(ScriptedLlm, StrikesOnlyEachNthCall) {
  ManualLoop loop;
  ScriptedLlm llm({.script = {.failure = ScriptedFailure::fail, .fail_every = 3}, .echo_user = false});
  std::vector<bool> ok;
  for (int i = 0; i < 6; ++i) {
    Said said;
    auto handle = llm.generate(loop, {}, said.callbacks());
    loop.run();
    ok.push_back(said.end->ok());
  }
  EXPECT_EQ(ok, (std::vector<bool>{true, true, false, true, true, false}));
}

TEST(ScriptedLlm, MayBeDestroyedInsideItsOwnCallback) {
  ManualLoop loop;
  ScriptedLlm llm;
  StreamPtr handle;
  int pieces = 0;
  bool ended = false;
  handle = llm.generate(loop, {}, {.on_text = [&](std::string_view) { if (++pieces == 2) handle.reset(); }, .on_end = [&](Result<LlmEnd>) { ended = true; }});
  loop.run();
  EXPECT_EQ(pieces, 2);
  EXPECT_FALSE(ended);
}

TEST(ScriptedAsr, TranscribesSilenceAsNothingWhenAsked) {
  ManualLoop loop;
  ScriptedAsr asr({.script = {.lines = {"hello"}}, .silence_level = 100});
  std::string heard = "?";
  const auto done = [&](Result<Transcript> transcript) { heard = transcript->text; };
  auto silent = asr.transcribe(loop, {.samples = std::make_shared<Samples>(1600, std::int16_t{5})}, done);
  loop.run();
  EXPECT_EQ(heard, "");
  auto loud = asr.transcribe(loop, {.samples = std::make_shared<Samples>(1600, std::int16_t{5000})}, done);
  loop.run();
  EXPECT_EQ(heard, "hello");
}

TEST(ScriptedTts, SpeaksAudibleAudioWithAllItsWords) {
  ManualLoop loop;
  ScriptedTts tts;
  Samples samples;
  std::vector<WordTime> words;
  bool ended = false;
  auto handle = tts.synthesize(loop, {.text = "Hello there, friend."},
                               {.on_chunk =
                                    [&](SpeechChunk chunk) {
                                      samples.insert(samples.end(), chunk.samples.begin(), chunk.samples.end());
                                      words.insert(words.end(), chunk.words.begin(), chunk.words.end());
                                    },
                                .on_end = [&](Status status) { ended = status.ok(); }});
  loop.run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(samples.size(), 24'000u * 1200 / 1000);  // 20 characters of 60 ms
  EXPECT_GT(*std::max_element(samples.begin(), samples.end()), 2000);
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words[1].text, "there,");
  EXPECT_EQ(words[0].start_ms, 0);
  EXPECT_EQ(words[0].end_ms, words[1].start_ms);
  EXPECT_EQ(words[2].end_ms, 1200);
}

}  // namespace
}  // namespace repartee::pipeline
