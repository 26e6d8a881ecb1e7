#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/providers/scripted.hpp"
#include "realtime/conversation.hpp"
#include "realtime/turn.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::realtime {
namespace {

const TimePoint t0{std::chrono::hours(1)};
const Providers providers{"openai", "openai", "openai"};

TEST(Turn, PricesWhatItsProvidersDid) {
  Turn turn(0, t0, WallTime{});
  turn.asr_ran(t0, t0 + Millis(90), 30'000);
  const PriceTable prices{{"openai", {.asr_usd_per_minute = 0.006, .tts_usd_per_million_characters = 15}}};
  const TurnRecord row = turn.finish("completed", "", providers, prices, WallTime{});
  EXPECT_EQ(to_decimal(row.asr_cost), "0.00300000");
  EXPECT_EQ(row.llm_cost.e8, 0);
  EXPECT_EQ(row.total_cost(), row.asr_cost);
  EXPECT_EQ(turn.finish("completed", "", {"moonshine", "local", "flite"}, prices, WallTime{}).total_cost().e8, 0) << "local engines cost nothing";
}

TEST(Turn, MeasuresFromTheEndOfSpeechAndShowsOverlapInItsTimeline) {
  Turn turn(3, t0, WallTime{});
  turn.speech_ended(t0 + Millis(1000));
  turn.asr_ran(t0 + Millis(1160), t0 + Millis(1250), 2000);
  turn.endpoint_decided(t0 + Millis(1510));
  turn.first_frame(t0 + Millis(1700));
  turn.first_frame(t0 + Millis(9000));   // only the first counts
  const TurnRecord row = turn.finish("completed", "", providers, {}, WallTime{});
  EXPECT_EQ(row.turn_index, 3);
  EXPECT_EQ(row.endpointing_ms, 510);
  EXPECT_EQ(row.asr_latency_ms, 90);
  EXPECT_EQ(row.total_latency_ms, 700);
  EXPECT_FALSE(row.llm_latency_ms.has_value());
  const auto timeline = nlohmann::json::parse(row.timeline_json);
  EXPECT_EQ(timeline["asr_start"], 160);
  EXPECT_EQ(timeline["endpoint"], 510);
  EXPECT_EQ(timeline["first_frame"], 700);
}

// Says at once what it is said to have said before.
class RememberingLlm final : public pipeline::LlmProvider {
 public:
  std::string_view name() const override { return "openai"; }
  StreamPtr generate(Loop& loop, pipeline::LlmRequest, pipeline::LlmCallbacks callbacks) override {
    return loop.after(Duration::zero(), [callbacks] {
      callbacks.on_text("As I said before.");
      callbacks.on_end(pipeline::LlmEnd{.from_cache = true});
    });
  }
};
class RememberingTts final : public pipeline::TtsProvider {
 public:
  std::string_view name() const override { return "openai"; }
  int rate_hz() const override { return 16000; }
  std::vector<pipeline::VoiceInfo> voices() const override { return {}; }
  StreamPtr synthesize(Loop& loop, pipeline::TtsRequest, pipeline::TtsCallbacks callbacks) override {
    return loop.after(Duration::zero(), [callbacks] {
      callbacks.on_chunk({.samples = Samples(160), .words = {}, .from_cache = true});
      callbacks.on_end({});
    });
  }
};

TEST(Turn, TellsWhatTheCacheAnsweredAndThatItCostNothing) {
  test::ManualLoop loop;
  RememberingLlm llm;
  RememberingTts tts;
  pipeline::ReplyOptions options;
  options.llm = &llm;
  options.tts = &tts;
  options.request.persona = "You are Ada, and this is what you are.";
  pipeline::Reply reply(loop, options, {.on_text = [](std::string_view) {}, .on_speech = [](pipeline::ReplyPiece) {}, .on_end = [](Status) {}, .waiting_ms = {}});
  loop.advance(Millis(10));
  Turn turn(0, t0, WallTime{});
  EXPECT_EQ(turn.finish("cancelled", "", providers, {}, WallTime{}).cache_hits_json, "{}");
  turn.reply_times(reply);
  const PriceTable prices{{"openai", {.llm_usd_per_million_input_tokens = 1, .llm_usd_per_million_output_tokens = 1, .tts_usd_per_million_characters = 15}}};
  const TurnRecord row = turn.finish("completed", "", providers, prices, WallTime{});
  EXPECT_EQ(nlohmann::json::parse(row.cache_hits_json), nlohmann::json::parse(R"({"tts":1,"llm":1})"));
  EXPECT_EQ(row.total_cost().e8, 0);
  EXPECT_EQ(row.llm_response, "As I said before.");
}

TEST(Turn, JoinsTheUtterancesOfOneTurn) {
  Turn turn(0, t0, WallTime{});
  EXPECT_FALSE(turn.has_content());
  turn.add_user_text("I would like");
  turn.add_user_text("");
  turn.add_user_text("two apples");
  EXPECT_EQ(turn.user_text(), "I would like two apples");
  EXPECT_TRUE(turn.has_content());
}

Item said(const char* id, ItemRole role, const char* text) {
  Item item;
  item.id = id;
  item.role = role;
  item.content.push_back({role == ItemRole::assistant ? PartType::output_audio : PartType::input_text, text, true});
  return item;
}

TEST(Conversation, InsertsWhereItIsToldAndRefusesWhatCannotBe) {
  Conversation conversation;
  EXPECT_EQ(conversation.add(said("b", ItemRole::user, "two")), "");
  EXPECT_EQ(conversation.add(said("c", ItemRole::user, "three")), "b");
  EXPECT_EQ(conversation.add(said("a", ItemRole::user, "one"), "root"), "");
  EXPECT_EQ(conversation.add(said("bb", ItemRole::user, "two and a half"), "b"), "b");
  EXPECT_FALSE(conversation.add(said("x", ItemRole::user, ""), "nobody").has_value());
  EXPECT_FALSE(conversation.add(said("a", ItemRole::user, "again")).has_value()) << "ids are unique";
  std::string order;
  for (const auto& item : conversation.items()) order += item.id + " ";
  EXPECT_EQ(order, "a b bb c ");
}

TEST(Conversation, ShowsTheModelOnlyItemsWithWords) {
  Conversation conversation;
  conversation.add(said("1", ItemRole::user, "hello"));
  conversation.add(said("2", ItemRole::assistant, ""));   // cut before anything was heard
  conversation.add(said("3", ItemRole::user, "are you there"));
  const auto messages = conversation.messages();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].text, "are you there");
  EXPECT_TRUE(conversation.remove("1"));
  EXPECT_FALSE(conversation.remove("1"));
}

TEST(Conversation, ForgetsTheOldestBeyondItsLimit) {
  Conversation conversation;
  for (std::size_t i = 0; i < Conversation::items_max + 10; ++i) conversation.add(said(std::to_string(i).c_str(), ItemRole::user, "x"));
  EXPECT_EQ(conversation.items().size(), Conversation::items_max);
  EXPECT_EQ(conversation.find("3"), nullptr);
  EXPECT_NE(conversation.find("2009"), nullptr);
}

}  // namespace
}  // namespace repartee::realtime
