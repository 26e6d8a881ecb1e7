// What a caller's voice costs, step by step, on one thread. Speech, not noise: the codecs and the recogniser work by content.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <stdexcept>

#include "pipeline/audio_cleaner.hpp"
#include "pipeline/g711.hpp"
#include "pipeline/opus_codec.hpp"
#include "pipeline/providers/moonshine.hpp"
#include "pipeline/resampler.hpp"
#include "pipeline/vad_batch.hpp"
#include "tests/support/corpus.hpp"

namespace {

using namespace repartee;

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

constexpr std::size_t speech_samples = 30 * asr_rate_hz;

// Half a minute of prompts, one after the other.
const Samples& speech() {
  static const Samples samples = [] {
    Samples all;
    const auto prompts = or_throw(test::asterisk_prompts());
    for (std::size_t i = 0; all.size() < speech_samples; ++i) {
      const Samples one = or_throw(test::load_samples(prompts[i]));
      all.insert(all.end(), one.begin(), one.end());
    }
    all.resize(speech_samples);
    return all;
  }();
  return samples;
}

Samples speech_at(int rate_hz) { return pipeline::resampled({.samples = speech()}, rate_hz).samples; }

struct Models {
  pipeline::OnnxRuntime runtime;
  WorkerPool pool{{.name = "asr", .workers = 1}};
  std::shared_ptr<const pipeline::VadModel> vad = or_throw(pipeline::VadModel::load(REPARTEE_MODELS_DIR));
  std::unique_ptr<pipeline::MoonshineAsr> asr = or_throw(pipeline::MoonshineAsr::load(runtime, pool, {.models_dir = REPARTEE_MODELS_DIR}));
};
Models& models() {
  static Models loaded;
  return loaded;
}

// Time an iteration: one run over the batch; us_per_frame: that, a stream.
void vad_batch(benchmark::State& state) {
  const auto streams = static_cast<std::size_t>(state.range(0));
  pipeline::VadBatch batch(models().vad, streams);
  std::vector<pipeline::VadMemory> memories(streams);
  const std::span samples(speech());
  const std::size_t windows = samples.size() / pipeline::vad_window_samples;
  std::size_t step = 0;
  const auto window_of = [&](std::size_t slot) {
    return samples.subspan((step + 7 * slot) % windows * pipeline::vad_window_samples).first<pipeline::vad_window_samples>();
  };
  for (auto _ : state) {
    batch.begin(streams);
    for (std::size_t slot = 0; slot < streams; ++slot) batch.set(slot, memories[slot], window_of(slot));
    batch.run();
    for (std::size_t slot = 0; slot < streams; ++slot) benchmark::DoNotOptimize(batch.take(slot, memories[slot], window_of(slot)));
    ++step;
  }
  state.counters["s_per_stream_frame"] =
      benchmark::Counter(static_cast<double>(streams), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(vad_batch)->Arg(1)->Arg(16)->Arg(64)->Unit(benchmark::kMicrosecond);

void moonshine(benchmark::State& state) {
  const std::span clip = std::span(speech()).first(static_cast<std::size_t>(state.range(0)) * asr_rate_hz);
  for (auto _ : state) benchmark::DoNotOptimize(models().asr->recognise(clip));
}
BENCHMARK(moonshine)->Arg(1)->Arg(3)->Arg(10)->ArgName("seconds")->Unit(benchmark::kMillisecond);

void opus_encode(benchmark::State& state) {
  const auto rate_hz = static_cast<int>(state.range(0));
  const Samples samples = speech_at(rate_hz);
  auto encoder = or_throw(pipeline::OpusEncoder::create({.rate_hz = rate_hz, .complexity = static_cast<int>(state.range(1))}));
  const std::size_t frame = encoder.frame_samples(), frames = samples.size() / frame;
  std::size_t step = 0;
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(std::span(samples).subspan(step++ % frames * frame, frame)));
}
BENCHMARK(opus_encode)->ArgsProduct({{16000, 24000, 48000}, {0, 5, 10}})->ArgNames({"hz", "complexity"})->Unit(benchmark::kMicrosecond);

void opus_decode(benchmark::State& state) {
  auto encoder = or_throw(pipeline::OpusEncoder::create({.rate_hz = 16000}));
  std::vector<std::vector<std::uint8_t>> packets;
  for (std::size_t at = 0; at + encoder.frame_samples() <= speech().size(); at += encoder.frame_samples()) {
    const auto packet = or_throw(encoder.encode(std::span(speech()).subspan(at, encoder.frame_samples())));
    packets.emplace_back(packet.begin(), packet.end());
  }
  pipeline::OpusDecoder16k decoder;
  std::size_t step = 0;
  for (auto _ : state) benchmark::DoNotOptimize(decoder.decode(packets[step++ % packets.size()]));
}
BENCHMARK(opus_decode)->Unit(benchmark::kMicrosecond);

void resample_frame(benchmark::State& state) {
  const auto from_hz = static_cast<int>(state.range(0)), to_hz = static_cast<int>(state.range(1));
  const Samples samples = speech_at(from_hz);
  const std::size_t frame = static_cast<std::size_t>(from_hz) / 1000 * frame_ms, frames = samples.size() / frame;
  pipeline::Resampler resampler({.from_hz = from_hz, .to_hz = to_hz});
  Samples out;
  std::size_t step = 0;
  for (auto _ : state) {
    out.clear();
    resampler.process(std::span(samples).subspan(step++ % frames * frame, frame), out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(resample_frame)
    ->Args({48000, 16000})
    ->Args({24000, 16000})
    ->Args({8000, 16000})
    ->ArgNames({"from", "to"})
    ->Unit(benchmark::kMicrosecond);

void clean_frame(benchmark::State& state) {
  pipeline::AudioCleaner cleaner;
  constexpr std::size_t frame = pipeline::AudioCleaner::frame_samples;
  std::array<std::int16_t, frame> samples;
  std::size_t step = 0;
  for (auto _ : state) {
    std::copy_n(speech().begin() + static_cast<std::ptrdiff_t>(step++ % (speech().size() / frame) * frame), frame, samples.begin());
    cleaner.process(samples);
    benchmark::DoNotOptimize(samples.data());
  }
}
BENCHMARK(clean_frame)->Unit(benchmark::kMicrosecond);

void g711_encode_frame(benchmark::State& state) {
  std::vector<std::uint8_t> codes;
  for (auto _ : state) {
    codes.clear();
    pipeline::g711_encode(pipeline::G711Law::mu, std::span(speech()).first(160), codes);
    benchmark::DoNotOptimize(codes.data());
  }
}
BENCHMARK(g711_encode_frame)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
