#include "realtime/protocol/session_config.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace repartee::realtime {
namespace {

using Json = nlohmann::json;

// `fields` stand beside "type":"realtime" in the session object.
Expected<SessionConfig> update(const std::string& fields, const SessionConfig& current = {}) {
  return apply_session_update(current, R"({"type":"realtime")" + (fields.empty() ? "" : "," + fields) + "}");
}

std::string audio_input(const std::string& fields) { return R"("audio":{"input":{)" + fields + "}}"; }
std::string audio_output(const std::string& fields) { return R"("audio":{"output":{)" + fields + "}}"; }
std::string turn_detection(const std::string& fields) { return audio_input(R"("turn_detection":{"type":"server_vad",)" + fields + "}"); }

struct Right {
  std::string fields;
  std::function<bool(const SessionConfig&)> holds;
};

TEST(SessionUpdate, TakesEveryFieldOfTheProtocol) {
  const Right rights[] = {
      {R"("model":"gpt-realtime")", [](auto& c) { return c.model == "default"; }},
      {R"("instructions":"Be brief.")", [](auto& c) { return c.instructions == "Be brief."; }},
      {R"("output_modalities":["text"])", [](auto& c) { return !c.audio_out; }},
      {R"("output_modalities":["audio"])", [](auto& c) { return c.audio_out; }},
      {R"("max_output_tokens":1)", [](auto& c) { return c.output_tokens_max == 1; }},
      {R"("max_output_tokens":4096)", [](auto& c) { return c.output_tokens_max == 4096; }},
      {R"("max_output_tokens":"inf")", [](auto& c) { return !c.output_tokens_max; }},
      {R"("tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"}}])",
       [](auto& c) { return Json::parse(c.tools_json)[0]["parameters"]["type"] == "object"; }},
      {R"("tool_choice":"required")", [](auto& c) { return c.tool_choice_json == R"("required")"; }},
      {R"("tool_choice":{"type":"function","name":"f"})", [](auto& c) { return Json::parse(c.tool_choice_json)["name"] == "f"; }},
      {R"("tracing":"auto")", [](auto& c) { return c.tracing_json == R"("auto")"; }},
      {R"("tracing":{"workflow_name":"w"})", [](auto& c) { return c.tracing_json == R"({"workflow_name":"w"})"; }},
      {R"("tracing":null)", [](auto& c) { return c.tracing_json == "null"; }},
      {R"("truncation":"disabled")", [](auto& c) { return c.truncation_json == R"("disabled")"; }},
      {R"("truncation":{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":5000}})",
       [](auto& c) { return c.truncation == Truncation{Truncation::Kind::retention_ratio, 0.8, 5000}; }},
      {R"("include":["item.input_audio_transcription.logprobs"])", [](auto& c) { return Json::parse(c.include_json).size() == 1; }},
      {R"("include":null)", [](auto& c) { return c.include_json == "null"; }},
      {R"("prompt":null,"of_next_year":[1])", [](auto&) { return true; }},
      {R"("parallel_tool_calls":false)", [](auto& c) { return c.parallel_tool_calls == false; }},
      {R"("reasoning":{"effort":"low"})", [](auto& c) { return c.reasoning_json == R"({"effort":"low"})"; }},
      {audio_input(R"("format":{"type":"audio/pcm"})"),
       [](auto& c) {
         return c.input_format == AudioFormat{Codec::pcm, 24000};
       }},
      {audio_input(R"("format":{"type":"audio/pcm","rate":8000})"), [](auto& c) { return c.input_format.rate_hz == 8000; }},
      {audio_input(R"("format":{"type":"audio/pcm","rate":16000})"), [](auto& c) { return c.input_format.rate_hz == 16000; }},
      {audio_input(R"("format":{"type":"audio/pcm","rate":48000})"), [](auto& c) { return c.input_format.rate_hz == 48000; }},
      {audio_input(R"("format":{"type":"audio/pcmu"})"),
       [](auto& c) {
         return c.input_format == AudioFormat{Codec::pcmu, 8000};
       }},
      {audio_output(R"("format":{"type":"audio/pcma"})"),
       [](auto& c) {
         return c.output_format == AudioFormat{Codec::pcma, 8000};
       }},
      {audio_output(R"("format":{"type":"audio/opus"})"),
       [](auto& c) {
         return c.output_format == AudioFormat{Codec::opus, 48000};
       }},
      {audio_input(R"("noise_reduction":{"type":"far_field"})"), [](auto& c) { return c.noise_reduction == NoiseReduction::far_field; }},
      {audio_input(R"("transcription":null)"), [](auto& c) { return !c.transcription; }},
      {audio_input(R"("transcription":{"model":"whisper-1","language":"en","prompt":"names"})"),
       [](auto& c) {
         return c.transcription_model == "whisper-1" && c.transcription_language == "en" && c.transcription_prompt == "names";
       }},
      {audio_input(R"("turn_detection":null)"), [](auto& c) { return c.turn_detection.kind == TurnDetectionKind::none; }},
      {turn_detection(R"("threshold":0)"), [](auto& c) { return c.turn_detection.threshold == 0; }},
      {turn_detection(R"("threshold":1.0)"), [](auto& c) { return c.turn_detection.threshold == 1; }},
      {turn_detection(R"("prefix_padding_ms":0,"silence_duration_ms":200)"),
       [](auto& c) { return c.turn_detection.prefix_padding_ms == 0 && c.turn_detection.silence_duration_ms == 200; }},
      {turn_detection(R"("idle_timeout_ms":6000)"), [](auto& c) { return c.turn_detection.idle_timeout_ms == 6000; }},
      {turn_detection(R"("create_response":false,"interrupt_response":false)"),
       [](auto& c) { return !c.turn_detection.create_response && !c.turn_detection.interrupt_response; }},
      {audio_input(R"("turn_detection":{"type":"semantic_vad","eagerness":"high"})"),
       [](auto& c) { return c.turn_detection.kind == TurnDetectionKind::semantic_vad && c.turn_detection.eagerness == Eagerness::high; }},
      {audio_output(R"("voice":"alloy")"), [](auto& c) { return c.voice == "alloy"; }},
      {audio_output(R"("voice":{"id":"voice_12"})"), [](auto& c) { return c.voice == "voice_12"; }},
      {audio_output(R"("speed":0.25)"), [](auto& c) { return c.speed == 0.25; }},
      {audio_output(R"("speed":1.5)"), [](auto& c) { return c.speed == 1.5; }},
      {audio_output(R"("transport":"binary")"), [](auto& c) { return c.output_binary; }},
  };
  for (const auto& [fields, holds] : rights) {
    const auto config = update(fields);
    ASSERT_TRUE(config) << fields << ": " << config.error().message;
    EXPECT_TRUE(holds(*config)) << fields;
  }
}

