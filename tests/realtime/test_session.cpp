#include <gtest/gtest.h>

#include "tests/realtime/session_harness.hpp"

namespace repartee::realtime {
namespace {

using test::json;
using test::SessionHarness;

void ask_and_hear_all(SessionHarness& h) {
  h.speak(800);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(10));
}

TEST(Session, AnswersASpokenQuestionAndRecordsTheTurn) {
  SessionHarness h;
  h.open();
  ask_and_hear_all(h);
  ASSERT_EQ(h.sink.turns.size(), 1u);
  const TurnRecord& turn = h.sink.turns.front();
  EXPECT_EQ(turn.status, "completed");
  EXPECT_EQ(turn.user_transcript, "what is the time");
  EXPECT_EQ(turn.llm_response, "It is noon. The sun stands high above the quiet town.");
  EXPECT_EQ(turn.heard_response, turn.llm_response);
  EXPECT_GT(turn.heard_ms, 1000);
  ASSERT_TRUE(turn.endpointing_ms && turn.total_latency_ms && turn.asr_latency_ms && turn.llm_latency_ms && turn.tts_latency_ms);
  EXPECT_NEAR(static_cast<double>(*turn.endpointing_ms), 512, 40);
  EXPECT_EQ(*turn.asr_latency_ms, 50);
  EXPECT_EQ(*turn.llm_latency_ms, 10);
  EXPECT_EQ(*turn.tts_latency_ms, 20);
  EXPECT_GT(turn.asr_cost.e8, 0);
  EXPECT_GT(turn.llm_cost.e8, 0);
  EXPECT_GT(turn.tts_cost.e8, 0);
  EXPECT_EQ(h.of("repartee.turn").size(), 1u);
  EXPECT_EQ(h.session->state(), State::idle);
}

TEST(Session, SendsTheEventsOfATurnInTheProtocolsOrder) {
  SessionHarness h;
  h.open();
  ask_and_hear_all(h);
  const std::vector<std::string> order{"session.created", "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                                       "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
                                       "conversation.item.input_audio_transcription.completed", "response.created", "response.output_item.added",
                                       "response.content_part.added", "response.output_audio_transcript.delta", "response.output_audio.delta",
                                       "response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
                                       "response.output_item.done", "response.done", "repartee.turn"};
  std::ptrdiff_t before = -1;
  for (const auto& type : order) {
    const auto at = h.place(type);
    EXPECT_GT(at, before) << type;
    before = at;
  }
}

TEST(Session, SpeculatesSoThatTheReplyIsReadyAtTheEndpoint) {
  SessionHarness h;
  h.open();
  ask_and_hear_all(h);
  const TurnRecord& turn = h.sink.turns.at(0);
  EXPECT_EQ(*turn.total_latency_ms, *turn.endpointing_ms) << "asr, llm and tts ran while endpointing";
}

TEST(Session, ThrowsSpeculationAwayWhenTheUserGoesOn) {
  SessionHarness h;
  h.asr_options.script.lines = {"what is", "what is the time"};
  h.options.partial_interval = std::chrono::hours(1);
  h.open();
  h.speak(600);
  h.silence(360);   // long enough to speculate a reply, too short to end
  EXPECT_TRUE(h.of("response.created").empty()) << "speculation shows nothing";
  h.speak(400);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "what is the time");
  EXPECT_EQ(json::parse(h.sink.turns[0].speculative_waste_json)["replies"], 1);
  EXPECT_EQ(h.of("response.created").size(), 1u);
}

TEST(Session, StopsForAnInterruptionAndKeepsExactlyWhatWasHeard) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(700);
  ASSERT_EQ(h.session->state(), State::speaking);
  h.silence(600);   // the reply plays
  const auto deltas_before = h.of("response.output_audio.delta").size();
  h.speak(260);
  ASSERT_EQ(h.session->state(), State::interrupted);
  const auto deltas_at_cut = h.of("response.output_audio.delta").size();
  EXPECT_GT(deltas_at_cut, deltas_before);
  h.silence(700);
  EXPECT_EQ(h.of("response.done").at(0)["response"]["status"], "cancelled");
  EXPECT_EQ(h.of("response.done").at(0)["response"]["status_details"]["reason"], "turn_detected");
  ASSERT_GE(h.sink.turns.size(), 1u);
  const TurnRecord& cut = h.sink.turns[0];
  EXPECT_EQ(cut.status, "interrupted");
  EXPECT_FALSE(cut.heard_response.empty());
  EXPECT_LT(cut.heard_response.size(), cut.llm_response.size());
  EXPECT_EQ(cut.llm_response.rfind(cut.heard_response, 0), 0u) << "what was heard is the beginning of what was generated";
  const auto done = h.place("response.done");
  for (std::size_t i = static_cast<std::size_t>(done); i < h.peer->events.size() && h.peer->events[i]["type"] != "response.created"; ++i)
    EXPECT_NE(h.peer->events[i]["type"], "response.output_audio.delta") << "audio after the cut";
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 2u) << "the interruption is a question of its own";
}

