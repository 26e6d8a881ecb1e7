#include "pipeline/providers/moonshine.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "tests/speech_in/models.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/manual_loop.hpp"
#include "tests/support/signal.hpp"
#include "tests/support/wer.hpp"

namespace repartee::pipeline {
namespace {

using namespace std::chrono_literals;

std::string heard(const Samples& samples) {
  const auto text = test::models().asr->recognise(samples);
  EXPECT_TRUE(text.ok());
  return text.ok() ? *text : "";
}

Samples sphinx_clip(const std::string& id_end) {
  const auto recordings = test::pocketsphinx_recordings();
  for (const auto& recording : *recordings)
    if (recording.id.ends_with(id_end)) return test::padded(*test::load_samples(recording), 0, 300);
  ADD_FAILURE() << "no recording " << id_end;
  return {};
}

void expect_word_error_rate_below(double limit, const std::vector<test::Recording>& recordings) {
  test::WordErrors total;
  for (const auto& recording : recordings)
    total += test::word_errors(recording.transcript, heard(test::padded(*test::load_samples(recording), 0, 300)));
  std::printf("word error rate %.1f%% (%zu of %zu words)\n", 100 * total.rate(), total.errors, total.words);
  EXPECT_GT(total.words, 80u);
  EXPECT_LT(total.rate(), limit);
}

TEST(Moonshine, UnderstandsTelephonePrompts) {
  const auto prompts = test::asterisk_prompts();
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  expect_word_error_rate_below(0.12, test::spread(*prompts, 30));
}

TEST(Moonshine, UnderstandsReadersAndCardPlayers) {
  const auto recordings = test::pocketsphinx_recordings();
  ASSERT_TRUE(recordings.ok()) << recordings.error().message;
  expect_word_error_rate_below(0.12, *recordings);
}

// A live caller's utterance is cut a little differently each time; with some of the cuts the decoder alone says nothing.
TEST(Moonshine, HearsClearSpeechHoweverItIsCut) {
  const auto prompts = test::asterisk_prompts();
  ASSERT_TRUE(prompts.ok()) << prompts.error().message;
  int cuts = 0;
  for (const auto& prompt : *prompts) {
    if (prompt.id != "if-correct-press" && prompt.id != "vm-changeto" && prompt.id != "conf-kicked") continue;
    const Samples samples = *test::load_samples(prompt);
    for (std::size_t before_ms = 0; before_ms <= 320; before_ms += 40, ++cuts)
      EXPECT_NE(heard(test::padded(samples, before_ms, 300)), "") << prompt.id << " after " << before_ms << " ms";
  }
  EXPECT_EQ(cuts, 27);
}

TEST(Moonshine, HearsNothingInSilenceNoiseAndClips) {
  EXPECT_EQ(heard({}), "");
  EXPECT_EQ(heard(Samples(1)), "");
  EXPECT_EQ(heard(test::white_noise(1599, 3000, 1)), "");
  EXPECT_EQ(heard(Samples(32000, 0)), "");
  EXPECT_EQ(heard(test::white_noise(32000, 10, 2)), "");
  EXPECT_EQ(heard(test::white_noise(32000, 300, 3)), "");
}

TEST(Moonshine, GivesTheSameTextWhenWorkersShareItsSessions) {
  const Samples clip = sphinx_clip("0870");
  const std::string alone = heard(clip);
  ASSERT_GT(alone.size(), 20u);
  std::atomic<int> same = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back([&] {
      for (int k = 0; k < 2; ++k) same += heard(clip) == alone;
    });
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(same, 6);
}

TEST(Moonshine, UnderstandsAMinuteInPieces) {
  const Samples clip = sphinx_clip("0870");
  const std::string transcript =
      "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for them ";
  Samples minute;
  std::string said;
  while (minute.size() + clip.size() < 58 * 16000) {
    minute.insert(minute.end(), clip.begin(), clip.end());
    said += transcript;
  }
  ASSERT_GT(minute.size(), 45u * 16000);
  EXPECT_LT(test::word_errors(said, heard(minute)).rate(), 0.15);
}

TEST(Moonshine, CutsLongAudioWhereItIsQuietest) {
  std::mt19937 random(1);
  std::vector<float> noise(32000);
  for (auto& s : noise) s = static_cast<float>(random() % 1000) / 2000.0f;
  std::fill(noise.begin() + 12800, noise.begin() + 14400, 0.001f);  // 800 to 900 ms
  EXPECT_NEAR(static_cast<double>(quietest_cut(noise, 16000)), 13600, 400);
  EXPECT_EQ(quietest_cut(std::vector<float>(16100, 0.5f), 16000), 16000u * 2 / 3 + 800);
}

TEST(Moonshine, RefusesWhatIsLongerThanAnUtteranceCanBe) {
  const auto text = test::models().asr->recognise(Samples(63 * 16000, 100));
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, Errc::invalid_argument);
}

class MoonshineOnALoop : public testing::Test {
 protected:
  // The loop's tasks run here, on the test's thread, as they come in from the workers.
  void run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 3000 && !done(); ++i) {
      loop_.run();
      std::this_thread::sleep_for(10ms);
    }
    ASSERT_TRUE(done());
  }
  test::ManualLoop loop_;
};

