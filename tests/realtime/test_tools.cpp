// Function calling: the events of a call, its result, the reply to it, and the turn's row.
#include <gtest/gtest.h>

#include "tests/realtime/session_harness.hpp"

namespace repartee::realtime {
namespace {

using test::json;
using test::SessionHarness;

const json weather_tool = {{"type", "function"},
                           {"name", "weather"},
                           {"description", "tells the weather"},
                           {"parameters", {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}}}};
const json clock_tool = {{"type", "function"}, {"name", "clock"}};

struct ToolHarness : SessionHarness {
  ToolHarness() {
    llm_options.tool_calls = {{"call_weather", "weather", R"({"city":"Paris"})"}};
    options.config.turn_detection.create_response = true;
  }
  void open_with_tools(const json& tools = {weather_tool, clock_tool}) {
    open();
    say({{"type", "session.update"}, {"session", {{"type", "realtime"}, {"tools", tools}}}});
  }
  void ask() {
    speak(800);
    silence(700);
  }
  void answer(const std::string& call_id, const std::string& output = "sunny") {
    say({{"type", "conversation.item.create"}, {"item", {{"type", "function_call_output"}, {"call_id", call_id}, {"output", output}}}});
  }
  void ask_for_reply() { say({{"type", "response.create"}}); }
  std::string last_error() const {
    const auto errors = of("error");
    return errors.empty() ? "" : errors.back()["error"]["code"].get<std::string>();
  }
  json tool_calls(std::size_t turn) const { return json::parse(sink.turns.at(turn).tool_calls_json); }
};

TEST(Tools, AreCalledAnsweredAndTheirResultIsSpokenInOneTurn) {
  ToolHarness h;
  h.open_with_tools();
  h.ask();
  ASSERT_EQ(h.of("response.done").size(), 1u);
  const json done = h.of("response.done")[0]["response"];
  EXPECT_EQ(done["status"], "completed");
  ASSERT_EQ(done["output"].size(), 1u) << "a call alone makes no message";
  EXPECT_EQ(done["output"][0]["type"], "function_call");
  EXPECT_EQ(done["output"][0]["status"], "completed");
  EXPECT_EQ(done["output"][0]["name"], "weather");
  EXPECT_EQ(done["output"][0]["arguments"], R"({"city":"Paris"})");
  EXPECT_TRUE(h.sink.turns.empty()) << "the turn waits for the result";
  EXPECT_EQ(h.session->state(), State::idle);

  h.answer("call_weather");
  h.ask_for_reply();
  h.loop.advance(std::chrono::seconds(20));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  const TurnRecord& turn = h.sink.turns[0];
  EXPECT_EQ(turn.status, "completed");
  EXPECT_EQ(turn.user_transcript, "what is the time");
  EXPECT_EQ(turn.llm_response, "It is noon. The sun stands high above the quiet town.");
  EXPECT_EQ(turn.heard_response, turn.llm_response);
  const json calls = h.tool_calls(0);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0]["name"], "weather");
  EXPECT_EQ(calls[0]["arguments"], R"({"city":"Paris"})");
  EXPECT_EQ(calls[0]["output"], "sunny");
  EXPECT_GE(calls[0]["returned_ms"], calls[0]["called_ms"]);
}

TEST(Tools, AreShownInTheProtocolsOrder) {
  ToolHarness h;
  h.open_with_tools();
  h.ask();
  const std::vector<std::string> order{"response.created",
                                       "response.output_item.added",
                                       "conversation.item.added",
                                       "response.function_call_arguments.delta",
                                       "response.function_call_arguments.done",
                                       "conversation.item.done",
                                       "response.output_item.done",
                                       "response.done"};
  std::ptrdiff_t before = h.place("response.created") - 1;
  for (const auto& type : order) {
    std::ptrdiff_t at = -1;
    for (int n = 0; at <= before; ++n)
      if ((at = h.place(type, n)) < 0) break;
    EXPECT_GT(at, before) << type;
    before = at;
  }
  std::string arguments;
  for (const auto& delta : h.of("response.function_call_arguments.delta")) arguments += delta["delta"];
  EXPECT_EQ(arguments, R"({"city":"Paris"})");
  EXPECT_TRUE(h.of("response.content_part.added").empty());
}

TEST(Tools, SideBySideAreEachRecordedOnce) {
  ToolHarness h;
  h.llm_options.tool_calls.push_back({"call_clock", "clock", "{}"});
  h.open_with_tools();
  h.ask();
  EXPECT_EQ(h.of("response.done").at(0)["response"]["output"].size(), 2u);
  h.answer("call_clock", "noon");
  h.answer("call_weather", "sunny");
  h.ask_for_reply();
  h.loop.advance(std::chrono::seconds(20));
  ASSERT_EQ(h.sink.turns.size(), 1u);
  const json calls = h.tool_calls(0);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0]["output"], "sunny");
  EXPECT_EQ(calls[1]["output"], "noon");
}