TEST(Session, WithholdsSpeechStartedOverAReplyUntilItIsConfirmed) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(900);
  ASSERT_EQ(h.session->state(), State::speaking);
  h.speak(100);     // "uh-huh"
  h.silence(900);
  EXPECT_EQ(h.of("input_audio_buffer.speech_started").size(), 1u) << "only the question's own";
  EXPECT_EQ(h.sink.turns.size() + (h.session->state() == State::speaking ? 1 : 0), 1u);
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "completed");
}

TEST(Session, GivesTheTrueOnsetOfAnInterruption) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(1000);
  const std::int64_t onset_ms = 1800;
  h.speak(400);
  const auto started = h.of("input_audio_buffer.speech_started");
  ASSERT_EQ(started.size(), 2u);
  EXPECT_NEAR(started[1]["audio_start_ms"].get<double>(), static_cast<double>(onset_ms - 300), 40);
}

TEST(Session, TakesTheClientsAccountOfWhatWasHeard) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(1500);
  const std::string item = h.of("response.output_item.added").at(0)["item"]["id"];
  h.speak(260);
  ASSERT_EQ(h.session->state(), State::interrupted);
  h.say({{"type", "repartee.playback"}, {"item_id", item}, {"played_ms", 400}});
  ASSERT_EQ(h.sink.turns.size(), 1u) << "settled at once";
  EXPECT_EQ(h.sink.turns[0].heard_ms, 400);
  EXPECT_EQ(h.session->state(), State::listening);
}

TEST(Session, RevisesTheRowWhenATruncateComesLate) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(1500);
  const std::string item = h.of("response.output_item.added").at(0)["item"]["id"];
  h.speak(260);
  h.silence(400);   // 300 ms have gone by: settled by our own account
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].revision, 1);
  h.say({{"type", "conversation.item.truncate"}, {"item_id", item}, {"content_index", 0}, {"audio_end_ms", 300}});
  ASSERT_EQ(h.sink.turns.size(), 2u);
  EXPECT_EQ(h.sink.turns[1].revision, 2);
  EXPECT_EQ(h.sink.turns[1].turn_index, h.sink.turns[0].turn_index);
  EXPECT_EQ(h.sink.turns[1].heard_ms, 300);
  h.say({{"type", "conversation.item.truncate"}, {"item_id", item}, {"content_index", 0}, {"audio_end_ms", 99'000'000}});
  EXPECT_LE(h.sink.turns.back().heard_ms, h.sink.turns[0].heard_ms + 400) << "never more than was sent";
}

TEST(Session, JoinsSpeechThatResumesBeforeTheReplyIsAudible) {
  SessionHarness h;
  h.asr_options.script.lines = {"I would like", "two apples please"};
  h.options.partial_interval = std::chrono::hours(1);
  h.options.speculate_replies = false;
  h.llm_options.script.first_delay = Millis(1500);
  h.open();
  h.speak(600);
  h.silence(800);
  ASSERT_EQ(h.session->state(), State::processing);
  h.speak(600);
  EXPECT_EQ(h.session->state(), State::listening);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(15));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "I would like two apples please");
  EXPECT_EQ(h.sink.turns[0].status, "completed");
  EXPECT_EQ(h.of("response.done").at(0)["response"]["status"], "cancelled");
  EXPECT_EQ(h.of("response.done").at(1)["response"]["status"], "completed");
}

