// What a message costs: 20 ms of 24 kHz PCM in (the way for appends, and the general way beside it) and out, and a text delta.
#include <benchmark/benchmark.h>

#include <random>

#include "realtime/protocol/base64.hpp"
#include "realtime/protocol/client_events.hpp"
#include "realtime/protocol/server_events.hpp"

namespace repartee::realtime {
namespace {

constexpr std::size_t frame_bytes = 24000 / 50 * 2;

std::string frame() {
  std::mt19937 random(1);
  std::string bytes(frame_bytes, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void parse(benchmark::State& state, const std::string& text) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_client_event(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void parse_append(benchmark::State& state) {
  parse(state, R"({"type":"input_audio_buffer.append","audio":")" + base64::encode(frame()) + "\"}");
}
void parse_append_general(benchmark::State& state) {
  parse(state, R"({"type":"input_audio_buffer.append","more":1,"audio":")" + base64::encode(frame()) + "\"}");
}
void parse_item_create(benchmark::State& state) {
  parse(
      state,
      R"({"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"How are you?"}]}})");
}

const server_events::Place place{
    .response_id = "resp_0123456789012345678901", .item_id = "item_0123456789012345678901", .output_index = 0, .content_index = 0};

void write_audio_delta(benchmark::State& state) {
  const std::string bytes = frame();
  const std::span samples(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  for (auto _ : state) benchmark::DoNotOptimize(server_events::output_audio_delta(place, samples));
}

void write_transcript_delta(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(server_events::output_audio_transcript_delta(place, " conversation"));
}

BENCHMARK(parse_append);
BENCHMARK(parse_append_general);
BENCHMARK(parse_item_create);
BENCHMARK(write_audio_delta);
BENCHMARK(write_transcript_delta);

}  // namespace
}  // namespace repartee::realtime