TEST(Tools, ReachTheModelWithTheirResultsWhereverThoseCameIn) {
  Conversation conversation;
  const auto message = [](const char* id, ItemRole role, const char* text) {
    Item item{.id = id, .kind = ItemKind::message, .role = role};
    item.content = {{PartType::input_text, text, true}};
    return item;
  };
  conversation.add(message("1", ItemRole::user, "weather and time?"));
  conversation.add(message("2", ItemRole::assistant, "let me see"));
  conversation.add({.id = "3", .kind = ItemKind::function_call, .name = "weather", .call_id = "a", .arguments = "{}"});
  conversation.add({.id = "4", .kind = ItemKind::function_call, .name = "clock", .call_id = "b", .arguments = "{}"});
  conversation.add(
      {.id = "5", .kind = ItemKind::function_call, .status = ItemStatus::incomplete, .name = "cut", .call_id = "c", .arguments = "{"});
  conversation.add(message("6", ItemRole::user, "hello?"));
  conversation.add({.id = "7", .kind = ItemKind::function_call_output, .call_id = "a", .output = "sunny"});
  const auto messages = conversation.messages();
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[1].text, "let me see");
  ASSERT_EQ(messages[1].tool_calls.size(), 2u);
  EXPECT_EQ(messages[2].role, pipeline::Role::tool);
  EXPECT_EQ(messages[2].call_id, "a");
  EXPECT_EQ(messages[2].text, "sunny");
  EXPECT_EQ(messages[3].call_id, "b");
  EXPECT_EQ(messages[3].text, "(no result yet)");
  EXPECT_EQ(messages[4].text, "hello?");
}

TEST(Tools, OutputsOfUnknownAndOfAnsweredCallsAreRefused) {
  ToolHarness h;
  h.open_with_tools();
  h.answer("call_nobody");
  EXPECT_EQ(h.last_error(), "invalid_tool_call_id");
  h.ask();
  h.answer("call_weather");
  const auto errors = h.of("error").size();
  h.answer("call_weather", "rainy");
  EXPECT_EQ(h.of("error").size(), errors + 1);
  EXPECT_EQ(h.last_error(), "tool_call_already_answered");
}

TEST(Tools, ResultThatComesAfterABargeInIsRecordedOnceWithItsOwnTurn) {
  ToolHarness h;
  h.llm_options.say_before_calls = true;
  h.open_with_tools();
  h.ask();
  ASSERT_EQ(h.session->state(), State::speaking);
  ASSERT_EQ(h.of("response.function_call_arguments.done").size(), 1u) << "the tool runs while its announcement is spoken";
  h.silence(600);
  h.speak(260);  // interrupts
  h.llm_options.tool_calls.clear();
  h.silence(700);
  ASSERT_GE(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].status, "interrupted");
  EXPECT_TRUE(h.tool_calls(0)[0]["output"].is_null());
  h.answer("call_weather");
  EXPECT_EQ(h.of("error").size(), 0u);
  const auto revised =
      std::ranges::find_if(h.sink.turns, [](const TurnRecord& turn) { return turn.turn_index == 0 && turn.revision == 2; });
  ASSERT_NE(revised, h.sink.turns.end());
  EXPECT_EQ(json::parse(revised->tool_calls_json)[0]["output"], "sunny");
  h.answer("call_weather", "again");
  EXPECT_EQ(h.last_error(), "tool_call_already_answered");
  EXPECT_EQ(std::ranges::count_if(h.sink.turns, [](const TurnRecord& turn) { return turn.turn_index == 0; }), 2)
      << "nothing is recorded twice";
}