TEST(Session, MakesNoTurnOfAnEmptyTranscript) {
  SessionHarness h;
  h.asr_options.silence_level = 30000;
  h.open();
  ask_and_hear_all(h);
  EXPECT_TRUE(h.sink.turns.empty());
  EXPECT_TRUE(h.of("response.created").empty());
  EXPECT_EQ(h.session->state(), State::idle);
  EXPECT_EQ(h.of("conversation.item.input_audio_transcription.completed").at(0)["transcript"], "");
}

TEST(Session, AnswersTypedText) {
  SessionHarness h;
  h.open();
  h.say({{"type", "conversation.item.create"}, {"item", {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", "Hi"}}}}}}});
  h.say({{"type", "response.create"}});
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "Hi");
  EXPECT_FALSE(h.sink.turns[0].endpointing_ms.has_value());
  EXPECT_TRUE(h.sink.turns[0].total_latency_ms.has_value());
}

TEST(Session, AnswersInTextWhenAskedTo) {
  SessionHarness h;
  h.open();
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"output_modalities", {"text"}}}}});
  h.say({{"type", "response.create"}});
  h.loop.advance(std::chrono::seconds(1));
  EXPECT_FALSE(h.of("response.output_text.delta").empty());
  EXPECT_EQ(h.of("response.output_text.done").at(0)["text"], "It is noon. The sun stands high above the quiet town.");
  EXPECT_TRUE(h.of("response.output_audio.delta").empty());
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].heard_response, h.sink.turns[0].llm_response);
}

TEST(Session, WaitsForTheClientInPushToTalk) {
  SessionHarness h;
  h.open();
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"turn_detection", nullptr}}}}}}}});
  h.speak(800);
  h.silence(2000);
  EXPECT_TRUE(h.of("input_audio_buffer.committed").empty());
  h.say({{"type", "input_audio_buffer.commit"}});
  h.loop.advance(Millis(200));
  EXPECT_EQ(h.of("input_audio_buffer.committed").size(), 1u);
  EXPECT_EQ(h.of("conversation.item.input_audio_transcription.completed").size(), 1u);
  EXPECT_TRUE(h.of("response.created").empty());
  h.say({{"type", "response.create"}});
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "what is the time");
}

TEST(Session, StopsWhenTheClientCancels) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(1200);
  ASSERT_EQ(h.session->state(), State::speaking);
  h.say({{"type", "response.cancel"}});
  EXPECT_EQ(h.session->state(), State::interrupted);
  h.loop.advance(Millis(400));
  EXPECT_EQ(h.session->state(), State::idle);
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "interrupted");
  EXPECT_EQ(h.sink.turns[0].cancel_reason, "client_cancelled");
  h.say({{"type", "response.cancel"}});
  EXPECT_EQ(h.of("error").back()["error"]["code"], "response_cancel_not_active");
}

TEST(Session, SaysThatATurnFailedAndGoesOn) {
  SessionHarness h;
  h.llm_options.script.failure = pipeline::ScriptedFailure::fail;
  h.llm_options.script.fail_every = 1;
  h.options.speculate_replies = false;
  h.open();
  ask_and_hear_all(h);
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "failed");
  EXPECT_EQ(h.of("response.done").at(0)["response"]["status"], "failed");
  EXPECT_EQ(h.of("error").size(), 1u);
  EXPECT_FALSE(h.of("response.output_audio.delta").empty()) << "an apology is spoken";
  std::vector<std::string> states;
  for (const auto& move : h.of("repartee.state")) states.push_back(move["to"]);
  EXPECT_EQ(states, (std::vector<std::string>{"listening", "processing", "speaking", "error", "idle"}));
  EXPECT_EQ(h.session->state(), State::idle);
}

TEST(Session, EndsATurnWhoseModelHangsAtItsDeadline) {
  SessionHarness h;
  h.llm_options.script.failure = pipeline::ScriptedFailure::hang;
  h.options.first_token_timeout = std::chrono::seconds(3);
  h.open();
  h.speak(800);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(20));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "failed");
  EXPECT_EQ(h.of("error").at(0)["error"]["code"], "deadline_exceeded");
}

TEST(Session, FailsATurnWhoseRecogniserHangs) {
  SessionHarness h;
  h.asr_options.script.failure = pipeline::ScriptedFailure::hang;
  h.options.asr_timeout = std::chrono::seconds(2);
  h.open();
  h.speak(800);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(20));
  EXPECT_EQ(h.of("conversation.item.input_audio_transcription.failed").size(), 1u);
  EXPECT_EQ(h.of("response.done").at(0)["response"]["status"], "failed");
  EXPECT_EQ(h.session->state(), State::idle);
}

