// The protocol as OpenAI declares it (schemas generated from their type declarations, tests/clients/schema) against what a session sends
// and takes. Every event of every other session test is validated too, by the harness's peer.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/realtime/session_harness.hpp"

namespace repartee::realtime {
namespace {

using test::EventSide;
using test::json;
using test::SessionHarness;

json user_item(const std::string& text, const std::string& id = "") {
  json item = {{"type", "message"}, {"role", "user"}, {"content", json::array({{{"type", "input_text"}, {"text", text}}})}};
  if (!id.empty()) item["id"] = id;
  return {{"type", "conversation.item.create"}, {"item", item}};
}
json update(json session) {
  session["type"] = "realtime";
  return {{"type", "session.update"}, {"session", std::move(session)}};
}
const json tool = {{"type", "function"}, {"name", "weather"}, {"parameters", {{"type", "object"}}}};

void a_spoken_question_with_a_tool(SessionHarness& h) {
  h.llm_options.tool_calls = {{"call_1", "weather", R"({"city":"Paris"})"}};
  h.options.partial_interval = Millis(100);
  h.limit_left = [](const std::string&, const std::string&) {
    return LimitDecision{.allowed = true, .limit = 60, .remaining = 59, .reset_seconds = 1};
  };
  h.open();
  h.say(update({{"tools", json::array({tool})}, {"include", {"item.input_audio_transcription.logprobs"}}}));
  h.speak(1500);
  h.silence(700);
  h.say({{"type", "conversation.item.create"}, {"item", {{"type", "function_call_output"}, {"call_id", "call_1"}, {"output", "sunny"}}}});
  h.say({{"type", "response.create"}});
  h.loop.advance(std::chrono::seconds(20));
}

void an_interruption(SessionHarness& h) {
  h.open();
  h.speak(800);
  h.silence(1200);
  h.speak(300);
  h.silence(700);
}

void typed_text_and_the_items_of_the_conversation(SessionHarness& h) {
  h.open();
  h.say(update({{"output_modalities", {"text"}}}));
  h.say(user_item("hello", "item_a"));
  h.say({{"type", "response.create"}});
  h.loop.advance(std::chrono::seconds(20));
  h.say({{"type", "conversation.item.retrieve"}, {"item_id", "item_a"}});
  h.say({{"type", "conversation.item.delete"}, {"item_id", "item_a"}});
  h.say({{"type", "input_audio_buffer.clear"}});
  h.say({{"type", "no.such.event"}});
}

void a_silence(SessionHarness& h) {
  h.open();
  h.say(update({{"audio", {{"input", {{"turn_detection", {{"type", "server_vad"}, {"idle_timeout_ms", 5000}}}}}}}}));
  h.say(user_item("hello"));
  h.say({{"type", "response.create"}});
  for (int i = 0; i < 60; ++i) h.silence(200);
}

void a_failing_recogniser(SessionHarness& h) {
  h.asr_options.script.failure = pipeline::ScriptedFailure::fail;
  h.open();
  h.speak(800);
  h.silence(700);
  h.loop.advance(std::chrono::seconds(20));
}

// Declared, but not of this server: MCP, speaker diarisation, WebRTC and telephone events, and the beta's names. repartee.sources needs
// documents: test_session_retrieval.cpp has them, and its events are validated too.
const std::set<std::string> not_sent{"conversation.created",
                                     "conversation.item.created",
                                     "conversation.item.input_audio_transcription.segment",
                                     "input_audio_buffer.dtmf_event_received",
                                     "mcp_list_tools.completed",
                                     "mcp_list_tools.failed",
                                     "mcp_list_tools.in_progress",
                                     "output_audio_buffer.cleared",
                                     "output_audio_buffer.started",
                                     "output_audio_buffer.stopped",
                                     "repartee.sources",
                                     "response.mcp_call.completed",
                                     "response.mcp_call.failed",
                                     "response.mcp_call.in_progress",
                                     "response.mcp_call_arguments.delta",
                                     "response.mcp_call_arguments.done"};

TEST(Conformance, EverySupportedServerEventIsSentAndIsAsDeclared) {
  std::set<std::string> seen;
  for (auto* scenario :
       {a_spoken_question_with_a_tool, an_interruption, typed_text_and_the_items_of_the_conversation, a_silence, a_failing_recogniser}) {
    SessionHarness h;
    scenario(h);
    for (const auto& event : h.peer->events) {
      EXPECT_EQ(test::schema_violation(EventSide::server, event), "");
      seen.insert(event["type"]);
    }
  }
  std::set<std::string> expected = test::declared_events(EventSide::server);
  std::erase_if(expected, [](const std::string& type) { return not_sent.contains(type); });
  for (const auto& type : expected) EXPECT_TRUE(seen.contains(type)) << type << " was not sent";
  for (const auto& type : seen) EXPECT_TRUE(expected.contains(type)) << type << " is said not to be sent";
  std::cout << "server events: " << seen.size() << " sent and validated of " << expected.size() + not_sent.size() << " declared\n";
}

TEST(Conformance, SourcesAreAsOurSchemaSays) {
  const auto event = json::parse(server_events::repartee_sources(3, {{"d", "guide.pdf", 2, "text", 0.5}}));
  EXPECT_EQ(test::schema_violation(EventSide::server, event), "");
}

// ---- what clients send ----

// One right event of each type with every field that is read, on a session that has what it speaks of.
const std::vector<json>& right_events() {
  static const std::vector<json> events = [] {
    const json format = {{"type", "audio/pcm"}, {"rate", 24000}};
    const json session = {
        {"type", "realtime"},
        {"model", "gpt-realtime"},
        {"instructions", "be brief"},
        {"output_modalities", {"audio"}},
        {"max_output_tokens", 100},
        {"tools", json::array({{{"type", "function"}, {"name", "f"}, {"description", "d"}, {"parameters", {{"type", "object"}}}}})},
        {"tool_choice", "auto"},
        {"tracing", {{"workflow_name", "w"}, {"group_id", "g"}, {"metadata", json::object()}}},
        {"parallel_tool_calls", true},
        {"reasoning", {{"effort", "low"}}},
        {"truncation", {{"type", "retention_ratio"}, {"retention_ratio", 0.5}, {"token_limits", {{"post_instructions", 1000}}}}},
        {"include", {"item.input_audio_transcription.logprobs"}},
        {"audio",
         {{"input",
           {{"format", format},
            {"noise_reduction", {{"type", "near_field"}}},
            {"transcription", {{"model", "whisper-1"}, {"language", "en"}, {"prompt", "p"}}},
            {"turn_detection",
             {{"type", "server_vad"},
              {"threshold", 0.5},
              {"prefix_padding_ms", 300},
              {"silence_duration_ms", 500},
              {"idle_timeout_ms", 6000},
              {"create_response", true},
              {"interrupt_response", true}}}}},
          {"output", {{"format", format}, {"voice", "alloy"}, {"speed", 1.1}}}}}};
    json semantic = session;
    semantic["audio"]["input"]["turn_detection"] = {
        {"type", "semantic_vad"}, {"eagerness", "low"}, {"create_response", true}, {"interrupt_response", true}};
    semantic["truncation"] = "auto";
    semantic["tool_choice"] = {{"type", "function"}, {"name", "f"}};
    semantic["tracing"] = "auto";
    semantic["max_output_tokens"] = "inf";
    const auto item = [](json fields) {
      fields["object"] = "realtime.item";
      fields["status"] = "completed";
      return json{{"type", "conversation.item.create"}, {"previous_item_id", "item_there"}, {"item", std::move(fields)}};
    };
    const auto message = [&](const char* role, json part) {
      return item(
          {{"type", "message"}, {"id", std::string("item_of_") + role}, {"role", role}, {"content", json::array({std::move(part)})}});
    };
    return std::vector<json>{
        {{"type", "session.update"}, {"session", session}},
        {{"type", "session.update"}, {"session", semantic}},
        {{"type", "input_audio_buffer.append"}, {"audio", "AAAAAAAA"}},
        {{"type", "input_audio_buffer.clear"}},
        {{"type", "output_audio_buffer.clear"}},
        message("user", {{"type", "input_text"}, {"text", "hi"}}),
        message("user", {{"type", "input_audio"}, {"audio", "AAAAAAAA"}}),
        message("system", {{"type", "input_text"}, {"text", "hi"}}),
        message("assistant", {{"type", "output_text"}, {"text", "hi"}}),
        message("assistant", {{"type", "output_audio"}, {"transcript", "hi"}}),
        item({{"type", "function_call"}, {"id", "item_call"}, {"name", "f"}, {"arguments", "{}"}, {"call_id", "call_new"}}),
        item({{"type", "function_call_output"}, {"id", "item_output"}, {"call_id", "call_there"}, {"output", "done"}}),
        {{"type", "conversation.item.retrieve"}, {"item_id", "item_there"}},
        {{"type", "conversation.item.truncate"}, {"item_id", "item_said"}, {"content_index", 0}, {"audio_end_ms", 10}},
        {{"type", "conversation.item.delete"}, {"item_id", "item_there"}},
        {{"type", "response.create"},
         {"response",
          {{"conversation", "none"},
           {"instructions", "say hi"},
           {"output_modalities", {"text"}},
           {"max_output_tokens", 10},
           {"metadata", {{"a", "b"}}},
           {"tools", json::array({{{"type", "function"}, {"name", "f"}}})},
           {"tool_choice", "none"},
           {"parallel_tool_calls", false},
           {"reasoning", {{"effort", "low"}}},
           {"audio", {{"output", {{"format", format}, {"voice", "alloy"}}}}},
           {"input",
            json::array({{{"type", "message"}, {"role", "user"}, {"content", json::array({{{"type", "input_text"}, {"text", "q"}}})}}})}}}},
        {{"type", "repartee.playback"}, {"item_id", "item_said"}, {"played_ms", 10}},
    };
  }();
  return events;
}

struct Probed : SessionHarness {
  Probed() {
    options.rates.control_per_second = 1e6;  // thousands of events at one moment of the test's clock
    open();
    say(user_item("there", "item_there"));
    say({{"type", "conversation.item.create"},
         {"item", {{"type", "function_call"}, {"id", "item_f"}, {"name", "f"}, {"arguments", "{}"}, {"call_id", "call_there"}}}});
    say({{"type", "conversation.item.create"},
         {"item",
          {{"type", "message"},
           {"id", "item_said"},
           {"role", "assistant"},
           {"content", json::array({{{"type", "output_text"}, {"text", "hm"}}})}}}});
  }
  // The error that this event got; null: none.
  json error_of(json event) {
    event["event_id"] = "probe";
    peer->events.clear();
    say(event);
    for (const auto& answer : peer->events)
      if (answer["type"] == "error") return answer["error"];
    return nullptr;
  }
};

TEST(Conformance, RightClientEventsAreTaken) {
  for (const json& event : right_events()) {
    EXPECT_EQ(test::schema_violation(EventSide::client, event), "");
    Probed h;
    EXPECT_TRUE(h.error_of(event).is_null()) << event << " " << h.error_of(event);
  }
  std::set<std::string> covered{"input_audio_buffer.commit", "response.cancel"};  // with their own conditions, below
  for (const json& event : right_events()) covered.insert(event["type"]);
  EXPECT_EQ(covered, test::declared_events(EventSide::client));
}

// Where this server is more generous than the declarations: what it does not read it does not check, and a turn detection without a type
// changes the one there is.
bool is_generous(const std::string& path, const json& event) {
  static const std::set<std::string> not_read{"/session/tracing/workflow_name", "/session/tracing/group_id", "/session/tracing/metadata",
                                              "/event_id"};
  if (not_read.contains(path)) return true;
  const json::json_pointer detection("/session/audio/input/turn_detection");
  return path.starts_with(detection.to_string()) && event.contains(detection) && event[detection].is_object() &&
         !event[detection].contains("type");
}

// Every field missing, and of every other type: what the declarations forbid gets an error that names the event, and the session goes on.
TEST(Conformance, WrongClientEventsAreAnsweredWithAnErrorAndTheSessionGoesOn) {
  const std::vector<json> others{7, -1.5, "x\u0001", true, json::array(), json::object(), json::array({7})};
  std::size_t wrong = 0;
  for (const json& right : right_events()) {
    Probed h;
    const auto probe = [&](const json& event, const std::string& path, const std::string& how) {
      if (is_generous(path, event) || test::schema_violation(EventSide::client, event).empty())
        return;  // the latter: as declared after all
      ++wrong;
      const json error = h.error_of(event);
      ASSERT_FALSE(error.is_null()) << right["type"] << ' ' << path << ' ' << how << ": " << event;
      EXPECT_EQ(error["type"], "invalid_request_error");
      EXPECT_EQ(error["event_id"], "probe");
      EXPECT_TRUE(error["code"].is_string() && error["message"].is_string());
      EXPECT_TRUE(error["param"].is_string()) << event;
    };
    const json leaves = right.flatten();
    for (const auto& [path, value] : leaves.items()) {
      for (json::json_pointer at(path); !at.empty(); at.pop_back()) {  // the leaf, and all that it is part of
        json event = right;
        if (event[at.parent_pointer()].is_object()) {
          event[at.parent_pointer()].erase(at.back());
          probe(event, at.to_string(), "missing");
        }
        for (const json& other : others) {
          event = right;
          event[at] = other;
          probe(event, at.to_string(), "ill-typed");
        }
      }
    }
    h.say({{"type", "conversation.item.retrieve"}, {"item_id", "item_f"}});
    EXPECT_EQ(h.of("conversation.item.retrieved").size(), 1u) << "the session goes on";
  }
  std::cout << "client events: " << wrong << " wrong ones refused\n";
  EXPECT_GT(wrong, 500u);
}

// What the declarations cannot say: ranges, sizes, things that are not there or not possible now.
TEST(Conformance, ImpossibleClientEventsAreAnsweredWithAnErrorThatNamesTheField) {
  const auto input = [](json fields) { return update({{"audio", {{"input", std::move(fields)}}}}); };
  const auto output = [](json fields) { return update({{"audio", {{"output", std::move(fields)}}}}); };
  const auto vad = [&](json fields) {
    fields["type"] = "server_vad";
    return input({{"turn_detection", std::move(fields)}});
  };
  struct Impossible {
    json event;
    const char *code, *param;
  };
  const std::vector<Impossible> all{
      {vad({{"threshold", 1.01}}), "decimal_above_max_value", "session.audio.input.turn_detection.threshold"},
      {vad({{"threshold", -0.01}}), "decimal_below_min_value", "session.audio.input.turn_detection.threshold"},
      {vad({{"prefix_padding_ms", -1}}), "integer_below_min_value", "session.audio.input.turn_detection.prefix_padding_ms"},
      {vad({{"silence_duration_ms", 99}}), "integer_below_min_value", "session.audio.input.turn_detection.silence_duration_ms"},
      {vad({{"idle_timeout_ms", 1}}), "integer_below_min_value", "session.audio.input.turn_detection.idle_timeout_ms"},
      {input({{"format", {{"type", "audio/pcm"}, {"rate", 44100}}}}), "invalid_value", "session.audio.input.format.rate"},
      {output({{"speed", 1.51}}), "decimal_above_max_value", "session.audio.output.speed"},
      {output({{"speed", 0.24}}), "decimal_below_min_value", "session.audio.output.speed"},
      {update({{"max_output_tokens", 0}}), "integer_below_min_value", "session.max_output_tokens"},
      {update({{"max_output_tokens", 4097}}), "integer_above_max_value", "session.max_output_tokens"},
      {update({{"output_modalities", {"text", "audio"}}}), "invalid_value", "session.output_modalities"},
      {update({{"truncation", {{"type", "retention_ratio"}, {"retention_ratio", 1.1}}}}), "decimal_above_max_value",
       "session.truncation.retention_ratio"},
      {update({{"tools", json::array({{{"type", "mcp"}, {"server_label", "x"}}})}}), "unsupported_content", "session.tools[0].type"},
      {update({{"prompt", {{"id", "pmpt_1"}}}}), "unsupported_content", "session.prompt"},
      {{{"type", "session.update"}, {"session", {{"type", "transcription"}}}}, "unsupported_content", "session.type"},
      {{{"type", "input_audio_buffer.append"}, {"audio", "%"}}, "invalid_base64", "audio"},
      {{{"type", "input_audio_buffer.commit"}}, "input_audio_buffer_commit_empty", nullptr},
      {user_item("x", "item_there"), "item_id_taken", "item.id"},
      {{{"type", "conversation.item.create"}, {"item", {{"type", "function_call"}, {"name", "f"}, {"arguments", "{}"}, {"call_id", "call_there"}}}}, "tool_call_id_taken", "item.call_id"},
      {user_item("x", std::string(65, 'i')), "string_above_max_length", "item.id"},
      {{{"type", "conversation.item.retrieve"}, {"item_id", "nobody"}}, "item_not_found", "item_id"},
      {{{"type", "conversation.item.delete"}, {"item_id", "nobody"}}, "item_not_found", "item_id"},
      {{{"type", "conversation.item.truncate"}, {"item_id", "nobody"}, {"content_index", 0}, {"audio_end_ms", 1}},
       "item_not_found",
       "item_id"},
      {{{"type", "conversation.item.truncate"}, {"item_id", "item_there"}, {"content_index", 0}, {"audio_end_ms", 1}},
       "invalid_value",
       "item_id"},
      {{{"type", "conversation.item.truncate"}, {"item_id", "item_said"}, {"content_index", 1}, {"audio_end_ms", 1}},
       "invalid_value",
       "content_index"},
      {{{"type", "conversation.item.truncate"}, {"item_id", "item_said"}, {"content_index", 0}, {"audio_end_ms", -1}},
       "integer_below_min_value",
       "audio_end_ms"},
      {{{"type", "response.cancel"}}, "response_cancel_not_active", nullptr},
      {{{"type", "response.cancel"}, {"response_id", "resp_x"}}, "response_cancel_not_active", nullptr},
      {{{"type", "response.create"}, {"response", {{"input", json::array({{{"type", "item_reference"}, {"id", "nobody"}}})}}}},
       "item_not_found",
       "response.input[0].id"},
      {{{"type", "response.create"}, {"response", {{"max_output_tokens", 0}}}}, "integer_below_min_value", "response.max_output_tokens"},
      {{{"type", "response.create"}, {"response", {{"metadata", {{std::string(65, 'k'), "v"}}}}}},
       "string_above_max_length",
       "response.metadata"},
      {{{"type", "repartee.playback"}, {"item_id", "item_said"}, {"played_ms", -1}}, "integer_below_min_value", "played_ms"},
      {{{"type", "poem.write"}}, "invalid_value", "type"},
  };
  Probed h;
  json after = user_item("x");
  after["previous_item_id"] = "nobody";
  EXPECT_EQ(h.error_of(after)["param"], "previous_item_id");
  for (const auto& [event, code, param] : all) {
    const json error = h.error_of(event);
    ASSERT_FALSE(error.is_null()) << event;
    EXPECT_EQ(error["code"], code) << event;
    EXPECT_EQ(error["param"], param ? json(param) : json(nullptr)) << event;
    EXPECT_EQ(error["event_id"], "probe") << event;
  }
  EXPECT_EQ(h.session->state(), State::idle);
}

}  // namespace
}  // namespace repartee::realtime
