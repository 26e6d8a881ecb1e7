// `repartee talk FILE.wav`: speaks a recording to a server and shows what came of it.
#include <cstdio>

#include "commands/commands.hpp"
#include "commands/talk_client.hpp"
#include "pipeline/audio_file.hpp"

namespace repartee::commands {
namespace {

void print_stage(const char* name, std::optional<std::int64_t> ms) {
  if (ms) std::printf("    %-15s %5lld ms\n", name, static_cast<long long>(*ms));
}

void print_turn(const TalkTurn& turn) {
  std::printf("\n  you:   %s\n  reply: %s\n", turn.user_transcript.c_str(), turn.llm_response.c_str());
  if (turn.heard_response != turn.llm_response) std::printf("  heard: %s\n", turn.heard_response.c_str());
  std::printf("  %s\n", turn.status.c_str());
  print_stage("endpointing", turn.endpointing_ms);
  print_stage("asr", turn.asr_ms);
  print_stage("rag", turn.rag_ms);
  print_stage("llm first token", turn.llm_ms);
  print_stage("tts first audio", turn.tts_ms);
  print_stage("voice to voice", turn.voice_to_voice_ms);
}

}  // namespace

int talk(const TalkOptions& options) {
  auto recording = pipeline::read_audio_file(options.wav_file);
  if (!recording) {
    std::fprintf(stderr, "repartee talk: %s\n", recording.error().message.c_str());
    return exit_failure;
  }
  TalkPlan plan;
  plan.url = options.url;
  plan.model = options.model;
  plan.voice = options.voice;
  plan.api_key = options.api_key;
  plan.tls_verify = !options.insecure_tls;
  plan.opus = options.format != "pcm";
  plan.recording = std::move(recording).value();
  plan.interrupt_after = options.interrupt_after;
  plan.on_line = [](std::int64_t at_ms, const std::string& line) { std::printf("%7.2f s  %s\n", static_cast<double>(at_ms) / 1000, line.c_str()); std::fflush(stdout); };
  auto report = run_talk(plan);
  if (!report) {
    std::fprintf(stderr, "repartee talk: %s\n", report.error().message.c_str());
    return exit_failure;
  }
  for (const auto& turn : report->turns) print_turn(turn);
  std::printf("\n  session %s\n", report->session_id.c_str());
  if (report->first_audio_ms) std::printf("  measured here: first reply audio %lld ms after the last sound of the recording\n", static_cast<long long>(*report->first_audio_ms));
  if (report->barge_in_stop_ms) std::printf("  measured here: last reply audio %lld ms after the interruption began\n", static_cast<long long>(*report->barge_in_stop_ms));
  if (!options.out_file.empty()) {
    if (auto saved = pipeline::write_audio_file(options.out_file, report->reply); !saved) {
      std::fprintf(stderr, "repartee talk: %s\n", saved.error().message.c_str());
      return exit_failure;
    }
    std::printf("  reply saved to %s (%.1f s)\n", options.out_file.c_str(), static_cast<double>(report->reply.duration_ms()) / 1000);
  }
  return exit_ok;
}

}  // namespace repartee::commands
