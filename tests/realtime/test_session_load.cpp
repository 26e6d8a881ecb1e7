// What a session leaves out while the machine has too much to do, and that it goes on as before when that is over.
#include <gtest/gtest.h>

#include "tests/realtime/session_harness.hpp"

namespace repartee::realtime {
namespace {

using test::json;
using test::SessionHarness;

// Remembers what it was asked and how urgent.
class AskedAsr final : public pipeline::AsrProvider {
 public:
  std::string_view name() const override { return "scripted"; }
  StreamPtr transcribe(Loop& loop, pipeline::AsrRequest request, std::function<void(Result<pipeline::Transcript>)> done) override {
    asked.push_back({request.priority, request.job});
    return inner.transcribe(loop, std::move(request), std::move(done));
  }
  std::ptrdiff_t count(Priority priority) const {
    return std::ranges::count_if(asked, [&](const auto& one) { return one.first == priority; });
  }
  std::vector<std::pair<Priority, JobOwner>> asked;
  pipeline::ScriptedAsr inner{{.script = {.lines = {"what is the time"}, .first_delay = Millis(450)}}};
};

void ask_and_hear_all(SessionHarness& h) {
  h.speak(1500);
  h.silence(700);
  h.silence(20'000);
}

TEST(SessionLoad, CaptionsAreTheFirstThingToGoAndTheFinalTranscriptStays) {
  for (const auto level : {LoadLevel::normal, LoadLevel::no_captions}) {
    SessionHarness h;
    AskedAsr asr;
    h.options.partial_interval = Millis(100);
    h.use_asr = &asr;
    h.open();
    h.load.set(level);
    ask_and_hear_all(h);
    EXPECT_EQ(asr.count(Priority::partial_transcript) > 0, level == LoadLevel::normal);
    EXPECT_EQ(h.of("conversation.item.input_audio_transcription.completed").size(), 1u);
    EXPECT_EQ(h.sink.turns.at(0).user_transcript, "what is the time");
  }
}

TEST(SessionLoad, CaptionsComeBackWithinTheUtterance) {
  SessionHarness h;
  AskedAsr asr;
  h.options.partial_interval = Millis(100);
  h.use_asr = &asr;
  h.open();
  h.load.set(LoadLevel::closed);
  h.speak(1000);
  ASSERT_EQ(asr.count(Priority::partial_transcript), 0);
  h.load.set(LoadLevel::normal);
  h.speak(1000);
  EXPECT_GT(asr.count(Priority::partial_transcript), 0);
}

std::vector<std::string> packets_of_a_reply(std::optional<LoadLevel> after_half_a_second) {
  SessionHarness h;
  h.make_engines();
  h.open();
  h.say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"audio", {{"output", {{"format", {{"type", "audio/opus"}}}, {"transport", "binary"}}}}}}}});
    h.speak(800);
    h.silence(1200);
    if (after_half_a_second) h.load.set(*after_half_a_second);
    h.silence(4000);
    return h.peer->packets;
}

TEST(SessionLoad, TheVoiceIsMadePlainerFromTheNextPacketOn) {
    const auto usual = packets_of_a_reply(std::nullopt), same = packets_of_a_reply(LoadLevel::no_captions),
               plainer = packets_of_a_reply(LoadLevel::plainest_voice);
    ASSERT_GT(usual.size(), 40u);
    ASSERT_EQ(plainer.size(), usual.size()) << "nothing is left out";
    EXPECT_EQ(usual, same);
    const auto differs = std::ranges::mismatch(usual, plainer).in1 - usual.begin();
    EXPECT_GT(differs, 10) << "what was sent before";
    EXPECT_LT(differs, static_cast<std::ptrdiff_t>(usual.size()));
}

TEST(SessionLoad, AGuessIsRaisedWhenTheEndpointComesBeforeItsTranscript) {
    SessionHarness h;
    AskedAsr asr;
    h.options.partial_interval = std::chrono::hours(1);
    h.use_asr = &asr;
    h.open();
    h.speak(1000);
    h.silence(360);
    ASSERT_EQ(asr.count(Priority::speculation), 1);
    const auto urgency = asr.asked.at(0).second.urgency;
    EXPECT_GE(urgency->now(), Priority::speculation) << "nobody waits for it yet";
    h.silence(220);
    ASSERT_TRUE(h.of("response.created").empty()) << "the transcript is not there yet";
    EXPECT_EQ(urgency->now(), Priority::final_transcript);
    h.silence(10'000);
    EXPECT_EQ(asr.asked.size(), 1u);
    EXPECT_EQ(h.sink.turns.at(0).user_transcript, "what is the time");
}

TEST(SessionLoad, JobsOfACallAreItsOwn) {
    SessionHarness one, other;
    AskedAsr asr;
    one.use_asr = other.use_asr = &asr;
    other.start.session_id = "0192f0c1-0000-7000-8000-000000000002";
    for (SessionHarness* h : {&one, &other}) {
      h->open();
      ask_and_hear_all(*h);
    }
    ASSERT_GE(asr.asked.size(), 2u);
    EXPECT_NE(asr.asked.front().second.caller, 0u);
    EXPECT_NE(asr.asked.front().second.caller, asr.asked.back().second.caller);
}

}  // namespace
}  // namespace repartee::realtime
