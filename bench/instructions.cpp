// Fixed pieces of the frame path, to be counted and not timed: instructions (by callgrind, bench/instructions.sh) and allocations (by this
// program). Counts hardly depend on the machine, so a change that makes a frame dearer shows although CI's machines are noisy.
//   bench_instructions NAME     runs one piece; `bench_instructions` alone names them
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>

#include "pipeline/egress.hpp"
#include "pipeline/ingress.hpp"
#include "realtime/playout.hpp"
#include "realtime/protocol/append_fast_path.hpp"
#include "realtime/protocol/base64.hpp"
#include "realtime/protocol/server_events.hpp"
#include "realtime/transport/websocket_engine.hpp"

namespace {
std::atomic<long> allocations{0};
}
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace repartee {
namespace {

constexpr int warm_up_frames = 50, counted_frames = 200;
constexpr std::size_t packet_bytes = 60;  // Opus at 24 kbit/s, 20 ms

using Frame = std::function<void()>;

// Not silence: codecs have shortcuts for that. One second of a gliding tone in noise.
Samples sound(int rate_hz) {
  std::mt19937 random(7);
  Samples samples(static_cast<std::size_t>(rate_hz));
  double phase = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    phase += 2 * 3.14159265 * (150.0 + 200.0 * static_cast<double>(i) / rate_hz) / rate_hz;
    samples[i] = static_cast<std::int16_t>(6000 * std::sin(phase) + static_cast<double>(random() % 800));
  }
  return samples;
}

std::span<const std::int16_t> frame_of(const Samples& samples, int rate_hz, int number) {
  const auto size = static_cast<std::size_t>(rate_hz / 50);
  return {samples.data() + static_cast<std::size_t>(number % 50) * size, size};
}

Frame opus_out() {
  struct State {
    pipeline::Egress egress{{pipeline::OutputCodec::opus}, asr_rate_hz, {}};
    Samples samples = sound(asr_rate_hz);
    int number = 0;
  };
  return [state = std::make_shared<State>()] { state->egress.encode(frame_of(state->samples, asr_rate_hz, state->number++)); };
}

Frame opus_in() {
  struct State {
    std::vector<std::vector<std::uint8_t>> packets;
    pipeline::Ingress ingress = pipeline::Ingress::create({.codec = pipeline::InputCodec::opus}).value();
    std::size_t number = 0;
  };
  auto state = std::make_shared<State>();
  pipeline::Egress egress({pipeline::OutputCodec::opus}, asr_rate_hz, {});
  const Samples samples = sound(asr_rate_hz);
  for (int i = 0; i < 50; ++i) {
    const auto packet = egress.encode(frame_of(samples, asr_rate_hz, i));
    state->packets.emplace_back(packet.begin(), packet.end());
  }
  return [state] {
    if (!state->ingress.push(state->packets[state->number++ % state->packets.size()])) std::abort();
  };
}

std::string pcm_frame() {
  const Samples samples = sound(24000);
  return {reinterpret_cast<const char*>(samples.data()), 24000 / 50 * 2};
}

Frame json_in() {
  return [text = R"({"type":"input_audio_buffer.append","audio":")" + realtime::base64::encode(pcm_frame()) + "\"}"] {
    std::array<char, realtime::append_room_bytes> room;   // as the session does it
    if (!realtime::read_plain_append(text, room)) std::abort();
  };
}

Frame json_out() {
  const realtime::server_events::Place place{.response_id = "resp_0123456789012345678901", .item_id = "item_0123456789012345678901"};
  return [bytes = pcm_frame(), place, json = std::string()]() mutable {
    json = realtime::server_events::output_audio_delta(place, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, std::move(json));
  };
}

struct Wire final : transport::WebsocketEvents {
  void ws_write(std::string_view head, std::string_view body) override { written += head.size() + body.size(); }
  void ws_message(bool, std::string_view data) override { heard += data.size(); }
  bool ws_control() override { return true; }
  void ws_closed(int, std::string_view) override {}
  std::size_t written = 0, heard = 0;
};
struct Socket {
  Wire wire;
  transport::WebsocketEngine engine{{}};
  std::unique_ptr<transport::WebsocketLink> link = engine.open("dGhlIHNhbXBsZSBub25jZQ==", "", wire);
};

// Masked, as browsers send it. It is unmasked in place, and masked again by the next time: ASCII both ways.
Frame frame_in(std::string header, std::size_t payload_bytes) {
  return [socket = std::make_shared<Socket>(), message = header + "\1\2\3\4" + std::string(payload_bytes, 'x')]() mutable {
    socket->link->feed(message.data(), message.size());
  };
}
Frame socket_in() { return frame_in({'\x82', static_cast<char>(0x80 | packet_bytes)}, packet_bytes); }
// An append of 20 ms of 24 kHz PCM.
Frame socket_in_text() { return frame_in({'\x81', '\xfe', 5, 50}, 5 * 256 + 50); }

Frame socket_out() {
  return [socket = std::make_shared<Socket>(), packet = std::string(packet_bytes, 'x')] { socket->link->send(false, packet); };
}

Frame playout() {
  struct State {
    realtime::Playout playout{{}, asr_rate_hz};
    Samples samples = sound(asr_rate_hz);
    TimePoint now{};
    int number = 0;
  };
  auto state = std::make_shared<State>();
  for (int i = 0; i < 10; ++i) state->playout.push_audio(state->samples);  // all of it at first, as a quick voice makes it
  return [state] {
    state->now += std::chrono::milliseconds(frame_ms);
    state->playout.take_frame(state->now);
    state->playout.next_due(state->now);
  };
}

const std::map<std::string, Frame (*)()> pieces = {
    {"opus_in", opus_in},     {"opus_out", opus_out},             {"json_in", json_in},       {"json_out", json_out},
    {"socket_in", socket_in}, {"socket_in_text", socket_in_text}, {"socket_out", socket_out}, {"playout", playout}};

}  // namespace
}  // namespace repartee

// callgrind collects inside this function only: its name is a contract with instructions.sh.
extern "C" __attribute__((noinline)) void counted_section(const repartee::Frame& frame) {
  for (int i = 0; i < repartee::counted_frames; ++i) frame();
}

int main(int count, char** arguments) {
  using namespace repartee;
  const auto piece = count == 2 ? pieces.find(arguments[1]) : pieces.end();
  if (piece == pieces.end()) {
    for (const auto& [name, unused] : pieces) std::puts(name.c_str());
    return count == 1 ? 0 : 2;
  }
  const Frame frame = piece->second();
  for (int i = 0; i < warm_up_frames; ++i) frame();
  const long before = allocations;
  counted_section(frame);
  std::printf("frames %d allocations %ld\n", counted_frames, allocations - before);
}
