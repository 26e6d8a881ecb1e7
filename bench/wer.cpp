// bench_wer: the word error rate of Moonshine over human recordings, and what it costs. Prints one line a corpus; -v prints each
// recording that was not understood.
#include <chrono>
#include <cstdio>
#include <cstring>

#include "pipeline/providers/moonshine.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/wer.hpp"

namespace {

using namespace repartee;

constexpr std::size_t silence_after_ms = 300;  // what the session sends after the last speech

int score(const char* name, const Result<std::vector<test::Recording>>& recordings, const pipeline::MoonshineAsr& asr, bool is_verbose) {
  if (!recordings) {
    std::fprintf(stderr, "%s: %s\n", name, recordings.error().message.c_str());
    return 1;
  }
  test::WordErrors total;
  std::size_t wrong = 0;
  double audio_s = 0, work_s = 0;
  for (const test::Recording& recording : *recordings) {
    const auto samples = test::load_samples(recording);
    if (!samples) {
      std::fprintf(stderr, "%s: %s\n", recording.id.c_str(), samples.error().message.c_str());
      return 1;
    }
    const Samples clip = test::padded(*samples, 0, silence_after_ms);
    const auto begun = std::chrono::steady_clock::now();
    const auto text = asr.recognise(clip);
    work_s += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    audio_s += static_cast<double>(clip.size()) / asr_rate_hz;
    if (!text) {
      std::fprintf(stderr, "%s: %s\n", recording.id.c_str(), text.error().message.c_str());
      return 1;
    }
    const test::WordErrors errors = test::word_errors(recording.transcript, *text);
    total += errors;
    wrong += errors.errors > 0;
    if (is_verbose && errors.errors > 0)
      std::printf("%2zu/%-2zu %s\n      said:  %s\n      heard: %s\n", errors.errors, errors.words, recording.id.c_str(),
                  recording.transcript.c_str(), text->c_str());
  }
  std::printf("%-13s WER %5.2f%% (%zu of %zu words; %zu of %zu recordings with an error), %.0f s of audio, %.3f of real time\n", name,
              100 * total.rate(), total.errors, total.words, wrong, recordings->size(), audio_s, work_s / audio_s);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_verbose = argc > 1 && std::strcmp(argv[1], "-v") == 0;
  pipeline::OnnxRuntime runtime;
  WorkerPool pool({.name = "asr", .workers = 1});
  auto asr = pipeline::MoonshineAsr::load(runtime, pool, {.models_dir = REPARTEE_MODELS_DIR});
  if (!asr) {
    std::fprintf(stderr, "%s\n", asr.error().message.c_str());
    return 1;
  }
  return score("asterisk", test::asterisk_prompts(), **asr, is_verbose) |
         score("pocketsphinx", test::pocketsphinx_recordings(), **asr, is_verbose);
}
