// What sessions count; made once, shared by all. A turn's delays go by three names: our own, those that LiveKit's agents export
// (livekit-agents, telemetry/otel_metrics.py: lk.agents.turn.*) and, of the language model, OpenTelemetry's GenAI conventions
// (gen_ai.client.*, with their buckets), each as an OpenTelemetry collector writes them for Prometheus, so that dashboards made for those
// fit. Thread contract: any thread; a lock at the end of a turn that asked a language model.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/metrics.hpp"
#include "core/records.hpp"
#include "realtime/turn.hpp"

namespace repartee::realtime {

struct SessionMetrics {
  explicit SessionMetrics(Metrics& metrics);
  ~SessionMetrics();

  // A turn that was recorded for the first time. `llm`: the provider's name; empty: none was asked.
  void turn_ended(const TurnRecord& row, const TurnDelays& delays, const std::string& llm);

  Gauge &active, &waiting;  // waiting: for a lost connection to come back
  Counter &resumed, &expired;
  Counter &turns_completed, &turns_interrupted, &turns_failed, &turns_cancelled, &protocol_errors, &speculations_wasted;

 private:
  struct Language;
  Language& language(const std::string& provider);

  Metrics& metrics_;
  Histogram &endpointing_, &asr_, &rag_, &llm_first_token_, &tts_first_audio_, &voice_to_voice_, &added_;
  Histogram &lk_e2e_latency_, &lk_llm_ttft_, &lk_tts_ttfb_, &lk_transcription_delay_, &lk_end_of_turn_delay_;
  std::mutex mutex_;  // guards languages_; few providers, made at their first turn
  std::map<std::string, std::unique_ptr<Language>> languages_;
};

}  // namespace repartee::realtime