struct Wrong {
  std::string fields, param, code;
};

TEST(SessionUpdate, RefusesWrongFieldsAndNamesThem) {
  const std::string input = "session.audio.input.", vad = input + "turn_detection.", output = "session.audio.output.";
  const Wrong wrongs[] = {
      {R"("model":7)", "session.model", "invalid_type"},
      {R"("instructions":null)", "session.instructions", "invalid_type"},
      {R"("instructions":")" + std::string(64 * 1024 + 1, 'x') + "\"", "session.instructions", "string_above_max_length"},
      {R"("output_modalities":["text","audio"])", "session.output_modalities", "invalid_value"},
      {R"("output_modalities":[])", "session.output_modalities", "invalid_value"},
      {R"("output_modalities":"audio")", "session.output_modalities", "invalid_type"},
      {R"("output_modalities":[1])", "session.output_modalities", "invalid_value"},
      {R"("max_output_tokens":0)", "session.max_output_tokens", "integer_below_min_value"},
      {R"("max_output_tokens":4097)", "session.max_output_tokens", "integer_above_max_value"},
      {R"("max_output_tokens":18446744073709551615)", "session.max_output_tokens", "integer_above_max_value"},
      {R"("max_output_tokens":2.5)", "session.max_output_tokens", "invalid_type"},
      {R"("max_output_tokens":"many")", "session.max_output_tokens", "invalid_value"},
      {R"("max_output_tokens":null)", "session.max_output_tokens", "invalid_type"},
      {R"("tools":{})", "session.tools", "invalid_type"},
      {R"("tools":[7])", "session.tools[0]", "invalid_type"},
      {R"("tools":[{"type":"function"}])", "session.tools[0].name", "missing_required_parameter"},
      {R"("tools":[{"type":"function","name":"f"},{"type":"function","name":"a b"}])", "session.tools[1].name", "invalid_value"},
      {R"("tools":[{"type":"function","name":"f","parameters":"x"}])", "session.tools[0].parameters", "invalid_type"},
      {R"("tools":[{"type":"function","name":"f","description":1}])", "session.tools[0].description", "invalid_type"},
      {R"("tools":[{"type":"mcp","server_label":"s"}])", "session.tools[0].type", "unsupported_content"},
      {R"("tool_choice":"maybe")", "session.tool_choice", "invalid_value"},
      {R"("tool_choice":{"type":"function"})", "session.tool_choice.name", "missing_required_parameter"},
      {R"("tool_choice":7)", "session.tool_choice", "invalid_type"},
      {R"("tracing":"yes")", "session.tracing", "invalid_value"},
      {R"("tracing":[])", "session.tracing", "invalid_type"},
      {R"("truncation":"none")", "session.truncation", "invalid_value"},
      {R"("truncation":{"type":"retention_ratio"})", "session.truncation.retention_ratio", "missing_required_parameter"},
      {R"("truncation":{"type":"retention_ratio","retention_ratio":1.01})", "session.truncation.retention_ratio",
       "decimal_above_max_value"},
      {R"("truncation":{"type":"other","retention_ratio":1})", "session.truncation.type", "invalid_value"},
      {R"("include":"all")", "session.include", "invalid_type"},
      {R"("include":["all"])", "session.include", "invalid_value"},
      {R"("prompt":{"id":"pmpt_1"})", "session.prompt", "unsupported_content"},
      {R"("parallel_tool_calls":1)", "session.parallel_tool_calls", "invalid_type"},
      {R"("reasoning":"low")", "session.reasoning", "invalid_type"},
      {R"("reasoning":{"effort":"much"})", "session.reasoning.effort", "invalid_value"},
      {R"("audio":null)", "session.audio", "invalid_type"},
      {R"("audio":{"input":[]})", "session.audio.input", "invalid_type"},
      {R"("audio":{"output":"x"})", "session.audio.output", "invalid_type"},
      {audio_input(R"("format":"pcm16")"), input + "format", "invalid_type"},
      {audio_input(R"("format":{"rate":24000})"), input + "format.type", "missing_required_parameter"},
      {audio_input(R"("format":{"type":"audio/mp3"})"), input + "format.type", "invalid_value"},
      {audio_input(R"("format":{"type":"audio/pcm","rate":44100})"), input + "format.rate", "invalid_value"},
      {audio_input(R"("format":{"type":"audio/pcm","rate":"24000"})"), input + "format.rate", "invalid_type"},
      {audio_input(R"("format":{"type":"audio/pcmu","rate":16000})"), input + "format.rate", "invalid_value"},
      {audio_output(R"("format":{"type":"audio/opus","rate":24000})"), output + "format.rate", "invalid_value"},
      {audio_output(R"("format":{"type":"audio/pcma","rate":-1})"), output + "format.rate", "integer_below_min_value"},
      {audio_input(R"("noise_reduction":{"type":"mid_field"})"), input + "noise_reduction.type", "invalid_value"},
      {audio_input(R"("noise_reduction":"near_field")"), input + "noise_reduction", "invalid_type"},
      {audio_input(R"("transcription":true)"), input + "transcription", "invalid_type"},
      {audio_input(R"("transcription":{"model":1})"), input + "transcription.model", "invalid_type"},
      {audio_input(R"("transcription":{"language":""})"), input + "transcription.language", "invalid_value"},
      {audio_input(R"("turn_detection":"server_vad")"), input + "turn_detection", "invalid_type"},
      {audio_input(R"("turn_detection":{"type":"none"})"), vad + "type", "invalid_value"},
      {turn_detection(R"("threshold":1.1)"), vad + "threshold", "decimal_above_max_value"},
      {turn_detection(R"("threshold":-0.1)"), vad + "threshold", "decimal_below_min_value"},
      {turn_detection(R"("threshold":"0.5")"), vad + "threshold", "invalid_type"},
      {turn_detection(R"("prefix_padding_ms":-1)"), vad + "prefix_padding_ms", "integer_below_min_value"},
      {turn_detection(R"("prefix_padding_ms":5001)"), vad + "prefix_padding_ms", "integer_above_max_value"},
      {turn_detection(R"("silence_duration_ms":99)"), vad + "silence_duration_ms", "integer_below_min_value"},
      {turn_detection(R"("silence_duration_ms":10001)"), vad + "silence_duration_ms", "integer_above_max_value"},
      {turn_detection(R"("silence_duration_ms":500.5)"), vad + "silence_duration_ms", "invalid_type"},
      {turn_detection(R"("idle_timeout_ms":1)"), vad + "idle_timeout_ms", "integer_below_min_value"},
      {turn_detection(R"("create_response":"yes")"), vad + "create_response", "invalid_type"},
      {turn_detection(R"("interrupt_response":1)"), vad + "interrupt_response", "invalid_type"},
      {audio_input(R"("turn_detection":{"type":"semantic_vad","eagerness":"eager"})"), vad + "eagerness", "invalid_value"},
      {audio_output(R"("voice":"")"), output + "voice", "invalid_value"},
      {audio_output(R"("voice":5)"), output + "voice", "invalid_type"},
      {audio_output(R"("voice":{})"), output + "voice.id", "missing_required_parameter"},
      {audio_output(R"("voice":"a\nb")"), output + "voice", "invalid_value"},
      {audio_output(R"("speed":0.2)"), output + "speed", "decimal_below_min_value"},
      {audio_output(R"("speed":1.51)"), output + "speed", "decimal_above_max_value"},
      {audio_output(R"("speed":"fast")"), output + "speed", "invalid_type"},
      {audio_output(R"("transport":"carrier pigeon")"), output + "transport", "invalid_value"},
  };
  for (const auto& [fields, param, code] : wrongs) {
    const auto config = update(fields);
    ASSERT_FALSE(config) << fields;
    EXPECT_EQ(config.error().param, param) << fields;
    EXPECT_EQ(config.error().code, code) << fields;
    EXPECT_EQ(config.error().type, "invalid_request_error");
    EXPECT_FALSE(config.error().message.empty());
  }
}

