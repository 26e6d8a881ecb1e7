// The whole product: real human speech over a real socket into the real models and a real PostgreSQL, and back as speech that is understood.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "commands/talk_client.hpp"
#include "pipeline/onnx_runtime.hpp"
#include "pipeline/providers/moonshine.hpp"
#include "pipeline/resampler.hpp"
#include "realtime/transport/ws_client.hpp"
#include "tests/integration/server_process.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/wer.hpp"

namespace repartee::test {
namespace {

using commands::TalkPlan;
using commands::TalkReport;
using nlohmann::json;

// One server for all conversations, as in life.
ServerProcess& server() {
  static ServerProcess instance;
  return instance;
}

struct Prompt {
  std::string transcript;
  Audio audio;
};

// A prompt of a few seconds; `n` picks another one.
Prompt prompt(std::size_t n) {
  auto recordings = asterisk_prompts();
  if (!recordings) throw std::runtime_error(recordings.error().message);
  std::vector<Prompt> fitting;
  for (const auto& recording : spread(*recordings, 120)) {
    auto samples = load_samples(recording);
    const std::size_t ms = samples ? samples->size() / 16 : 0;
    if (ms < 1800 || ms > 4500) continue;
    fitting.push_back({recording.transcript, {padded(*samples, 200, 0), asr_rate_hz}});
    if (fitting.size() > n) return fitting[n];
  }
  throw std::runtime_error("no prompt of a fitting length");
}

TalkPlan plan_for(const ServerProcess& process, const Audio& recording) {
  TalkPlan plan;
  plan.url = process.ws_url();
  plan.recording = recording;
  return plan;
}

std::string recognised(const Audio& audio) {
  static pipeline::OnnxRuntime runtime;
  static WorkerPool pool({.workers = 1});
  static auto asr = pipeline::MoonshineAsr::load(runtime, pool, {.models_dir = REPARTEE_MODELS_DIR});
  if (!asr) throw std::runtime_error(asr.error().message);
  auto text = (*asr)->recognise(std::span<const std::int16_t>(padded(pipeline::resampled(audio, asr_rate_hz).samples, 100, 300)));
  if (!text) throw std::runtime_error(text.error().message);
  return *text;
}

// A client hears of a turn when it is safe in the journal; the database has it a moment later.
json rows_of(const ServerProcess& process, const std::string& session_id, std::size_t expected) {
  json rows;
  for (int tries = 0; tries < 100; ++tries) {
    const auto answer = process.get("/api/v1/sessions/" + session_id + "/turns");
    EXPECT_EQ(answer.status, 200) << answer.body;
    rows = json::parse(answer.body)["turns"];
    if (rows.size() >= expected) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return rows;
}

void expect_understood(const TalkReport& report, const Prompt& said) {
  const auto& turn = report.turns.front();
  EXPECT_LE(word_errors(said.transcript, turn.user_transcript).rate(), 0.34) << "said: " << said.transcript << "\nheard: " << turn.user_transcript;
  EXPECT_EQ(turn.status, "completed");
  EXPECT_FALSE(turn.llm_response.empty());
  const std::string spoken = recognised(report.reply);
  EXPECT_LE(word_errors(turn.llm_response, spoken).rate(), 0.35) << "reply: " << turn.llm_response << "\nunderstood: " << spoken;
}

class HearsAndAnswers : public testing::TestWithParam<bool> {};

TEST_P(HearsAndAnswers, SpeechComesBackAsSpeechAndTheTurnIsInTheDatabase) {
  const Prompt said = prompt(GetParam() ? 0 : 1);
  TalkPlan plan = plan_for(server(), said.audio);
  plan.opus = GetParam();
  const auto report = run_talk(plan);
  ASSERT_TRUE(report.ok()) << report.error().message << "\n" << server().log();
  expect_understood(*report, said);
  const json rows = rows_of(server(), report->session_id, 1);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["user_transcript"], report->turns[0].user_transcript);
  EXPECT_EQ(rows[0]["heard_response"], report->turns[0].heard_response);
  for (const char* stage : {"endpointing_ms", "asr_latency_ms", "llm_latency_ms", "tts_latency_ms", "total_latency_ms"})
    EXPECT_TRUE(rows[0][stage].is_number()) << stage;
  EXPECT_GE(rows[0]["endpointing_ms"].get<int>(), 400);
  EXPECT_GE(rows[0]["total_latency_ms"].get<int>(), rows[0]["endpointing_ms"].get<int>());
  EXPECT_LT(rows[0]["total_latency_ms"].get<int>(), 20'000) << "a deadline with a wide margin";
}
INSTANTIATE_TEST_SUITE_P(Formats, HearsAndAnswers, testing::Values(true, false), [](const auto& format) { return format.param ? "Opus" : "Pcm"; });

TEST(Interruption, CutsTheReplyAndKeepsWhatWasHeard) {
  const Prompt first = prompt(2), second = prompt(3);
  TalkPlan plan = plan_for(server(), first.audio);
  plan.interrupt_after = Millis(900);
  plan.interruption = second.audio;
  const auto report = run_talk(plan);
  ASSERT_TRUE(report.ok()) << report.error().message << "\n" << server().log();
  ASSERT_EQ(report->turns.size(), 2u);
  const auto& cut = report->turns[0];
  EXPECT_EQ(cut.status, "interrupted");
  EXPECT_LT(cut.heard_response.size(), cut.llm_response.size());
  EXPECT_LE(word_errors(second.transcript, report->turns[1].user_transcript).rate(), 0.5)
      << "said: " << second.transcript << "\nheard: " << report->turns[1].user_transcript;
  const json rows = rows_of(server(), report->session_id, 2);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["status"], "interrupted");
  EXPECT_EQ(rows[0]["heard_response"], cut.heard_response);
  EXPECT_EQ(rows[1]["status"], "completed");
}

TEST(Greeting, IsSpokenBeforeAnythingElse) {
  const Prompt said = prompt(4);
  TalkPlan plan = plan_for(server(), {Samples(asr_rate_hz * 9, 0), asr_rate_hz});   // a silent caller, so that it is heard whole
  plan.recording.samples.insert(plan.recording.samples.end(), said.audio.samples.begin(), said.audio.samples.end());
  plan.greeting = true;
  const auto report = run_talk(plan);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->turns[0].user_transcript, "");
  EXPECT_FALSE(report->turns[0].heard_response.empty());
  EXPECT_FALSE(report->turns[1].user_transcript.empty());
}

TEST(HostileCallers, AreAnsweredOrClosedAndOthersDoNotNotice) {
  const Prompt said = prompt(0);
  std::optional<Result<TalkReport>> good;
  std::thread caller([&] { good.emplace(run_talk(plan_for(server(), said.audio))); });
  const auto talk_to = [&](const std::vector<std::pair<bool, std::string>>& messages) {
    transport::WsClient client;
    EXPECT_TRUE(client.connect(server().ws_url(), {}).ok());
    for (const auto& [text, data] : messages) (void)(text ? client.send_text(data) : client.send_binary(data));
    std::vector<std::string> errors;
    const TimePoint until = SteadyClock::now() + std::chrono::seconds(3);
    while (client.is_open() && SteadyClock::now() < until && errors.size() < messages.size())
      if (auto message = client.receive(Millis(100)); message && message->is_text)
        if (const json event = json::parse(message->data); event["type"] == "error") errors.push_back(event["error"]["code"]);
    return errors;
  };
  EXPECT_EQ(talk_to({{true, "this is not JSON"}}).size(), 1u);
  EXPECT_EQ(talk_to({{true, R"({"type":5})"}, {true, R"({"type":"input_audio_buffer.append","audio":{"a":1}})"}}).size(), 2u);
  EXPECT_EQ(talk_to({{true, R"({"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/opus"}}}}})"}, {false, std::string(700, '\xff')}}).size(), 1u)
      << "garbage Opus";
  EXPECT_EQ(talk_to({{true, std::string(100'000, '[')}}).size(), 1u) << "nested too deep";
  EXPECT_TRUE(talk_to({{false, std::string(641, '\x01')}}).empty()) << "audio before session.update is taken as the default format";
  {
    transport::WsClient client;
    ASSERT_TRUE(client.connect(server().ws_url(), {}).ok());
    (void)client.send_text(std::string(3 * 1024 * 1024, 'x'));
    const TimePoint until = SteadyClock::now() + std::chrono::seconds(5);
    while (client.is_open() && SteadyClock::now() < until) (void)client.receive(Millis(100));
    EXPECT_FALSE(client.is_open());
    EXPECT_EQ(client.close_code(), 1009) << "oversized";
  }
  caller.join();
  ASSERT_TRUE(good->ok()) << good->error().message;
  expect_understood(**good, said);
}

TEST(KillingTheServer, LosesNoTurnThatTheClientWasTold) {
  const Prompt said = prompt(0);
  std::string session_id;
  std::filesystem::path data_dir;
  {
    ServerProcess first({"--log-level", "info"});
    first.keep_data();
    data_dir = first.data_dir();
    const auto report = run_talk(plan_for(first, said.audio));
    ASSERT_TRUE(report.ok()) << report.error().message;
    session_id = report->session_id;
    first.kill_hard();
  }
  {
    ServerProcess again({}, data_dir);
    const json rows = rows_of(again, session_id, 1);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0]["status"], "completed");
    EXPECT_EQ(again.stop(), 0) << again.log();
  }
  std::filesystem::remove_all(data_dir);
}

TEST(Serve, AnswersHealthReadyMetricsAndThePage) {
  EXPECT_EQ(server().get("/health").body, R"({"status":"healthy"})");
  EXPECT_EQ(server().get("/ready").status, 200);
  EXPECT_NE(server().get("/metrics").body.find("repartee_sessions_active"), std::string::npos);
  EXPECT_NE(server().get("/").body.find("<html"), std::string::npos);
  EXPECT_EQ(server().get("/api/v1/nothing").status, 404);
  const json voices = json::parse(server().get("/api/v1/voices").body);
  EXPECT_GT(voices["count"].get<int>(), 4);
  const json echos = json::parse(server().get("/api/v1/echo").body);
  EXPECT_EQ(echos["echos"][0]["name"], "default");
}

}  // namespace
}  // namespace repartee::test
