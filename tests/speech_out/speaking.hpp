// Speaks one request to its end on a loop of the test's own thread, and keeps everything that was called back.
#pragma once
#include <chrono>
#include <filesystem>
#include <latch>
#include <optional>
#include <thread>

#include "pipeline/kokoro_model.hpp"
#include "pipeline/providers/flite.hpp"
#include "pipeline/providers/kokoro.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::test {

struct Heard {
  Samples samples;
  std::vector<pipeline::WordTime> words;
  std::vector<std::size_t> chunk_samples;
  std::optional<Status> end;
  int ends = 0;
};

inline pipeline::TtsCallbacks into(Heard& heard) {
  return {.on_chunk =
              [&heard](pipeline::SpeechChunk chunk) {
                heard.samples.insert(heard.samples.end(), chunk.samples.begin(), chunk.samples.end());
                heard.words.insert(heard.words.end(), chunk.words.begin(), chunk.words.end());
                heard.chunk_samples.push_back(chunk.samples.size());
              },
          .on_end =
              [&heard](Status status) {
                heard.end = std::move(status);
                ++heard.ends;
              }};
}

inline pipeline::TtsRequest say(std::string text, double speed = 1.0) {
  pipeline::TtsRequest request;
  request.text = std::move(text);
  request.speed = speed;
  return request;
}
inline pipeline::TtsRequest say_as(std::string voice, std::string text) {
  pipeline::TtsRequest request = say(std::move(text));
  request.voice = std::move(voice);
  return request;
}

template <class Done>
bool run_until(ManualLoop& loop, Done done) {  // gives up after a minute, far beyond what any of it takes
  for (int i = 0; i < 60'000; ++i) {
    loop.run();
    if (done()) return true;
    std::this_thread::sleep_for(Millis(1));
  }
  return false;
}

inline Heard speak(pipeline::TtsProvider& engine, pipeline::TtsRequest request) {
  ManualLoop loop;
  Heard heard;
  const StreamPtr handle = engine.synthesize(loop, std::move(request), into(heard));
  run_until(loop, [&] { return heard.end.has_value(); });
  return heard;
}

// Runs on every worker of the pool before it returns: none is busy with anything else.
inline bool all_workers_answer(WorkerPool& pool) {
  auto all_here = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(pool.workers() + 1));
  for (std::size_t i = 0; i < pool.workers(); ++i) {
    WorkerPool::Job job;
    job.run = [all_here] { all_here->arrive_and_wait(); };
    if (!pool.submit(std::move(job)).ok()) return false;
  }
  all_here->arrive_and_wait();
  return true;
}

inline int loudest(const Samples& samples) {
  int level = 0;
  for (int sample : samples) level = std::max(level, std::abs(sample));
  return level;
}

// The models directory, with the Kokoro model prepared as set-up does it.
inline std::filesystem::path models_dir() {
  const std::filesystem::path models = REPARTEE_MODELS_DIR;
  static const bool prepared = [&] {
    const auto folder = models / pipeline::kokoro_folder;
    return pipeline::prepare_kokoro(folder / pipeline::kokoro_published_file, folder / pipeline::kokoro_prepared_file).ok();
  }();
  return prepared ? models : std::filesystem::path("/the/kokoro/model/could/not/be/prepared");
}

// One of each engine for all tests of the program: loading Kokoro takes half a second.
struct Engines {
  pipeline::OnnxRuntime runtime;
  WorkerPool pool{{.name = "tts", .workers = 2, .queue_jobs_max = 64}};
  std::unique_ptr<pipeline::TtsProvider> flite, kokoro;
  std::string problem;

  static Engines& get() {
    static Engines engines;
    return engines;
  }

 private:
  Engines() {
    auto fast = pipeline::FliteTts::load(pool, {});
    if (fast) flite = std::move(fast).value();
    else problem = fast.error().message;
    auto natural = pipeline::KokoroTts::load(runtime, pool, {.models_dir = models_dir()});
    if (natural) kokoro = std::move(natural).value();
    else problem = natural.error().message;
  }
};

}  // namespace repartee::test