TEST(SessionUpdate, NamesTheSuccessorOfABetaField) {
  const std::pair<const char*, const char*> fields[] = {
      {R"("modalities":["text"])", "session.output_modalities"},
      {R"("voice":"alloy")", "session.audio.output.voice"},
      {R"("input_audio_format":"pcm16")", "session.audio.input.format"},
      {R"("output_audio_format":"pcm16")", "session.audio.output.format"},
      {R"("turn_detection":null)", "session.audio.input.turn_detection"},
      {R"("max_response_output_tokens":5)", "session.max_output_tokens"},
      {R"("input_audio_transcription":null)", "session.audio.input.transcription"},
      {R"("speed":1)", "session.audio.output.speed"},
      {R"("input_audio_noise_reduction":null)", "session.audio.input.noise_reduction"},
  };
  for (const auto& [field, successor] : fields) {
    const auto config = update(field);
    ASSERT_FALSE(config) << field;
    EXPECT_EQ(config.error().code, "unknown_parameter") << field;
    EXPECT_NE(config.error().message.find(successor), std::string::npos) << config.error().message;
  }
}

TEST(SessionUpdate, NeedsTheTypeRealtime) {
  const std::pair<const char*, const char*> sessions[] = {{"{}", "missing_required_parameter"},
                                                          {R"({"type":"transcription"})", "unsupported_content"},
                                                          {R"({"type":"chat"})", "invalid_value"},
                                                          {R"({"type":1})", "invalid_type"}};
  for (const auto& [session, code] : sessions) {
    const auto config = apply_session_update({}, session);
    ASSERT_FALSE(config) << session;
    EXPECT_EQ(config.error().code, code);
    EXPECT_EQ(config.error().param, "session.type");
  }
}

