#include "realtime/session_metrics.hpp"

namespace repartee::realtime {
namespace {

Counter& turns(Metrics& m, const char* status) { return m.counter("repartee_turns_total", "Turns by outcome", {{"status", status}}); }
Counter& resumptions(Metrics& m, const char* outcome) {
  return m.counter("repartee_resumptions_total", "Lost connections by what came of them", {{"outcome", outcome}});
}
Histogram& seconds(Metrics& m, const char* name, const char* help) { return m.histogram(name, help, Metrics::latency_seconds()); }
Histogram& stage(Metrics& m, const char* name) {
  return m.histogram("repartee_turn_stage_seconds", "A turn's stages", Metrics::latency_seconds(), {{"stage", name}});
}

void observe(Histogram& histogram, std::optional<std::int64_t> ms) {
  if (ms) histogram.observe(static_cast<double>(*ms) / 1000);
}

}  // namespace

// OpenTelemetry's instruments of a provider.
struct SessionMetrics::Language {
  Language(Metrics& m, const std::string& provider)
      : of{{"gen_ai_operation_name", "chat"}, {"gen_ai_provider_name", provider}},
        duration(
            m.histogram("gen_ai_client_operation_duration_seconds", "A language model's answer, from asking to its end", durations, of)),
        first_chunk(m.histogram("gen_ai_client_operation_time_to_first_chunk_seconds",
                                "A language model's answer, from asking to its first piece", first_chunks, of)),
        input_tokens(tokens(m, "input")),
        output_tokens(tokens(m, "output")) {}

  Histogram& tokens(Metrics& m, const char* type) {
    auto labels = of;
    labels["gen_ai_token_type"] = type;
    return m.histogram("gen_ai_client_token_usage", "Tokens of an answer and of what it was asked with", token_counts, labels);
  }
  static inline const std::vector<double> durations{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
  static inline const std::vector<double> first_chunks{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                                       0.25,  0.5,   0.75, 1,    2.5,  5,    7.5,  10};
  static inline const std::vector<double> token_counts{1,     4,     16,     64,      256,     1024,     4096,
                                                       16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

  const Metrics::Labels of;
  Histogram &duration, &first_chunk, &input_tokens, &output_tokens;
};

SessionMetrics::SessionMetrics(Metrics& m)
    : active(m.gauge("repartee_sessions_active", "Live conversations")),
      waiting(m.gauge("repartee_sessions_waiting", "Conversations whose connection was lost and may come back")),
      resumed(resumptions(m, "resumed")),
      expired(resumptions(m, "expired")),
      turns_completed(turns(m, "completed")),
      turns_interrupted(turns(m, "interrupted")),
      turns_failed(turns(m, "failed")),
      turns_cancelled(turns(m, "cancelled")),
      protocol_errors(m.counter("repartee_protocol_errors_total", "Client events answered with an error")),
      speculations_wasted(m.counter("repartee_speculations_wasted_total", "Answers begun while endpointing and thrown away")),
      metrics_(m),
      endpointing_(stage(m, "endpointing")),
      asr_(stage(m, "asr")),
      rag_(stage(m, "rag")),
      llm_first_token_(stage(m, "llm_first_token")),
      tts_first_audio_(stage(m, "tts_first_audio")),
      voice_to_voice_(seconds(m, "repartee_turn_voice_to_voice_seconds", "End of the user's speech to the reply's first audio")),
      added_(seconds(m, "repartee_turn_added_seconds", "Endpoint decision to the reply's first audio")),
      lk_e2e_latency_(seconds(m, "lk_agents_turn_e2e_latency_seconds", "End of the user's speech to the reply's first audio")),
      lk_llm_ttft_(seconds(m, "lk_agents_turn_llm_ttft_seconds", "Language model asked to its first piece of text")),
      lk_tts_ttfb_(seconds(m, "lk_agents_turn_tts_ttfb_seconds", "First clause to its first audio")),
      lk_transcription_delay_(seconds(m, "lk_agents_turn_transcription_delay_seconds", "End of the user's speech to its transcript")),
      lk_end_of_turn_delay_(
          seconds(m, "lk_agents_turn_end_of_turn_delay_seconds", "End of the user's speech to the decision that it was the end")) {}

SessionMetrics::~SessionMetrics() = default;

SessionMetrics::Language& SessionMetrics::language(const std::string& provider) {
  std::lock_guard lock(mutex_);
  auto& slot = languages_[provider];
  if (!slot) slot = std::make_unique<Language>(metrics_, provider);
  return *slot;
}

void SessionMetrics::turn_ended(const TurnRecord& row, const TurnDelays& delays, const std::string& llm) {
  (row.status == "completed"     ? turns_completed
   : row.status == "interrupted" ? turns_interrupted
   : row.status == "failed"      ? turns_failed
                                 : turns_cancelled)
      .add();
  observe(endpointing_, row.endpointing_ms);
  observe(asr_, row.asr_latency_ms);
  observe(rag_, row.rag_latency_ms);
  observe(llm_first_token_, row.llm_latency_ms);
  observe(tts_first_audio_, row.tts_latency_ms);
  observe(lk_llm_ttft_, row.llm_latency_ms);
  observe(lk_tts_ttfb_, row.tts_latency_ms);
  observe(lk_transcription_delay_, delays.transcription_ms);
  if (row.endpointing_ms) {  // spoken, not typed
    observe(voice_to_voice_, row.total_latency_ms);
    observe(lk_e2e_latency_, row.total_latency_ms);
    observe(lk_end_of_turn_delay_, row.endpointing_ms);
    if (row.total_latency_ms) observe(added_, *row.total_latency_ms - *row.endpointing_ms);
  }
  if (llm.empty() || row.llm_output_tokens == 0) return;  // said from the cache, or not at all
  Language& model = language(llm);
  observe(model.duration, delays.llm_ms);
  observe(model.first_chunk, row.llm_latency_ms);
  model.input_tokens.observe(row.llm_input_tokens);
  model.output_tokens.observe(row.llm_output_tokens);
}

}  // namespace repartee::realtime
