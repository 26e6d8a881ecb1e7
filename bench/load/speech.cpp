#include "bench/load/speech.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

#include "bench/clips.hpp"
#include "bench/load/frames.hpp"
#include "pipeline/opus_codec.hpp"
#include "pipeline/resampler.hpp"
#include "realtime/protocol/base64.hpp"

namespace repartee::bench {
namespace {

using nlohmann::json;
constexpr int pcm_rate_hz = 24000;
constexpr std::size_t settling_frames = 50;  // of silence after a recording: the last one is the silence that is sent

using FrameMaker = std::function<std::string(std::span<const std::int16_t>)>;

Result<FrameMaker> opus_frames() {
  auto made = pipeline::OpusEncoder::create({.rate_hz = asr_rate_hz});
  if (!made) return made.error();
  auto encoder = std::make_shared<pipeline::OpusEncoder>(std::move(made).value());
  return FrameMaker([encoder](std::span<const std::int16_t> samples) {
    const auto packet = encoder->encode(samples);
    if (!packet) return std::string();
    return masked_frame(Opcode::binary, {reinterpret_cast<const char*>(packet->data()), packet->size()});
  });
}

FrameMaker pcm_frames(WireFormat format) {
  auto up = std::make_shared<pipeline::Resampler>(pipeline::Resampler::Options{.from_hz = asr_rate_hz, .to_hz = pcm_rate_hz});
  return [up, format](std::span<const std::int16_t> samples) {
    Samples out;
    up->process(samples, out);
    const std::string_view bytes(reinterpret_cast<const char*>(out.data()), out.size() * sizeof(std::int16_t));
    if (format == WireFormat::pcm_binary) return masked_frame(Opcode::binary, bytes);
    return masked_frame(Opcode::text, R"({"type":"input_audio_buffer.append","audio":")" + realtime::base64::encode(bytes) + "\"}");
  };
}

Result<FrameMaker> frame_maker(WireFormat format) {
  if (format == WireFormat::opus) return opus_frames();
  return pcm_frames(format);
}

Result<Utterance> make_utterance(WireFormat format, const Clip& clip, std::size_t from_frame) {
  auto maker = frame_maker(format);
  if (!maker) return maker.error();
  Utterance utterance{.frames = {},
                      .first_loud_frame = std::max(clip.first_loud_frame, from_frame) - from_frame,
                      .last_loud_frame = clip.last_loud_frame - from_frame};
  for (std::size_t at = from_frame * clip_frame_samples; at < clip.samples.size(); at += clip_frame_samples)
    utterance.frames.push_back((*maker)(std::span(clip.samples).subspan(at, clip_frame_samples)));
  return utterance;
}

std::string session_update(const SpeechOptions& options) {
  const bool opus = options.format == WireFormat::opus;
  const json format = opus ? json{{"type", "audio/opus"}} : json{{"type", "audio/pcm"}, {"rate", pcm_rate_hz}};
  json input{{"format", format}, {"transcription", {{"model", "default"}}}};
  if (options.silence_duration_ms > 0)
    input["turn_detection"] = {{"type", "server_vad"}, {"silence_duration_ms", options.silence_duration_ms}};
  json output{{"format", format}, {"transport", options.format == WireFormat::pcm_json ? "json" : "binary"}};
  if (!options.voice.empty()) output["voice"] = options.voice;
  const json audio{{"input", input}, {"output", output}};
  return masked_frame(Opcode::text, json{{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", audio}}}}.dump());
}

}  // namespace

Result<Speech> make_speech(const SpeechOptions& options) {
  auto clips = human_clips(options.clips);
  if (!clips) return clips.error();
  const Samples quiet(clip_frame_samples, 0);
  Speech speech;
  speech.format = options.format;
  speech.session_update = session_update(options);
  for (const Clip& clip : *clips) {
    auto whole = make_utterance(options.format, clip, 0);
    if (!whole) return whole.error();
    auto interruption = make_utterance(options.format, clip, options.whole_interruptions ? 0 : clip.first_speech_frame);
    if (!interruption) return interruption.error();
    speech.utterances.push_back(std::move(*whole));
    speech.interruptions.push_back(std::move(*interruption));
  }
  auto maker = frame_maker(options.format);
  if (!maker) return maker.error();
  for (std::size_t i = 0; i < settling_frames; ++i) speech.silence = (*maker)(quiet);
  return speech;
}

}  // namespace repartee::bench