TEST(SessionUpdate, RefusesWhatIsNoJsonObject) {
  for (const char* session : {"", "null", "[]", "7", "{", "{\"type\":\"realtime\",}", R"({"type":"realtime","instructions":"\u0000"})",
                              "{\"type\":\"realtime\",\"instructions\":\"\xff\"}"}) {
    const auto config = apply_session_update({}, session);
    ASSERT_FALSE(config) << session;
    EXPECT_EQ(config.error().code, "invalid_json") << session;
    EXPECT_EQ(config.error().param, "session");
  }
}

SessionConfig everything_changed() {
  const auto config = update(R"("instructions":"Sei kurz — \"ja\"","output_modalities":["text"],"max_output_tokens":77,
    "tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}}],"tool_choice":"none","tracing":"auto",
    "truncation":"disabled","include":["item.input_audio_transcription.logprobs"],"parallel_tool_calls":true,"reasoning":{"effort":"low"},
    "audio":{"input":{"format":{"type":"audio/pcmu"},"noise_reduction":{"type":"near_field"},"transcription":{"model":"m","language":"en","prompt":"p"},
    "turn_detection":{"type":"server_vad","threshold":0.3,"prefix_padding_ms":100,"silence_duration_ms":700,"idle_timeout_ms":9000,
    "create_response":false,"interrupt_response":false}},"output":{"format":{"type":"audio/pcm","rate":16000},"voice":"slt","speed":1.25,"transport":"binary"}})");
  EXPECT_TRUE(config) << config.error().message;
  return *config;
}