TEST(Tools, WhoseArgumentsWereCutAreIncompleteAndNotToBeAnswered) {
  ToolHarness h;
  h.llm_options.script.piece_delay = Millis(400);
  h.open_with_tools();
  h.say({{"type", "conversation.item.create"},
         {"item", {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", "weather?"}}}}}}});
  h.ask_for_reply();
  h.loop.advance(Millis(600));
  ASSERT_EQ(h.of("response.output_item.added").size(), 1u);
  h.say({{"type", "response.cancel"}});
  const json done = h.of("response.done").at(0)["response"];
  EXPECT_EQ(done["status"], "cancelled");
  EXPECT_EQ(done["output"][0]["status"], "incomplete");
  h.answer("call_weather");
  EXPECT_EQ(h.last_error(), "tool_call_incomplete");
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_TRUE(h.tool_calls(0).empty()) << "it was never called";
}

TEST(Tools, ResponseAskedForWhileTheAnnouncementIsSpokenFollowsIt) {
  ToolHarness h;
  h.llm_options.say_before_calls = true;
  h.open_with_tools();
  h.ask();
  ASSERT_EQ(h.session->state(), State::speaking);
  h.answer("call_weather");
  h.ask_for_reply();
  EXPECT_TRUE(h.of("error").empty());
  h.loop.advance(std::chrono::seconds(30));
  EXPECT_EQ(h.of("response.done").size(), 2u);
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].llm_response,
            "It is noon. The sun stands high above the quiet town. It is noon. The sun stands high above the quiet town.");
  EXPECT_EQ(h.sink.turns[0].heard_response, h.sink.turns[0].llm_response);
}

TEST(Tools, ResponseAskedForWaitsForWhoBeganToSpeakOverTheLastWords) {
  ToolHarness h;
  h.llm_options.script.lines = {"Let me see."};
  h.llm_options.say_before_calls = true;
  h.options.interruption_voiced_ms = 5000;  // not an interruption
  h.open_with_tools();
  h.ask();
  h.answer("call_weather");
  h.ask_for_reply();
  while (h.session->state() == State::speaking) h.speak(20);
  EXPECT_EQ(h.session->state(), State::listening);
  h.speak(300);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(20));
  EXPECT_EQ(h.of("response.done").size(), 2u) << "one reply to both";
  EXPECT_EQ(h.of("error").size(), 0u);
  EXPECT_EQ(h.sink.turns.size(), 1u) << "the scripted model calls its tool again: that turn is open";
  h.session->on_close("gone");
  ASSERT_EQ(h.sink.turns.size(), 2u);
  EXPECT_EQ(h.sink.turns[1].user_transcript, "what is the time");
}

TEST(Tools, SpeechWhileAToolRunsJoinsTheTurnOrFollowsWhatWasHeard) {
  for (const bool heard : {false, true}) {
    ToolHarness h;
    h.llm_options.say_before_calls = heard;
    h.open_with_tools();
    h.ask();
    h.loop.advance(std::chrono::seconds(20));
    ASSERT_EQ(h.session->state(), State::idle);
    EXPECT_TRUE(h.sink.turns.empty());
    h.answer("call_weather");  // so that the scripted model answers the next time
    h.speak(600);
    EXPECT_EQ(h.sink.turns.size(), heard ? 1u : 0u);
    h.silence(700);
    h.loop.advance(std::chrono::seconds(20));
  }
}

TEST(Tools, WaitForTheMessageWhereAudioIsBinary) {
  ToolHarness h;
  h.llm_options.say_before_calls = true;
  h.options.config.output_binary = true;
  h.open_with_tools();
  h.ask();
  h.loop.advance(std::chrono::seconds(20));
  const auto added = h.of("response.output_item.added");
  ASSERT_EQ(added.size(), 2u);
  EXPECT_EQ(added[1]["item"]["type"], "function_call");
  EXPECT_GT(h.place("response.output_item.added", 1), h.place("response.output_audio.done"));
}

TEST(Tools, TextsThatWouldBurstTheRowAreCutInIt) {
  std::vector<TurnToolCall> calls(3);
  for (int i = 0; i < 3; ++i) {
    calls[static_cast<std::size_t>(i)].call_id = std::to_string(i);
    EXPECT_TRUE(note_tool_output(calls, std::to_string(i), std::string(200 * 1024, 'x'), TimePoint{}));
  }
  EXPECT_EQ(calls[0].output.size(), 200u * 1024);
  EXPECT_EQ(calls[2].output.size(), 112u * 1024);
  EXPECT_FALSE(note_tool_output(calls, "2", "again", TimePoint{}));
}

TEST(Tools, AModelThatNeverStopsCallingIsMadeToAnswer) {
  ToolHarness h;
  h.open_with_tools();
  h.ask();
  for (std::size_t round = 0; round < tool_calls_per_turn_max + 1 && h.sink.turns.empty(); ++round) {
    h.say({{"type", "conversation.item.create"},
           {"item", {{"type", "message"}, {"role", "user"}, {"content", json::array({{{"type", "input_text"}, {"text", "again"}}})}}}});
    h.ask_for_reply();  // nothing of the turn was heard: it goes on
    h.loop.advance(std::chrono::seconds(20));
  }
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.tool_calls(0).size(), tool_calls_per_turn_max);
  EXPECT_FALSE(h.sink.turns[0].llm_response.empty());
}

TEST(Tools, AnOpenTurnIsRecordedWhenTheConnectionCloses) {
  ToolHarness h;
  h.open_with_tools();
  h.ask();
  h.session->on_close("gone");
  ASSERT_EQ(h.sink.turns.size(), 1u);
  EXPECT_EQ(h.sink.turns[0].cancel_reason, "disconnected");
  EXPECT_EQ(h.tool_calls(0).size(), 1u);
}

TEST(Tools, OfAResponseReplaceTheSessionsAndNoneMeansNone) {
  ToolHarness h;
  h.open_with_tools(json::array());
  h.say({{"type", "response.create"}, {"response", {{"tools", json::array({weather_tool})}}}});
  h.loop.advance(std::chrono::seconds(1));
  ASSERT_EQ(h.of("response.output_item.added").size(), 1u);
  EXPECT_EQ(h.of("response.output_item.added").at(0)["item"]["type"], "function_call");
  h.answer("call_weather");
  h.say({{"type", "response.create"}, {"response", {{"tools", json::array({weather_tool})}, {"tool_choice", "none"}}}});
  h.loop.advance(std::chrono::seconds(20));
  EXPECT_EQ(h.of("response.output_item.added").at(1)["item"]["type"], "message");
}

}  // namespace
}  // namespace repartee::realtime
