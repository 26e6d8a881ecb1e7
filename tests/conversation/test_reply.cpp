#include <gtest/gtest.h>

#include "pipeline/providers/scripted.hpp"
#include "pipeline/reply.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::pipeline {
namespace {

using test::ManualLoop;

struct ReplyUnderTest {
  ManualLoop loop;
  ScriptedLlmOptions llm_options{.script = {.lines = {"One two three, four five six seven. Then a second sentence follows here."}, .first_delay = Millis(10)}};
  ScriptedTtsOptions tts_options{.script = {.first_delay = Millis(20)}, .rate_hz = 16000};
  ReplyOptions options;
  std::unique_ptr<ScriptedLlm> llm;
  std::unique_ptr<ScriptedTts> tts;
  std::string text, spoken;
  std::size_t samples = 0;
  int clauses = 0;
  std::int64_t waiting = 0;
  std::optional<Status> ended;
  std::unique_ptr<Reply> reply;

  void start() {
    llm = std::make_unique<ScriptedLlm>(llm_options);
    tts = std::make_unique<ScriptedTts>(tts_options);
    options.llm = llm.get();
    options.tts = tts.get();
    reply = std::make_unique<Reply>(loop, options,
                                    ReplyCallbacks{.on_text = [this](std::string_view t) { text += t; },
                                                   .on_speech =
                                                       [this](ReplyPiece piece) {
                                                         clauses += piece.clause_begins;
                                                         samples += piece.samples.size();
                                                         for (const auto& word : piece.words) spoken += word.text + " ";
                                                       },
                                                   .on_end = [this](Status status) { ended = std::move(status); },
                                                   .waiting_ms = [this] { return waiting; }});
  }
};

TEST(Reply, SpeaksAllOfTheTextInOrder) {
  ReplyUnderTest r;
  r.start();
  r.loop.advance(std::chrono::seconds(30));
  ASSERT_TRUE(r.ended && r.ended->ok());
  EXPECT_EQ(r.spoken, "One two three, four five six seven. Then a second sentence follows here. ");
  EXPECT_GE(r.clauses, 2);
  EXPECT_GT(r.samples, 16000u);
  EXPECT_EQ(*r.reply->times().llm_first_token - *r.reply->times().llm_start, Millis(10));
}

TEST(Reply, HoldsEverythingBackUntilItIsReleasedAndThenKeepsTheOrder) {
  ReplyUnderTest r;
  r.options.held = true;
  r.start();
  r.loop.advance(std::chrono::seconds(30));
  EXPECT_TRUE(r.text.empty());
  EXPECT_EQ(r.samples, 0u);
  EXPECT_FALSE(r.ended);
  r.reply->release();
  EXPECT_TRUE(r.text.empty()) << "not from inside the call";
  r.loop.run();
  EXPECT_EQ(r.text, "One two three, four five six seven. Then a second sentence follows here.");
  EXPECT_TRUE(r.ended && r.ended->ok());
}

TEST(Reply, HoldsToolCallsBackToo) {
  ReplyUnderTest r;
  r.options.held = true;
  r.options.request.tools = {{"weather", "", "{}"}};
  r.options.request.messages = {{Role::user, "the weather?"}};
  r.llm_options.tool_calls = {{"call_1", "weather", R"({"city":"Paris"})"}};
  std::vector<ReplyToolPiece> pieces;
  r.llm = std::make_unique<ScriptedLlm>(r.llm_options);
  r.options.llm = r.llm.get();
  r.reply = std::make_unique<Reply>(r.loop, r.options,
                                    ReplyCallbacks{.on_text = {}, .on_speech = {}, .on_end = [&](Status status) { r.ended = std::move(status); }, .waiting_ms = {},
                                                   .on_tool_call = [&](ReplyToolPiece piece) { pieces.push_back(std::move(piece)); }});
  r.loop.advance(std::chrono::seconds(30));
  EXPECT_TRUE(pieces.empty());
  r.reply->release();
  r.loop.run();
  ASSERT_GE(pieces.size(), 3u);
  EXPECT_TRUE(pieces.back().complete);
  EXPECT_EQ(pieces.back().name, "weather");
  EXPECT_TRUE(r.ended && r.ended->ok());
}

TEST(Reply, IsSilentOnceDestroyedEvenInTheMiddleOfItsOwnCallback) {
  ReplyUnderTest r;
  r.start();
  r.loop.advance(Millis(31));
  const auto heard = r.samples;
  r.reply.reset();
  r.loop.advance(std::chrono::seconds(30));
  EXPECT_EQ(r.samples, heard);
  EXPECT_FALSE(r.ended);

  ManualLoop loop;
  ScriptedLlm llm({.script = {.lines = {"Some text to be cut."}}});
  std::unique_ptr<Reply> cut;
  int pieces = 0;
  ReplyOptions options;
  options.llm = &llm;
  cut = std::make_unique<Reply>(loop, options, ReplyCallbacks{.on_text = [&](std::string_view) { ++pieces; cut.reset(); }, .on_speech = {}, .on_end = [&](Status) { pieces = -1; }, .waiting_ms = {}});
  loop.advance(std::chrono::seconds(5));
  EXPECT_EQ(pieces, 1);
}

TEST(Reply, EndsWithAnErrorWhenTheModelDoesNotBegin) {
  ReplyUnderTest r;
  r.llm_options.script.failure = ScriptedFailure::hang;
  r.options.first_token_timeout = std::chrono::seconds(2);
  r.start();
  r.loop.advance(std::chrono::seconds(3));
  ASSERT_TRUE(r.ended && !r.ended->ok());
  EXPECT_EQ(r.ended->error().code, Errc::deadline_exceeded);
}

TEST(Reply, EndsWithAnErrorWhenTheModelDripsPastItsDeadline) {
  ReplyUnderTest r;
  r.llm_options.script.failure = ScriptedFailure::drip;
  r.options.llm_timeout = std::chrono::seconds(4);
  r.start();
  r.loop.advance(std::chrono::seconds(60));
  ASSERT_TRUE(r.ended && !r.ended->ok());
  EXPECT_FALSE(r.text.empty()) << "what came before stays valid";
}

TEST(Reply, EndsWithAnErrorWhenTheVoiceHangsOrFails) {
  for (const auto failure : {ScriptedFailure::hang, ScriptedFailure::fail, ScriptedFailure::half}) {
    ReplyUnderTest r;
    r.tts_options.script.failure = failure;
    r.options.tts_timeout = std::chrono::seconds(2);
    r.start();
    r.loop.advance(std::chrono::seconds(30));
    ASSERT_TRUE(r.ended.has_value());
    EXPECT_FALSE(r.ended->ok());
  }
}

TEST(Reply, SynthesisesNoFurtherClauseWhileEnoughWaitsToBePlayed) {
  ReplyUnderTest r;
  r.waiting = 60'000;
  r.start();
  r.loop.advance(std::chrono::seconds(30));
  EXPECT_EQ(r.samples, 0u);
  r.waiting = 0;
  r.reply->more_wanted();
  r.loop.advance(std::chrono::seconds(30));
  EXPECT_TRUE(r.ended && r.ended->ok());
}

// The first clause takes longer than the second.
class SlowFirstTts final : public TtsProvider {
 public:
  std::string_view name() const override { return "slow"; }
  int rate_hz() const override { return 16000; }
  std::vector<VoiceInfo> voices() const override { return {}; }
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override {
    running_max = std::max(running_max, ++running);
    return loop.after(Millis(calls++ == 0 ? 500 : 50), [this, request, callbacks] {
      --running;
      callbacks.on_chunk({Samples(160, 1), {{request.text, 0, 10}}});
      callbacks.on_end({});
    });
  }
  int calls = 0, running = 0, running_max = 0;
};

TEST(Reply, SynthesisesTwoClausesSideBySideAndKeepsTheirOrder) {
  ReplyUnderTest r;
  SlowFirstTts slow;
  r.options.text = "One. Two follows here. Three comes after that. Four is the last.";
  r.options.tts = &slow;
  std::string spoken;
  bool ended = false;
  Reply reply(r.loop, r.options, {.on_text = [](std::string_view) {}, .on_speech = [&](ReplyPiece piece) { spoken += piece.words.at(0).text + "|"; },
                                  .on_end = [&](Status s) { ended = s.ok(); }, .waiting_ms = {}});
  r.loop.advance(Millis(400));
  EXPECT_EQ(spoken, "") << "the second clause is ready, but it is not its turn";
  r.loop.advance(std::chrono::seconds(5));
  EXPECT_EQ(spoken, "One.|Two follows here.|Three comes after that.|Four is the last.|");
  EXPECT_TRUE(ended);
  EXPECT_EQ(slow.running_max, 2);
}

// Remembers how urgent each clause is, and speaks when told.
class AskedTts final : public TtsProvider {
 public:
  struct Asked {
    Priority priority;
    JobOwner job;
    TtsCallbacks callbacks;
  };
  std::string_view name() const override { return "asked"; }
  int rate_hz() const override { return 16000; }
  std::vector<VoiceInfo> voices() const override { return {}; }
  StreamPtr synthesize(Loop& loop, TtsRequest request, TtsCallbacks callbacks) override {
    asked.push_back({request.priority, request.job, std::move(callbacks)});
    return loop.after(std::chrono::hours(1), [] {});
  }
  void speak(std::size_t clause) {
    const TtsCallbacks callbacks = asked.at(clause).callbacks;
    callbacks.on_chunk({Samples(160, 1), {}});
    callbacks.on_end({});
  }
  std::vector<Asked> asked;
};

TEST(Reply, AsksForClausesAsUrgentlyAsTheyAreWaitedFor) {
  ReplyUnderTest r;
  AskedTts voice;
  std::int64_t waiting = 0;
  r.options.text = "One. Two follows here. Three comes after that. Four is the last.";
  r.options.tts = &voice;
  r.options.caller = 7;
  Reply reply(r.loop, r.options, {.on_text = [](std::string_view) {}, .on_speech = [](ReplyPiece) {}, .on_end = [](Status) {}, .waiting_ms = [&] { return waiting; }});
  r.loop.advance(Millis(10));
  ASSERT_EQ(voice.asked.size(), 2u);
  EXPECT_EQ(voice.asked[0].priority, Priority::first_audio);
  EXPECT_EQ(voice.asked[1].priority, Priority::next_audio);
  EXPECT_EQ(voice.asked[1].job.caller, 7u);
  waiting = 8000;
  voice.speak(0);
  ASSERT_EQ(voice.asked.size(), 3u);
  EXPECT_EQ(voice.asked[2].priority, Priority::later_audio) << "eight seconds are still to be played";
  reply.more_wanted();
  EXPECT_EQ(voice.asked[2].job.urgency->now(), Priority::later_audio);
  waiting = 3000;
  reply.more_wanted();
  EXPECT_EQ(voice.asked[2].job.urgency->now(), Priority::next_audio) << "playback came near";
}

TEST(Reply, WhatWasGuessedIsHurriedWhenItIsReleased) {
  ReplyUnderTest r;
  AskedTts voice;
  r.options.text = "One. Two follows here. Three comes after that.";
  r.options.tts = &voice;
  r.options.held = true;
  Reply reply(r.loop, r.options, {.on_text = [](std::string_view) {}, .on_speech = [](ReplyPiece) {}, .on_end = [](Status) {}, .waiting_ms = [] { return 0; }});
  r.loop.advance(Millis(10));
  ASSERT_EQ(voice.asked.size(), 2u);
  EXPECT_EQ(voice.asked[0].priority, Priority::speculation);
  reply.release();
  EXPECT_EQ(voice.asked[0].job.urgency->now(), Priority::first_audio);
  EXPECT_EQ(voice.asked[1].job.urgency->now(), Priority::next_audio);
}

TEST(Reply, StopsAModelThatNeverStops) {
  ReplyUnderTest r;
  r.options.text_bytes_max = 40;
  r.start();
  r.loop.advance(std::chrono::seconds(30));
  ASSERT_TRUE(r.ended && r.ended->ok());
  EXPECT_LT(r.text.size(), 60u);
  EXPECT_EQ(r.reply->usage().finish, FinishReason::length);
}

TEST(Reply, SaysAFixedTextWithoutAModel) {
  ReplyUnderTest r;
  r.llm = std::make_unique<ScriptedLlm>();
  r.tts = std::make_unique<ScriptedTts>(r.tts_options);
  r.options.tts = r.tts.get();
  r.options.text = "Sorry about that.";
  std::string spoken;
  bool ended = false;
  Reply reply(r.loop, r.options, {.on_text = [](std::string_view) {}, .on_speech = [&](ReplyPiece piece) { for (auto& w : piece.words) spoken += w.text + " "; },
                                  .on_end = [&](Status s) { ended = s.ok(); }, .waiting_ms = {}});
  r.loop.advance(std::chrono::seconds(10));
  EXPECT_EQ(spoken, "Sorry about that. ");
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace repartee::pipeline