TEST(SessionUpdate, LeavesAbsentFieldsAsTheyAre) {
  const SessionConfig before = everything_changed();
  const SessionIdentity identity{.id = "sess_1", .expires_at_unix_s = 1, .voice_effective = "slt"};
  for (const char* fields : {"", R"("audio":{})", R"("audio":{"input":{},"output":{}})", R"("audio":{"input":{"turn_detection":{}}})",
                             R"("audio":{"input":{"transcription":{}}})"}) {
    const auto after = update(fields, before);
    ASSERT_TRUE(after) << fields;
    EXPECT_EQ(session_object_json(identity, *after), session_object_json(identity, before)) << fields;
  }
  const auto after = update(turn_detection(R"("threshold":0.9)"), before);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->turn_detection.threshold, 0.9);
  EXPECT_EQ(after->turn_detection.silence_duration_ms, 700);
  EXPECT_FALSE(after->turn_detection.create_response);
}

TEST(SessionUpdate, NullResetsWhatMayBeNull) {
  const auto after = update(R"("tracing":null,"prompt":null,"include":null,"reasoning":null,
    "audio":{"input":{"noise_reduction":null,"transcription":null,"turn_detection":null},"output":{"voice":null}})",
                            everything_changed());
  ASSERT_TRUE(after);
  EXPECT_EQ(after->noise_reduction, NoiseReduction::none);
  EXPECT_FALSE(after->transcription);
  EXPECT_EQ(after->turn_detection.kind, TurnDetectionKind::none);
  EXPECT_EQ(after->voice, "");
  EXPECT_EQ(after->tracing_json + after->include_json + after->reasoning_json, "nullnullnull");
  const auto no_timeout = update(turn_detection(R"("idle_timeout_ms":null)"), everything_changed());
  ASSERT_TRUE(no_timeout);
  EXPECT_FALSE(no_timeout->turn_detection.idle_timeout_ms);
}

TEST(SessionUpdate, StartsFromTheDefaultsOfAnotherKindOfTurnDetection) {
  const auto semantic = update(audio_input(R"("turn_detection":{"type":"semantic_vad"})"), everything_changed());
  ASSERT_TRUE(semantic);
  EXPECT_TRUE(semantic->turn_detection.create_response);
  EXPECT_EQ(semantic->turn_detection.eagerness, Eagerness::automatic);
  const auto server = update(audio_input(R"("turn_detection":{"type":"server_vad"})"), *semantic);
  ASSERT_TRUE(server);
  EXPECT_EQ(server->turn_detection.silence_duration_ms, 500);
}