TEST(Session, EndsAnUtteranceWhoseAudioStopsComing) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.loop.advance(std::chrono::seconds(15));   // not a single frame more
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "completed");
}

TEST(Session, CommitsAnUtteranceThatReachesItsLongestLength) {
  SessionHarness h;
  h.options.input.utterance_ms_max = 2000;
  h.open();
  h.speak(2600);
  EXPECT_EQ(h.of("input_audio_buffer.committed").size(), 1u);
}

TEST(Session, GreetsWhenAskedToAndCountsItAsATurnWithoutAUser) {
  SessionHarness h;
  h.start.greet = true;
  h.open();
  EXPECT_TRUE(h.of("response.created").empty()) << "not before the client said how it wants to hear";
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}}}});
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "");
  EXPECT_EQ(h.sink.turns[0].heard_response, "Hello there.");
}

TEST(Session, AnswersNonsenseWithErrorsAndStaysAlive) {
  SessionHarness h;
  h.open();
  h.session->on_text("not json");
  h.session->on_text(R"({"type":"input_audio_buffer.append","audio":17})");
  h.session->on_text(R"({"type":"no.such.event","event_id":"e1"})");
  h.say({{"type", "input_audio_buffer.commit"}});
  h.say({{"type", "conversation.item.retrieve"}, {"item_id", "nobody"}});
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"format", {{"type", "audio/opus"}}}}}}}}}});
  h.session->on_binary("\xff\xff garbage, not opus");
  EXPECT_EQ(h.of("error").size(), 6u);
  EXPECT_EQ(h.of("error")[2]["error"]["event_id"], "e1");
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"format", {{"type", "audio/pcm"}, {"rate", 16000}}}}}}}}}});
  ask_and_hear_all(h);
  EXPECT_EQ(h.sink.turns.size(), 1u);
}

TEST(Session, RefusesASecondResponse) {
  SessionHarness h;
  h.open();
  h.say({{"type", "response.create"}});
  h.say({{"type", "response.create"}});
  EXPECT_EQ(h.of("error").at(0)["error"]["code"], "conversation_already_has_active_response");
  h.loop.advance(std::chrono::seconds(10));
  EXPECT_EQ(h.sink.turns.size(), 1u);
}

TEST(Session, ClosesItsRowAndRecordsTheTurnThatTheDisconnectionCut) {
  SessionHarness h;
  h.open();
  h.speak(800);
  h.silence(1200);
  h.session->on_close("connection lost");
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].cancel_reason, "disconnected");
  ASSERT_FALSE(h.sink.sessions.empty());
  EXPECT_TRUE(h.sink.sessions.back().ended_at.has_value());
  EXPECT_EQ(h.sink.sessions.back().end_reason, "connection lost");
  EXPECT_EQ(h.sink.sessions.back().total_turns, 1);
  h.loop.advance(std::chrono::seconds(5));   // nothing left runs
}

TEST(Session, SendsBinaryAudioThatBelongsToTheAnnouncedItem) {
  SessionHarness h;
  h.open();
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"output", {{"format", {{"type", "audio/opus"}}}, {"transport", "binary"}}}}}}}});
  h.say({{"type", "response.create"}});
  h.loop.advance(std::chrono::seconds(10));
  EXPECT_TRUE(h.of("response.output_audio.delta").empty());
  ASSERT_FALSE(h.peer->packets.empty());
  EXPECT_NEAR(static_cast<double>(h.peer->packets.size()) * 20, static_cast<double>(h.sink.turns.at(0).heard_ms), 25);
}

TEST(Session, EndsAtItsLongestTimeAndSaysSoBefore) {
  SessionHarness h;
  h.options.session_max = std::chrono::minutes(10);
  h.open();
  h.loop.advance(std::chrono::minutes(9) + std::chrono::seconds(1));
  EXPECT_EQ(h.of("error").at(0)["error"]["code"], "session_expires_soon");
  h.loop.advance(std::chrono::minutes(1));
  EXPECT_EQ(h.peer->close_code, 1000);
}

