// A steady call allocates nothing for a frame: counted in a whole server in this process (real sockets, framing, session, voice activity,
// codecs), on its loop's thread alone, while audio goes both ways.
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <new>
#include <thread>

#include "pipeline/egress.hpp"
#include "pipeline/providers/scripted.hpp"
#include "realtime/call_handlers.hpp"
#include "realtime/protocol/base64.hpp"
#include "realtime/transport/ws_client.hpp"
#include "tests/support/signal.hpp"

namespace {
thread_local long allocations = 0;  // of this thread
}
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto step = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace repartee::test {
namespace {

using namespace std::chrono_literals;
using namespace repartee::realtime;

// What was sent is kept for a client that may come back (ReplayBuffer): that grows for 45 s, a block for several frames.
constexpr double kept_for_resumption_a_frame = 0.05;

struct Sink final : persistence::TurnSink {
  bool record_turn(TurnRecord, std::function<void()>) override { return true; }
  bool record_session(SessionRecord) override { return true; }
  bool record_audit(AuditRecord) override { return true; }
};

// One server with one loop, whose clone greets for longer than the test takes.
class SteadyCall {
 public:
  explicit SteadyCall(const SessionConfig& config) {
    options_.config = config;
    transport::Handlers handlers;
    handlers.on_upgrade = [this](Loop& loop, transport::Request, std::vector<std::string>, std::function<void(transport::Accept)> accept) {
      NewCall::Parts parts{.loop = loop,
                           .registry = registry_,
                           .services_for = [this](Loop& l) { return services(l); },
                           .session = options_,
                           .live = {},
                           .start = start(),
                           .credential = {}};
      accept({.handler = std::make_unique<NewCall>(std::move(parts)), .subprotocol = {}, .refusal = {}});
    };
    server_ = std::make_unique<transport::Server>(loops_, transport::Options{.port = 0}, std::move(handlers), metrics_);
    EXPECT_TRUE(server_->listen());
    loops_.start();
    EXPECT_TRUE(client_.connect("ws://127.0.0.1:" + std::to_string(server_->port()) + "/", {}));
  }
  ~SteadyCall() {
    client_.close();
    server_.reset();
    loops_.stop();
  }

  struct Counted {
    long allocations = 0;
    int frames_in = 0, frames_out = 0;
    double a_frame() const { return static_cast<double>(allocations) / (frames_in + frames_out); }
  };
  // Sends `frame` every 20 ms and hears the reply: first to warm up, then counting.
  Counted count(const std::string& frame, bool as_text) {
    talk(frame, as_text, 100);
    const long before = allocations_of_the_loop();
    Counted counted = talk(frame, as_text, 100);
    counted.allocations = allocations_of_the_loop() - before;
    return counted;
  }

 private:
  Counted talk(const std::string& frame, bool as_text, int frames) {
    Counted counted;
    auto due = std::chrono::steady_clock::now();
    for (; counted.frames_in < frames; ++counted.frames_in) {
      EXPECT_TRUE(as_text ? client_.send_text(frame) : client_.send_binary(frame));
      due += 20ms;
      for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - std::chrono::steady_clock::now());
        if (left <= 0ms) break;
        const auto message = client_.receive(left);
        if (message && (!message->is_text || message->data.find("response.output_audio.delta") != std::string::npos)) ++counted.frames_out;
      }
    }
    return counted;
  }
  long allocations_of_the_loop() {
    std::promise<long> counted;
    loops_.loop(0).post([&] { counted.set_value(allocations); });
    return counted.get_future().get();
  }
  SessionStart start() const {
    return {.session_id = "0192f0c1-0000-7000-8000-000000000001",
            .user_id = "u",
            .model_asked = "default",
            .clone = {.id = "c", .name = "Ada", .greeting = std::string(60, 'a') + ' ' + std::string(120, 'b') + '.'},
            .greet = true};
  }
  SessionServices services(Loop& loop) {
    if (!vad_) vad_ = std::make_unique<pipeline::VadBatcher>(loop, *pipeline::VadModel::load(REPARTEE_MODELS_DIR));
    return {.loop = loop,
            .vad = *vad_,
            .asr = asr_,
            .llms = llms_,
            .tts = voices_,
            .llm_default = "scripted",
            .tts_default = "scripted",
            .voice_default = "tone",
            .apology_tts = "",
            .voice_aliases = aliases_,
            .sink = sink_,
            .prices = prices_,
            .metrics = session_metrics_};
  }

  Metrics metrics_;
  SessionMetrics session_metrics_{metrics_};
  Sink sink_;
  pipeline::ScriptedAsr asr_;
  pipeline::ScriptedLlm llm_;
  pipeline::ScriptedTts tts_{{.rate_hz = 16000}};
  std::map<std::string, pipeline::LlmProvider*> llms_{{"scripted", &llm_}};
  std::map<std::string, pipeline::TtsProvider*> voices_{{"scripted", &tts_}};
  std::map<std::string, std::string> aliases_;
  PriceTable prices_;
  SessionOptions options_;
  std::unique_ptr<pipeline::VadBatcher> vad_;
  AsioLoops loops_{1};
  SessionRegistry registry_;
  std::unique_ptr<transport::Server> server_;
  transport::WsClient client_;
};

// Quiet noise: not silence, for which codecs have shortcuts, and not speech.
std::string quiet_frame(int rate_hz, pipeline::OutputCodec codec) {
  const Samples samples = white_noise(static_cast<std::size_t>(rate_hz / 50), 60, 5);
  pipeline::Egress egress({codec, rate_hz}, rate_hz, {});
  const auto bytes = egress.encode(samples);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void expect_both_ways(const SteadyCall::Counted& counted) {
  EXPECT_EQ(counted.frames_in, 100);
  EXPECT_GT(counted.frames_out, 80);
  testing::Test::RecordProperty("allocations_a_frame", std::to_string(counted.a_frame()));
  std::printf("%ld allocations for %d frames in and %d out: %.3f a frame\n", counted.allocations, counted.frames_in, counted.frames_out,
              counted.a_frame());
}

TEST(FrameAllocations, BinaryOpusBothWaysTakesNone) {
  SteadyCall call({.input_format = {Codec::opus, 48000}, .output_format = {Codec::opus, 48000}, .output_binary = true});
  const auto counted = call.count(quiet_frame(16000, pipeline::OutputCodec::opus), false);
  expect_both_ways(counted);
  EXPECT_LE(counted.a_frame(), kept_for_resumption_a_frame);
}

TEST(FrameAllocations, PcmAsJsonBothWaysTakesNone) {
  SteadyCall call({.input_format = {Codec::pcm, 24000}, .output_format = {Codec::pcm, 24000}});
  const std::string frame =
      R"({"type":"input_audio_buffer.append","audio":")" + base64::encode(quiet_frame(24000, pipeline::OutputCodec::pcm)) + "\"}";
  const auto counted = call.count(frame, true);
  expect_both_ways(counted);
  EXPECT_LE(counted.a_frame(), kept_for_resumption_a_frame);
}

}  // namespace
}  // namespace repartee::test
