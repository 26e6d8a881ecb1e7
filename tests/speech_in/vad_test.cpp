#include "pipeline/vad.hpp"

#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <fstream>

#include "tests/speech_in/models.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/manual_loop.hpp"
#include "tests/support/signal.hpp"

namespace repartee::pipeline {
namespace {

using namespace std::chrono_literals;

std::vector<float> probabilities(const Samples& samples) { return vad_probabilities(*test::models().vad, samples); }

double share_above(const std::vector<float>& values, float limit) {
  return static_cast<double>(std::count_if(values.begin(), values.end(), [&](float p) { return p > limit; })) /
         static_cast<double>(values.size());
}

Samples prompt(std::size_t index) {
  const auto prompts = test::asterisk_prompts();
  return *test::load_samples(test::spread(*prompts, 16)[index]);
}

struct Heard {
  std::vector<std::int64_t> ends;
  std::vector<float> probabilities;
  VadStream::Callback callback() {
    return [this](std::int64_t end, float probability) {
      ends.push_back(end);
      probabilities.push_back(probability);
    };
  }
};

TEST(Vad, TellsHumanSpeechFromSilenceAndNoise) {
  const auto recordings = test::pocketsphinx_recordings();
  ASSERT_TRUE(recordings.ok());
  for (const auto& recording : test::spread(*recordings, 4))
    EXPECT_GT(share_above(probabilities(*test::load_samples(recording)), 0.5f), 0.4) << recording.id;
  EXPECT_GT(share_above(probabilities(prompt(3)), 0.5f), 0.5);
  EXPECT_LT(share_above(probabilities(Samples(48000, 0)), 0.3f), 0.01);
  EXPECT_LT(share_above(probabilities(test::white_noise(48000, 500, 1)), 0.5f), 0.02);
  EXPECT_LT(share_above(probabilities(test::sine(1000, 16000, 48000)), 0.5f), 0.05);
}

TEST(Vad, HearsSpeechBeginAndEndWhereItDoes) {
  const auto p = probabilities(test::padded(prompt(5), 2000, 2000));
  const std::size_t second = 16000 / vad_window_samples;
  EXPECT_LT(share_above({p.begin(), p.begin() + 2 * static_cast<std::ptrdiff_t>(second) - 3}, 0.5f), 0.01);
  EXPECT_LT(share_above({p.end() - static_cast<std::ptrdiff_t>(second), p.end()}, 0.5f), 0.01);
  EXPECT_GT(*std::max_element(p.begin(), p.end()), 0.95f);
}

// Streams of different lengths, pushed in different pieces, so that batches of many sizes come about.
TEST(VadBatcher, GivesBitForBitWhatEachStreamAloneGives) {
  test::ManualLoop loop;
  VadBatcher batcher(loop, test::models().vad, {.batch_streams_max = 5});
  std::vector<Samples> audio;
  for (std::size_t i = 0; i < 16; ++i) audio.push_back(prompt(i));
  std::vector<Heard> heard(audio.size());
  std::vector<std::unique_ptr<VadStream>> streams;
  for (auto& h : heard) streams.push_back(batcher.open(h.callback()));
  std::size_t longest = 0;
  for (const auto& samples : audio) longest = std::max(longest, samples.size());
  for (std::size_t step = 0; step <= longest / 320; ++step) {
    for (std::size_t i = 0; i < audio.size(); ++i) {
      const std::size_t piece = 320 + 97 * i, at = std::min(step * piece, audio[i].size());
      ASSERT_TRUE(streams[i]->push(std::span(audio[i]).subspan(at, std::min(piece, audio[i].size() - at))).ok());
    }
    loop.advance(20ms);
  }
  loop.advance(1s);
  for (std::size_t i = 0; i < audio.size(); ++i) {
    EXPECT_EQ(heard[i].probabilities, probabilities(audio[i])) << i;
    for (std::size_t w = 0; w < heard[i].ends.size(); ++w)
      ASSERT_EQ(heard[i].ends[w], static_cast<std::int64_t>((w + 1) * vad_window_samples));
  }
}

TEST(VadBatcher, WaitsATickForCompanyAndThenAnswersAll) {
  test::ManualLoop loop;
  VadBatcher batcher(loop, test::models().vad, {.tick = 8ms});
  Heard first, second;
  const auto a = batcher.open(first.callback()), b = batcher.open(second.callback());
  ASSERT_TRUE(a->push(Samples(512)).ok());
  loop.advance(7ms);
  EXPECT_TRUE(first.ends.empty());
  ASSERT_TRUE(b->push(Samples(512)).ok());
  loop.advance(1ms);
  EXPECT_EQ(first.ends.size(), 1u);
  EXPECT_EQ(second.ends.size(), 1u);
}

TEST(VadBatcher, LeavesTheLoopItsTurnDuringAFloodAndLosesNothing) {
  test::ManualLoop loop;
  VadBatcher batcher(loop, test::models().vad, {.runs_per_tick_max = 4, .stream_samples_max = 20 * vad_window_samples});
  Heard heard;
  const auto stream = batcher.open(heard.callback());
  ASSERT_TRUE(stream->push(Samples(20 * vad_window_samples)).ok());
  const auto refused = stream->push(Samples(1));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::resource_exhausted);
  std::size_t heard_at_interruption = 99;
  auto interruption = loop.after(8ms, [&] { heard_at_interruption = heard.ends.size(); });
  loop.advance(8ms);
  EXPECT_EQ(heard_at_interruption, 4u);  // its turn came after the first four runs
  loop.advance(1ms);
  EXPECT_EQ(heard.ends.size(), 20u);
  EXPECT_EQ(heard.ends.back(), 20 * static_cast<std::int64_t>(vad_window_samples));
}

TEST(VadBatcher, ADestroyedStreamHearsNothingMore) {
  test::ManualLoop loop;
  VadBatcher batcher(loop, test::models().vad);
  Heard gone, kept;
  auto a = batcher.open(gone.callback());
  const auto b = batcher.open(kept.callback());
  ASSERT_TRUE(a->push(Samples(512)).ok());
  ASSERT_TRUE(b->push(Samples(512)).ok());
  a.reset();
  loop.advance(20ms);
  EXPECT_TRUE(gone.ends.empty());
  EXPECT_EQ(kept.ends.size(), 1u);
}

TEST(VadBatcher, StreamsMayDieInsideACallback) {
  test::ManualLoop loop;
  VadBatcher batcher(loop, test::models().vad);
  std::unique_ptr<VadStream> a, b, c;
  Heard last;
  int calls = 0;
  a = batcher.open([&](std::int64_t, float) {
    ++calls;
    a.reset();  // itself
    b.reset();  // one whose result waits in the same batch
  });
  b = batcher.open([&](std::int64_t, float) { ADD_FAILURE() << "called after its end"; });
  c = batcher.open(last.callback());
  for (auto* stream : {a.get(), b.get(), c.get()}) ASSERT_TRUE(stream->push(Samples(1024)).ok());
  loop.advance(20ms);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(last.ends.size(), 2u);
}

TEST(VadBatcher, ResetForgetsTheVoiceButNotTheTime) {
  test::ManualLoop loop;
  VadBatcher batcher(loop, test::models().vad);
  Heard heard;
  const auto stream = batcher.open(heard.callback());
  const Samples speech = prompt(2);
  ASSERT_TRUE(stream->push(std::span(speech).first(10000)).ok());
  loop.advance(100ms);
  const std::size_t before = heard.ends.size();
  ASSERT_EQ(before, 10000 / vad_window_samples);
  stream->reset();
  ASSERT_TRUE(stream->push(std::span(speech).first(5120)).ok());
  loop.advance(100ms);
  ASSERT_EQ(heard.ends.size(), before + 10);
  EXPECT_EQ(heard.ends[before], 10000 + static_cast<std::int64_t>(vad_window_samples));
  EXPECT_EQ((std::vector<float>(heard.probabilities.begin() + static_cast<std::ptrdiff_t>(before), heard.probabilities.end())),
            probabilities({speech.begin(), speech.begin() + 5120}));
}

// The reference: the same file, run by ONNX Runtime.
std::vector<float> reference(const Samples& samples) {
  const auto session = *test::models().runtime.open(std::filesystem::path(REPARTEE_MODELS_DIR) / "silero" / "silero_vad_v6.onnx");
  const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  const char *inputs[] = {"input", "state", "sr"}, *outputs[] = {"output", "stateN"};
  std::vector<float> row(vad_context_samples + vad_window_samples), state(256), result;
  std::int64_t rate_hz = asr_rate_hz;
  const std::array<std::int64_t, 2> row_shape{1, static_cast<std::int64_t>(row.size())};
  const std::array<std::int64_t, 3> state_shape{2, 1, 128};
  for (std::size_t at = 0; at + vad_window_samples <= samples.size(); at += vad_window_samples) {
    std::copy(row.end() - vad_context_samples, row.end(), row.begin());
    for (std::size_t i = 0; i < vad_window_samples; ++i) row[vad_context_samples + i] = static_cast<float>(samples[at + i]) / 32768.0F;
    std::vector<Ort::Value> in;
    in.push_back(Ort::Value::CreateTensor<float>(memory, row.data(), row.size(), row_shape.data(), 2));
    in.push_back(Ort::Value::CreateTensor<float>(memory, state.data(), state.size(), state_shape.data(), 3));
    in.push_back(Ort::Value::CreateTensor<std::int64_t>(memory, &rate_hz, 1, nullptr, 0));
    const auto out = session->Run({}, inputs, in.data(), in.size(), outputs, 2);
    result.push_back(*out[0].GetTensorData<float>());
    std::copy_n(out[1].GetTensorData<float>(), state.size(), state.begin());
  }
  return result;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  return largest;
}

TEST(VadKernel, SaysWhatOnnxRuntimeSays) {
  Samples loud = test::white_noise(48000, 20000, 3);
  loud.insert(loud.end(), 16000, 32767);
  for (const auto& samples : {prompt(0), prompt(7), prompt(12), Samples(32000, 0), loud, test::sine(200, 16000, 48000)})
    EXPECT_LT(largest_difference(probabilities(samples), reference(samples)), 1e-4);
}

// Whatever this machine can run; the one that it would choose is tested above.
TEST(VadKernel, SaysTheSameWithEverySetOfInstructions) {
  std::vector<vad_kernel::Run> runs{vad_kernel::run_plain};
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) runs.push_back(vad_kernel::run_avx2);
#endif
  const Samples speech = prompt(4);
  const auto expected = probabilities(speech);
  for (const auto run : runs) {
    const auto group = std::make_unique<vad_kernel::Group>();
    std::vector<float> said;
    constexpr std::size_t lane = 17;
    for (std::size_t at = 0; at + vad_window_samples <= speech.size(); at += vad_window_samples) {
      for (std::size_t i = 0; i < vad_kernel::window_samples; ++i) {
        const std::size_t sample = at + i;
        group->samples[i][lane] = sample < vad_context_samples ? 0.0F : static_cast<float>(speech[sample - vad_context_samples]) / 32768.0F;
      }
      run(test::models().vad->weights().net(), *group, lane + 1);
      said.push_back(group->probability[lane]);
    }
    EXPECT_LT(largest_difference(said, expected), 1e-4) << vad_kernel::name_of(run);
  }
}

