// bench_latency: how long one caller waits for an answer. Streams different human recordings at their natural pace, one call each, to a
// running server, and sums up the rows it sends. See bench/README.md.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/clips.hpp"
#include "bench/distribution.hpp"
#include "commands/talk_client.hpp"
#include "core/clock.hpp"

namespace {

using namespace repartee;
using namespace repartee::bench;

constexpr int turns_max = 200;

struct Options {
  std::string url = "ws://127.0.0.1:8080/v1/realtime", voice, format = "opus";
  int turns = 20, silence_ms = 500, interrupt_after_ms = 800, warm_up_turns = 1;
  bool interrupt = false, verbose = false;
};

struct Figures {
  Distribution voice_to_voice, endpointing, asr, rag, llm, tts, added, first_audio, barge_in_stop, dry;
  int failed_calls = 0, failed_turns = 0;
};

void add(Distribution& to, std::optional<std::int64_t> ms) {
  if (ms) to.add(static_cast<double>(*ms));
}

void take(Figures& figures, const commands::TalkReport& report) {
  add(figures.first_audio, report.first_audio_ms);
  add(figures.barge_in_stop, report.barge_in_stop_ms);
  add(figures.dry, report.longest_dry_ms);
  for (const auto& turn : report.turns) {
    figures.failed_turns += turn.status == "failed";
    add(figures.voice_to_voice, turn.voice_to_voice_ms);
    add(figures.endpointing, turn.endpointing_ms);
    add(figures.asr, turn.asr_ms);
    add(figures.rag, turn.rag_ms);
    add(figures.llm, turn.llm_ms);
    add(figures.tts, turn.tts_ms);
    if (turn.voice_to_voice_ms && turn.endpointing_ms) add(figures.added, *turn.voice_to_voice_ms - *turn.endpointing_ms);
  }
}

void print(const Figures& figures, const Options& o) {
  std::printf("%d recordings, voice %s, %s, silence_duration %d ms%s; %d calls and %d turns failed\n\n", o.turns,
              o.voice.empty() ? "of the clone" : o.voice.c_str(), o.format.c_str(), o.silence_ms,
              o.interrupt ? ", each reply interrupted" : "", figures.failed_calls, figures.failed_turns);
  std::printf("%-46s %6s %7s %7s %7s\n", "ms", "count", "p50", "p95", "max");
  const auto row = [](const char* name, const Distribution& d) {
    if (d.count() > 0)
      std::printf("%-46s %6llu %7.0f %7.0f %7.0f\n", name, static_cast<unsigned long long>(d.count()), d.percentile_ms(0.5),
                  d.percentile_ms(0.95), d.max_ms());
  };
  row("voice to voice (row)", figures.voice_to_voice);
  row("  endpointing", figures.endpointing);
  row("  asr (beside the endpointing if speculative)", figures.asr);
  row("  rag", figures.rag);
  row("  llm first token", figures.llm);
  row("  tts first audio", figures.tts);
  row("  added: voice to voice - endpointing", figures.added);
  row("last loud frame -> first audio, at the client", figures.first_audio);
  row("interruption -> last audio of the cut reply", figures.barge_in_stop);
  row("longest silence inside a reply", figures.dry);
}

int run(const Options& o) {
  auto clips = human_clips(static_cast<std::size_t>(o.turns + o.warm_up_turns));
  if (!clips) {
    std::fprintf(stderr, "bench_latency: %s\n", clips.error().message.c_str());
    return 1;
  }
  Figures figures;
  for (std::size_t i = 0; i < clips->size(); ++i) {
    commands::TalkPlan plan;
    plan.url = o.url;
    plan.voice = o.voice;
    plan.opus = o.format == "opus";
    plan.silence_duration_ms = o.silence_ms;
    plan.recording.samples = (*clips)[i].samples;
    if (o.interrupt) plan.interrupt_after = Millis(o.interrupt_after_ms);
    plan.patience = std::chrono::seconds(30);
    const auto report = commands::run_talk(plan);
    if (i < static_cast<std::size_t>(o.warm_up_turns)) continue;
    if (!report) {
      ++figures.failed_calls;
      std::fprintf(stderr, "%s: %s\n", (*clips)[i].id.c_str(), report.error().message.c_str());
      continue;
    }
    take(figures, *report);
    if (!o.verbose) continue;
    for (const auto& turn : report->turns)
      std::printf("%s: %lld ms, \"%s\" -> \"%s\" (%s)\n", (*clips)[i].id.c_str(),
                  static_cast<long long>(turn.voice_to_voice_ms.value_or(-1)), turn.user_transcript.c_str(), turn.llm_response.c_str(),
                  turn.status.c_str());
  }
  print(figures, o);
  return figures.voice_to_voice.count() > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app("Voice to voice of one caller on a running server");
  app.add_option("--url", o.url, "The server")->capture_default_str();
  app.add_option("--turns", o.turns, "Recordings that are counted")->check(CLI::Range(1, turns_max))->capture_default_str();
  app.add_option("--warm-up", o.warm_up_turns, "Recordings before them that are not")->check(CLI::Range(0, 10))->capture_default_str();
  app.add_option("--voice", o.voice, "kokoro/af_heart, flite/slt, ...; empty: the clone's");
  app.add_option("--format", o.format, "On the wire")->check(CLI::IsMember({"opus", "pcm"}))->capture_default_str();
  app.add_option("--silence", o.silence_ms, "silence_duration_ms of the sessions")->check(CLI::Range(100, 5000))->capture_default_str();
  app.add_flag("--interrupt", o.interrupt, "Speak over each reply");
  app.add_option("--interrupt-after", o.interrupt_after_ms, "How long after its first audio, ms")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  app.add_flag("-v,--verbose", o.verbose, "A line for each turn");
  CLI11_PARSE(app, argc, argv);
  return run(o);
}
