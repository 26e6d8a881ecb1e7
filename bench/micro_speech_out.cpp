// What speaking costs on one thread: flite's first chunk and whole sentence; Kokoro's short clause and sentence.
// Real time as a provider's caller sees it (request -> chunk on the loop), and audio made per second of work ("x_real_time").
#include <benchmark/benchmark.h>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>

#include "pipeline/providers/flite.hpp"
#include "pipeline/providers/kokoro.hpp"

namespace repartee::pipeline {
namespace {

const std::string clause = "Sure, let me see.";
const std::string sentence = "The library opens at nine in the morning and closes at half past six.";

class WaitingLoop final : public Loop {  // runs what is posted on the thread that waits for it
 public:
  void post(Task task) override {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }
  TimePoint now() const override { return SteadyClock::now(); }
  StreamPtr after(Duration, Task) override { return nullptr; }
  void run_one() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return !tasks_.empty(); });
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Task> tasks_;
};

enum class Until { first_chunk, end };

void speak(benchmark::State& state, TtsProvider& engine, const std::string& text, Until until) {
  WaitingLoop loop;
  std::size_t samples = 0;
  for (auto _ : state) {
    bool first = false, end = false;
    TtsRequest request;
    request.text = text;
    StreamPtr handle = engine.synthesize(loop, request,
                                         {.on_chunk =
                                              [&](SpeechChunk chunk) {
                                                first = true;
                                                samples += chunk.samples.size();
                                              },
                                          .on_end = [&](Status) { end = true; }});
    while (!(until == Until::first_chunk ? first : end)) loop.run_one();
    if (until == Until::end) continue;
    state.PauseTiming();  // the rest of the sentence
    while (!end) loop.run_one();
    state.ResumeTiming();
  }
  if (until == Until::end)
    state.counters["x_real_time"] = benchmark::Counter(static_cast<double>(samples) / engine.rate_hz(), benchmark::Counter::kIsRate);
}

void add(const char* name, TtsProvider& engine, const std::string& text, Until until) {
  benchmark::RegisterBenchmark(name, [&engine, text, until](benchmark::State& state) { speak(state, engine, text, until); })
      ->UseRealTime()
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace
}  // namespace repartee::pipeline

int main(int argc, char** argv) {
  using namespace repartee;
  using namespace repartee::pipeline;
  benchmark::Initialize(&argc, argv);
  OnnxRuntime runtime;
  WorkerPool pool({.name = "tts", .workers = 1});
  auto flite = FliteTts::load(pool, {});
  auto kokoro = KokoroTts::load(runtime, pool, {.models_dir = REPARTEE_MODELS_DIR});
  if (!flite || !kokoro) {
    std::fprintf(stderr, "%s\n", (flite ? kokoro.error() : flite.error()).message.c_str());
    return 1;
  }
  add("flite_first_chunk", **flite, sentence, Until::first_chunk);
  add("flite_sentence", **flite, sentence, Until::end);
  add("kokoro_clause_4_words", **kokoro, clause, Until::end);
  add("kokoro_sentence", **kokoro, sentence, Until::end);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