TEST_F(MoonshineOnALoop, AnswersOnTheLoopAndNotBefore) {
  auto samples = std::make_shared<const Samples>(sphinx_clip("0930"));
  std::optional<Result<Transcript>> answer;
  const auto handle =
      test::models().asr->transcribe(loop_, {.samples = samples}, [&](Result<Transcript> result) { answer = std::move(result); });
  EXPECT_FALSE(answer.has_value());
  run_until([&] { return answer.has_value(); });
  ASSERT_TRUE(answer->ok());
  EXPECT_EQ(test::word_errors("he might even have been made amiable himself", answer->value().text).errors, 0u);
}

TEST_F(MoonshineOnALoop, ADroppedHandleHearsNothing) {
  auto samples = std::make_shared<const Samples>(sphinx_clip("0930"));
  bool is_answered = false, is_second_answered = false;
  auto dropped = test::models().asr->transcribe(loop_, {.samples = samples}, [&](Result<Transcript>) { is_answered = true; });
  dropped.reset();
  const auto second = test::models().asr->transcribe(loop_, {.samples = samples}, [&](Result<Transcript>) { is_second_answered = true; });
  run_until([&] { return is_second_answered; });
  EXPECT_FALSE(is_answered);
}

TEST_F(MoonshineOnALoop, SaysThatItKnowsEnglishOnly) {
  std::optional<Result<Transcript>> answer;
  const auto handle = test::models().asr->transcribe(loop_, {.samples = std::make_shared<const Samples>(16000), .language = "de"},
                                                     [&](Result<Transcript> result) { answer = std::move(result); });
  run_until([&] { return answer.has_value(); });
  ASSERT_FALSE(answer->ok());
  EXPECT_EQ(answer->error().code, Errc::invalid_argument);
}

TEST(MoonshineLoad, SaysWhatIsMissingAndWhatIsDamaged) {
  auto& models = test::models();
  const auto missing = MoonshineAsr::load(models.runtime, models.pool, {.models_dir = "/nowhere"});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find("repartee models fetch"), std::string::npos);

  namespace fs = std::filesystem;
  const fs::path dir = fs::temp_directory_path() / ("repartee-moonshine-" + std::to_string(std::random_device{}()));
  fs::create_directories(dir / "moonshine-tiny");
  for (const char* file : {"encoder_model.onnx", "decoder_model_merged.onnx"})
    std::ofstream(dir / "moonshine-tiny" / file) << "not a model";
  fs::copy_file(fs::path(REPARTEE_MODELS_DIR) / "moonshine-tiny" / "llama-tokenizer.js", dir / "moonshine-tiny" / "llama-tokenizer.js");
  const auto damaged = MoonshineAsr::load(models.runtime, models.pool, {.models_dir = dir});
  fs::remove_all(dir);
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().code, Errc::data_corrupt);
}

}  // namespace
}  // namespace repartee::pipeline
