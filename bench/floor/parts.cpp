#include "bench/floor/parts.hpp"

#include <algorithm>
#include <ctime>
#include <optional>
#include <vector>

#include "bench/floor/work.hpp"

namespace repartee::bench {
namespace {

double cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total), begun_(cpu_s()) {}
  ~Stopwatch() { total_ += cpu_s() - begun_; }

 private:
  double& total_;
  const double begun_;
};

struct Call {
  FloorEar ear;
  std::optional<pipeline::OpusEncoder> mouth;
  std::size_t utterance = 0;
  std::size_t phase = 0;  // packets since the call's own beginning: calls are out of step
};

// The callers talk for the first part of each round and the agents for its end.
class Room {
 public:
  Room(const PartsOptions& options, const FloorMaterial& material) : options_(options), material_(material), calls_(options.calls) {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      calls_[i].utterance = i % material.utterances.size();
      calls_[i].phase = i * round_packets / calls_.size();
    }
  }

  Status tick(FloorVad& vad, Parts& totals) {
    {
      const Stopwatch watch(totals.decode);
      for (Call& call : calls_) decode(call.ear, heard(call));
    }
    {
      const Stopwatch watch(totals.vad);
      ready_.clear();
      for (Call& call : calls_)
        if (call.ear.has_window()) ready_.push_back(&call.ear);
      windows_ += ready_.size();
      vad.run(ready_);
    }
    if (auto made = make_mouths(); !made) return made;
    {
      const Stopwatch watch(totals.encode);
      for (Call& call : calls_) speak(call);
    }
    for (Call& call : calls_) ++call.phase;
    return {};
  }

  std::size_t windows() const { return windows_; }
  std::size_t encoded() const { return encoded_; }

 private:
  static constexpr std::size_t round_packets = 600;  // 12 s: a question, an answer, a pause

  std::string_view heard(const Call& call) const {
    const std::size_t at = call.phase % round_packets;
    const auto& packets = material_.utterances[(call.utterance + call.phase / round_packets) % material_.utterances.size()];
    const auto talk = static_cast<std::size_t>(options_.callers_talk * round_packets);
    return at < talk ? std::string_view(packets[at % packets.size()]) : std::string_view(material_.silence);
  }

  bool is_talked_to(const Call& call) const {
    return static_cast<double>(call.phase % round_packets) >= (1 - options_.agents_talk) * round_packets;
  }

  // An encoder for each answer, as the server has it; making it is not counted.
  Status make_mouths() {
    for (Call& call : calls_) {
      if (!is_talked_to(call)) call.mouth.reset();
      if (!is_talked_to(call) || call.mouth) continue;
      auto made = pipeline::OpusEncoder::create({.rate_hz = asr_rate_hz, .complexity = options_.complexity});
      if (!made) return made.error();
      call.mouth.emplace(std::move(*made));
    }
    return {};
  }

  void speak(Call& call) {
    if (!call.mouth) return;
    const std::size_t at = call.phase * packet_samples % material_.voice.size();
    encoded_ += call.mouth->encode(std::span(material_.voice).subspan(at, packet_samples)).ok();
  }

  const PartsOptions& options_;
  const FloorMaterial& material_;
  std::vector<Call> calls_;
  std::vector<FloorEar*> ready_;
  std::size_t windows_ = 0, encoded_ = 0;
};

}  // namespace

Result<Parts> measure_parts(const PartsOptions& options, const FloorMaterial& material) {
  auto vad = FloorVad::make(options.models_dir);
  if (!vad) return vad.error();
  Room room(options, material);
  Parts warm_up, parts;
  const int ticks = options.audio_s * 1000 / frame_ms;
  for (int i = 0; i < 50; ++i)
    if (auto done = room.tick(**vad, warm_up); !done) return done.error();
  const std::size_t windows_before = room.windows(), encoded_before = room.encoded();
  for (int i = 0; i < ticks; ++i)
    if (auto done = room.tick(**vad, parts); !done) return done.error();
  const double packets = static_cast<double>(options.calls) * ticks;
  const double call_s = static_cast<double>(options.calls) * options.audio_s;
  parts.decode_us = 1e6 * parts.decode / packets;
  parts.window_us = 1e6 * parts.vad / static_cast<double>(std::max<std::size_t>(room.windows() - windows_before, 1));
  parts.encode_us = 1e6 * parts.encode / static_cast<double>(std::max<std::size_t>(room.encoded() - encoded_before, 1));
  for (double* part : {&parts.decode, &parts.vad, &parts.encode}) *part *= 100 / call_s;
  return parts;
}

}  // namespace repartee::bench