TEST(SessionUpdate, NeedsAKindWhenTurnDetectionIsOff) {
  SessionConfig off;
  off.turn_detection.kind = TurnDetectionKind::none;
  const auto config = update(audio_input(R"("turn_detection":{"threshold":0.5})"), off);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().param, "session.audio.input.turn_detection.type");
}

TEST(SessionUpdate, TakesWhatTheAgentsSdkSendsFirst) {
  const auto config = update(
      R"("instructions":"","model":"gpt-realtime","output_modalities":["audio"],"audio":{"input":{"format":{"type":"audio/pcm","rate":24000},
    "noise_reduction":null,"transcription":{"model":"gpt-4o-mini-transcribe"},"turn_detection":{"type":"semantic_vad"}},
    "output":{"format":{"type":"audio/pcm","rate":24000},"speed":1}},"tool_choice":"auto")");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->turn_detection.kind, TurnDetectionKind::semantic_vad);
}

TEST(SessionUpdate, CountsTools) {
  const auto tools = [](int count) {
    Json list = Json::array();
    for (int i = 0; i < count; ++i) list.push_back({{"type", "function"}, {"name", "f" + std::to_string(i)}});
    return "\"tools\":" + list.dump();
  };
  EXPECT_TRUE(update(tools(128)));
  const auto config = update(tools(129));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, "array_above_max_length");
}

TEST(SessionObject, SurvivesTheRoundTripThroughAnUpdate) {
  SessionConfig semantic = everything_changed();
  semantic.turn_detection = {};
  semantic.turn_detection.kind = TurnDetectionKind::semantic_vad;
  semantic.turn_detection.eagerness = Eagerness::low;
  SessionConfig quiet;
  quiet.turn_detection.kind = TurnDetectionKind::none;
  quiet.transcription = false;
  quiet.input_format = quiet.output_format = {Codec::opus, 48000};
  const SessionIdentity identity{.id = "sess_1", .expires_at_unix_s = 1700000000, .voice_effective = "kokoro/af_heart"};
  for (const SessionConfig& config : {SessionConfig{}, everything_changed(), semantic, quiet}) {
    const std::string shown = session_object_json(identity, config);
    const auto applied = apply_session_update({}, shown);
    ASSERT_TRUE(applied) << applied.error().param << " in " << shown;
    EXPECT_EQ(session_object_json(identity, *applied), shown);
  }
}

TEST(SessionObject, HasTheShapeOfTheProtocol) {
  SessionConfig config = everything_changed();
  config.voice.clear();
  const Json session =
      Json::parse(session_object_json({.id = "sess_1", .expires_at_unix_s = 1700000000, .voice_effective = "slt"}, config));
  const Json expected =
      Json::parse(R"({"type":"realtime","object":"realtime.session","id":"sess_1","model":"default","output_modalities":["text"],
    "instructions":"Sei kurz — \"ja\"","tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}}],"tool_choice":"none",
    "max_output_tokens":77,"tracing":"auto","truncation":"disabled","prompt":null,"parallel_tool_calls":true,"reasoning":{"effort":"low"},"include":["item.input_audio_transcription.logprobs"],
    "expires_at":1700000000,"audio":{"input":{"format":{"type":"audio/pcmu"},"transcription":{"model":"m","language":"en","prompt":"p"},
    "noise_reduction":{"type":"near_field"},"turn_detection":{"type":"server_vad","threshold":0.3,"prefix_padding_ms":100,"silence_duration_ms":700,
    "idle_timeout_ms":9000,"create_response":false,"interrupt_response":false}},
    "output":{"format":{"type":"audio/pcm","rate":16000},"voice":"slt","speed":1.25,"transport":"binary"}}})");
  EXPECT_EQ(session, expected) << Json::diff(session, expected);
}

}  // namespace
}  // namespace repartee::realtime
