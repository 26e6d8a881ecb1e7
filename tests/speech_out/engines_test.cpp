// What TtsProvider promises, asked of both engines.
#include <gtest/gtest.h>

#include <latch>

#include "tests/speech_out/speaking.hpp"

namespace repartee::pipeline {
namespace {

using test::Engines;
using test::Heard;
using test::say;
using test::say_as;
using test::speak;

const std::string sentence = "Hello there, Dr. Smith owes me $42.";

std::vector<std::string> written_words(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = std::min(text.find_first_not_of(" \n", at), text.size());
    at = std::min(text.find_first_of(" \n", begin), text.size());
    if (at > begin) words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

void expect_words(const Heard& heard, const std::string& text, int rate_hz) {
  std::vector<std::string> got;
  std::int64_t at_ms = 0;
  for (const WordTime& word : heard.words) {
    got.push_back(word.text);
    EXPECT_GE(word.start_ms, at_ms) << word.text;
    EXPECT_GE(word.end_ms, word.start_ms) << word.text;
    at_ms = word.end_ms;
  }
  EXPECT_LE(at_ms, (Audio{heard.samples, rate_hz}.duration_ms()));
  EXPECT_EQ(got, written_words(text));
}

class Engine : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_TRUE(engines().flite && engines().kokoro) << engines().problem; }
  static Engines& engines() { return Engines::get(); }
  TtsProvider& engine() { return GetParam() == std::string_view("flite") ? *engines().flite : *engines().kokoro; }
};

TEST_P(Engine, SpeaksAudiblyAtAPlausiblePaceAndBeginsWithSpeech) {
  const Heard heard = speak(engine(), say(sentence));
  ASSERT_TRUE(heard.end && heard.end->ok());
  EXPECT_EQ(heard.ends, 1);
  const std::int64_t ms = Audio{heard.samples, engine().rate_hz()}.duration_ms();
  EXPECT_GT(ms, 1500);
  EXPECT_LT(ms, 7000);
  EXPECT_GT(test::loudest(heard.samples), 4000);
  const auto tenth_of_second = static_cast<std::ptrdiff_t>(engine().rate_hz() / 10);
  EXPECT_GT(test::loudest(Samples(heard.samples.begin(), heard.samples.begin() + tenth_of_second)), 200);
  EXPECT_GT(test::loudest(Samples(heard.samples.end() - 2 * tenth_of_second, heard.samples.end())), 100);
}

TEST_P(Engine, TimesEveryWrittenWordOnceInOrderWithinTheAudio) {
  const Heard heard = speak(engine(), say(sentence));
  expect_words(heard, sentence, engine().rate_hz());
  for (const WordTime& word : heard.words) EXPECT_GE(word.end_ms - word.start_ms, 20) << word.text;  // each of them is said
}

TEST_P(Engine, TellsTheMouthsShapes) {
  const Heard heard = speak(engine(), say("Map my moves, please."));
  std::vector<int> first_word, all;
  std::int64_t at_ms = 0;
  for (const WordTime& word : heard.words)
    for (const VisemeTime& viseme : word.visemes) {
      EXPECT_GE(viseme.start_ms, at_ms) << word.text;
      EXPECT_LE(viseme.start_ms, word.end_ms) << word.text;
      at_ms = viseme.start_ms;
      all.push_back(viseme.id);
      if (&word == &heard.words.front()) first_word.push_back(viseme.id);
    }
  EXPECT_EQ(first_word, (std::vector<int>{21, 1, 21}));
  EXPECT_EQ(all.back(), 0) << "the mouth closes at the end";
  EXPECT_EQ(std::count(all.begin(), all.end(), 18), 1) << "the v of moves";
}

TEST_P(Engine, EndsProperlyWhenThereIsNothingToSay) {
  for (const std::string text : {"", "   \n", "...", "?! - ,", "👋 🎉", "你好 世界", "\xff\xfe\x80", "**", "'"}) {
    const Heard heard = speak(engine(), say(text));
    ASSERT_TRUE(heard.end && heard.end->ok()) << text;
    EXPECT_TRUE(heard.samples.empty()) << text;
    expect_words(heard, text, engine().rate_hz());
  }
}

TEST_P(Engine, SpeaksWhatIsNotEnglishAsWellAsItCan) {
  for (const std::string text :
       {"Café, naïve, Łódź!", "Привет hello мир", "It's 5 o'clock 🎉 somewhere…", "x_y = f(a, b) {c}", "A.B.C. #1 @me 50% C++"}) {
    const Heard heard = speak(engine(), say(text));
    ASSERT_TRUE(heard.end && heard.end->ok()) << text;
    EXPECT_FALSE(heard.samples.empty()) << text;
    expect_words(heard, text, engine().rate_hz());
  }
}

TEST_P(Engine, SpeaksFasterWhenAsked) {
  const auto normal = speak(engine(), say(sentence)).samples.size();
  const auto fast = speak(engine(), say(sentence, 1.5)).samples.size();
  const auto slow = speak(engine(), say(sentence, 0.7)).samples.size();
  EXPECT_LT(static_cast<double>(fast), 0.85 * static_cast<double>(normal));
  EXPECT_GT(static_cast<double>(slow), 1.15 * static_cast<double>(normal));
}

TEST_P(Engine, RefusesAnUnknownVoiceAndTextBeyondItsLimit) {
  for (const TtsRequest& request : {say_as("../af_heart", "Hello."), say(std::string(20'001, 'a'))}) {
    const Heard heard = speak(engine(), request);
    ASSERT_TRUE(heard.end && !heard.end->ok());
    EXPECT_EQ(heard.end->error().code, Errc::invalid_argument);
    EXPECT_TRUE(heard.samples.empty());
  }
}

TEST_P(Engine, CallsBackOnlyFromTheLoop) {
  test::ManualLoop loop;
  Heard heard;
  const StreamPtr handle = engine().synthesize(loop, say_as("no such voice", ""), into(heard));
  EXPECT_EQ(heard.ends, 0);
  loop.run();
  EXPECT_EQ(heard.ends, 1);
}

TEST_P(Engine, IsSilentOnceTheHandleIsGoneAndFreesTheWorker) {
  std::string text;
  while (text.size() < 15'000) text += sentence + " ";
  test::ManualLoop loop;
  Heard heard;
  StreamPtr handle = engine().synthesize(loop, say(text), into(heard));
  std::this_thread::sleep_for(Millis(100));  // it is running
  handle.reset();
  loop.run();
  EXPECT_TRUE(heard.samples.empty());
  // Both workers answer at once although the text would have taken seconds (flite) or minutes (Kokoro).
  const TimePoint start = SteadyClock::now();
  const Heard first = speak(engine(), say("Yes.")), second = speak(engine(), say("No."));
  EXPECT_TRUE(first.end && first.end->ok() && second.end && second.end->ok());
  ASSERT_TRUE(test::all_workers_answer(engines().pool));
  EXPECT_LT(to_ms(SteadyClock::now() - start), 10'000);
  loop.run();
  EXPECT_EQ(heard.ends, 0);
}

TEST_P(Engine, MayBeCancelledFromItsOwnCallback) {
  test::ManualLoop loop;
  StreamPtr handle;
  int chunks = 0, ends = 0;
  handle = engine().synthesize(loop, say("Yes, of course you can have some. And the next one is for somebody else. No."),
                               {.on_chunk =
                                    [&](SpeechChunk) {
                                      ++chunks;
                                      handle.reset();
                                    },
                                .on_end = [&](Status) { ++ends; }});
  ASSERT_TRUE(test::run_until(loop, [&] { return chunks > 0; }));
  ASSERT_TRUE(test::all_workers_answer(engines().pool));
  loop.run();
  EXPECT_EQ(chunks, 1);
  EXPECT_EQ(ends, 0);
}

TEST_P(Engine, GivesTheSameLengthOnManyThreadsAtOnce) {
  constexpr int requests = 8;
  const std::string text = "Hello there, Dr. Smith.";
  const std::size_t alone = speak(engine(), say(text)).samples.size();
  std::array<Heard, requests> heard;
  std::vector<StreamPtr> handles;
  test::ManualLoop loop;
  for (Heard& one : heard) handles.push_back(engine().synthesize(loop, say(text), into(one)));
  ASSERT_TRUE(
      test::run_until(loop, [&] { return std::all_of(heard.begin(), heard.end(), [](const Heard& one) { return one.ends == 1; }); }));
  // Both draw noise: where the trailing silence begins may differ by a little.
  for (const Heard& one : heard)
    EXPECT_NEAR(static_cast<double>(one.samples.size()), static_cast<double>(alone), engine().rate_hz() / 20.0);
}

TEST_P(Engine, EndsWithAnErrorWhenTheQueueIsFullOrTheDeadlineHasPassed) {
  WorkerPool pool({.name = "busy", .workers = 1, .queue_jobs_max = 1});
  std::unique_ptr<TtsProvider> engine;
  if (GetParam() == std::string_view("flite")) engine = std::move(FliteTts::load(pool, {})).value();
  else engine = std::move(KokoroTts::load(engines().runtime, pool, {.models_dir = test::models_dir()})).value();
  std::latch running(2), go_on(2);
  WorkerPool::Job job;
  job.run = [&] {
    running.arrive_and_wait();
    go_on.arrive_and_wait();
  };
  ASSERT_TRUE(pool.submit(std::move(job)).ok());
  running.arrive_and_wait();
  test::ManualLoop loop;
  Heard late, refused;
  TtsRequest too_late = say(sentence);
  too_late.deadline = SteadyClock::now() - Millis(1);
  const StreamPtr first = engine->synthesize(loop, too_late, into(late));
  const StreamPtr second = engine->synthesize(loop, say(sentence), into(refused));
  loop.run();
  ASSERT_TRUE(refused.end && !refused.end->ok());
  EXPECT_EQ(refused.end->error().code, Errc::resource_exhausted);
  go_on.arrive_and_wait();
  ASSERT_TRUE(test::run_until(loop, [&] { return late.end.has_value(); }));
  ASSERT_FALSE(late.end->ok());
  EXPECT_EQ(late.end->error().code, Errc::deadline_exceeded);
  EXPECT_TRUE(late.samples.empty());
}

INSTANTIATE_TEST_SUITE_P(Both, Engine, testing::Values("flite", "kokoro"), [](const auto& tested) { return std::string(tested.param); });

TEST(Flite, SpeaksWithEachOfItsVoices) {
  auto& engine = *Engines::get().flite;
  EXPECT_EQ(engine.rate_hz(), 16'000);
  ASSERT_EQ(engine.voices().size(), 4U);
  for (const VoiceInfo& voice : engine.voices()) {
    const Heard heard = speak(engine, say_as(voice.id, sentence));
    ASSERT_TRUE(heard.end && heard.end->ok()) << voice.id;
    const std::int64_t ms = Audio{heard.samples, engine.rate_hz()}.duration_ms();
    EXPECT_TRUE(ms > 1500 && ms < 7000) << voice.id << " " << ms;
    EXPECT_GT(test::loudest(heard.samples), 3000) << voice.id;
    expect_words(heard, sentence, engine.rate_hz());
  }
}

TEST(Flite, SpeaksFiveThousandCharacters) {
  std::string text;
  while (text.size() < 5000) text += sentence + " ";
  const Heard heard = speak(*Engines::get().flite, say(text));
  ASSERT_TRUE(heard.end && heard.end->ok());
  expect_words(heard, text, 16'000);
}

TEST(Flite, SendsItsAudioInPieces) {
  const Heard heard = speak(*Engines::get().flite, say(sentence));
  ASSERT_GT(heard.chunk_samples.size(), 10U);
  EXPECT_LT(heard.chunk_samples[0], 16'000U / 10);
}

TEST(Flite, NamesTheVoicesItHas) {
  WorkerPool pool({.name = "tts", .workers = 1});
  const auto engine = FliteTts::load(pool, {.voices = {"slt", "nobody"}});
  ASSERT_FALSE(engine.ok());
  EXPECT_NE(engine.error().message.find("rms"), std::string::npos);
}

TEST(Kokoro, OffersItsEnglishVoices) {
  auto& engine = *Engines::get().kokoro;
  EXPECT_EQ(engine.rate_hz(), 24'000);
  EXPECT_GE(engine.voices().size(), 20U);
  for (const VoiceInfo& voice : engine.voices()) EXPECT_TRUE(voice.id[0] == 'a' || voice.id[0] == 'b') << voice.id;
  for (const char* id : {"am_adam", "bf_emma"}) {
    const Heard heard = speak(engine, say_as(id, "Good morning."));
    ASSERT_TRUE(heard.end && heard.end->ok()) << id;
    EXPECT_GT(test::loudest(heard.samples), 3000) << id;
  }
}

TEST(Kokoro, SpeaksAPieceOfMoreSymbolsThanOneRunTakesInSeveral) {
  auto& engines = Engines::get();
  auto engine = KokoroTts::load(engines.runtime, engines.pool, {.models_dir = test::models_dir(), .run_symbols_max = 24});
  ASSERT_TRUE(engine.ok());
  const std::string text = "One two three four five six 1234567890123 eight.";
  const Heard heard = speak(**engine, say(text, 1.5));
  ASSERT_TRUE(heard.end && heard.end->ok());
  EXPECT_GE(heard.chunk_samples.size(), 4U);
  expect_words(heard, text, 24'000);
}

TEST(Kokoro, SaysWhatToDoWhenItsFilesAreMissing) {
  OnnxRuntime runtime;
  WorkerPool pool({.name = "tts", .workers = 1});
  const auto engine = KokoroTts::load(runtime, pool, {.models_dir = "/nowhere"});
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().code, Errc::not_found);
  EXPECT_NE(engine.error().message.find("repartee models fetch"), std::string::npos);
}

}  // namespace
}  // namespace repartee::pipeline