TEST(VadWeights, AnythingButThatNetIsRefused) {
  const std::string text = "not a model at all";
  EXPECT_EQ(VadWeights::parse(std::as_bytes(std::span(text))).error().code, Errc::data_corrupt);
  EXPECT_EQ(VadWeights::parse({}).error().code, Errc::data_corrupt);
  std::ifstream in(std::filesystem::path(REPARTEE_MODELS_DIR) / "silero" / "silero_vad_v6.onnx", std::ios::binary);
  std::string model((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GT(model.size(), 100'000u);
  ASSERT_TRUE(VadWeights::parse(std::as_bytes(std::span(model))).ok());
  EXPECT_FALSE(VadWeights::parse(std::as_bytes(std::span(model).first(model.size() / 2))).ok());
  const auto at = model.find("encoder.0.reparam_conv.weight");
  for (auto place = at; place != std::string::npos; place = model.find("encoder.0.reparam_conv.weight", place + 1)) model[place] = 'X';
  EXPECT_NE(VadWeights::parse(std::as_bytes(std::span(model))).error().message.find("encoder.0.reparam_conv.weight is missing"), std::string::npos);
}

TEST(VadModel, SaysHowToGetAMissingModel) {
  const auto missing = VadModel::load("/nowhere");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find("repartee models fetch"), std::string::npos);
}

}  // namespace
}  // namespace repartee::pipeline