TEST(Session, RecordsAJoinedTurnAsCompletedEvenWhenItsFirstTranscriptCameLate) {
  SessionHarness h;
  h.asr_options.script = {.lines = {"I would like", "two apples please"}, .first_delay = Millis(900)};
  h.options.partial_interval = std::chrono::hours(1);
  h.options.speculate_replies = false;
  h.open();
  h.speak(600);
  h.silence(560);   // endpoint, the transcript still under way
  ASSERT_EQ(h.session->state(), State::processing);
  h.speak(600);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(15));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "completed");
  EXPECT_EQ(h.sink.turns[0].cancel_reason, "");
  EXPECT_EQ(h.sink.turns[0].user_transcript, "I would like two apples please");
}

TEST(Session, IgnoresAClearOfTheOutputWhileNothingPlays) {
  SessionHarness h;
  h.open();
  h.speak(600);
  h.say({{"type", "output_audio_buffer.clear"}});
  h.silence(700);
  h.loop.advance(std::chrono::seconds(10));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "completed");
}

TEST(Session, AnswersWhatIsSaidOverAReplyThatMayNotBeInterruptedAfterIt) {
  SessionHarness h;
  h.asr_options.script.lines = {"first question", "second question"};
  h.options.partial_interval = std::chrono::hours(1);
  h.open();
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"turn_detection", {{"type", "server_vad"}, {"interrupt_response", false}}}}}}}}}});
  h.speak(600);
  h.silence(800);
  ASSERT_EQ(h.session->state(), State::speaking);
  h.speak(600);
  h.silence(700);
  EXPECT_EQ(h.session->state(), State::speaking) << "not interrupted";
  EXPECT_EQ(h.of("input_audio_buffer.committed").size(), 2u);
  h.loop.advance(std::chrono::seconds(20));
  ASSERT_EQ(h.sink.turns.size(), 2u);
  EXPECT_EQ(h.sink.turns[0].user_transcript, "first question");
  EXPECT_EQ(h.sink.turns[0].status, "completed");
  EXPECT_EQ(h.sink.turns[1].user_transcript, "second question");
}

TEST(Session, KeepsTheOperatorsDetectionWhenAClientSwitchesItOffAndOn) {
  SessionHarness h;
  h.options.config.turn_detection.silence_duration_ms = 900;
  h.open();
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"turn_detection", nullptr}}}}}}}});
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"turn_detection", {{"type", "server_vad"}}}}}}}}}});
  EXPECT_EQ(h.of("session.updated").back()["session"]["audio"]["input"]["turn_detection"]["silence_duration_ms"], 900);
}

TEST(Session, WaitsLongerWhenTheWordsTrailOffUnderSemanticDetection) {
  const auto endpointing = [](const char* words) {
    SessionHarness h;
    h.asr_options.script.lines = {words};
    h.options.partial_interval = std::chrono::hours(1);
    h.open();
    h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"input", {{"turn_detection", {{"type", "semantic_vad"}, {"eagerness", "high"}}}}}}}}}});
    h.speak(600);
    h.silence(3000);
    h.loop.advance(std::chrono::seconds(20));
    return h.sink.turns.at(0).endpointing_ms.value();
  };
  const auto complete = endpointing("What is the time?"), trailing = endpointing("I would like to");
  EXPECT_NEAR(static_cast<double>(complete), 300, 60);
  EXPECT_NEAR(static_cast<double>(trailing), 2000, 60);
}

class MeteredLlm final : public pipeline::LlmProvider {
 public:
  std::string_view name() const override { return "scripted"; }
  bool is_metered() const override { return true; }
  StreamPtr generate(Loop& loop, pipeline::LlmRequest request, pipeline::LlmCallbacks callbacks) override {
    ++calls;
    return inner.generate(loop, std::move(request), std::move(callbacks));
  }
  int calls = 0;
  pipeline::ScriptedLlm inner;
};

TEST(Session, AsksAMeteredModelNothingOnSpeculation) {
  SessionHarness h;
  MeteredLlm metered;
  h.open();
  h.llms["scripted"] = &metered;
  h.speak(600);
  h.silence(400);   // a pause, no endpoint
  EXPECT_EQ(metered.calls, 0);
  h.silence(300);
  h.loop.advance(std::chrono::seconds(10));
  EXPECT_EQ(metered.calls, 1);
}

}  // namespace
}  // namespace repartee::realtime
