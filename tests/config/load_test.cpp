#include "config/load.hpp"

#include <gtest/gtest.h>

#include "tests/config/temporary_file.hpp"

namespace repartee::config {
namespace {

using testing_support::TemporaryFile;

const Environment home = {{"HOME", "/home/someone"}};

Result<Loaded> from_file(const std::string& text) {
  const TemporaryFile file(text);
  return load({.file = file.path(), .environment = home, .flags = {}});
}

std::string message_of(const std::string& text) {
  const TemporaryFile file(text);
  const auto loaded = load({.file = file.path(), .environment = home, .flags = {}});
  if (loaded) return "(loaded)";
  std::string message = loaded.error().message;
  for (std::size_t at; (at = message.find(file.path())) != message.npos;) message.replace(at, file.path().size(), "FILE");
  return message;
}

std::string message_of(Environment environment, std::vector<Flag> flags = {}) {
  environment.insert(home.begin(), home.end());
  const auto loaded = load({.file = {}, .environment = std::move(environment), .flags = std::move(flags)});
  return loaded ? "(loaded)" : loaded.error().message;
}

TEST(Load, GivesTheDefaultsWithoutAnySource) {
  const auto loaded = load({.file = {}, .environment = home, .flags = {}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.server.address, "127.0.0.1");
  EXPECT_EQ(loaded->settings.server.port, 8080);
  EXPECT_EQ(loaded->settings.models.dir, "/home/someone/.cache/repartee/models");
  EXPECT_EQ(loaded->settings.llm.provider, "local");
}

TEST(Load, ReadsEveryKindOfValueFromAFile) {
  const auto loaded = from_file(R"(
[server]
insecure = true
sessions_max = 7
allowed_origins = ["https://a.example", "https://b.example"]
drain_seconds = 5
[vad]
threshold = 0.75
[llm.openai]
temperature = 1
[tts]
voice = "af_sky"
[tts.voice_aliases]
mine = "flite/slt"
[prices.kokoro]
tts_usd_per_million_characters = 0.5
[[auth.api_keys]]
name = "phone"
key = "0123456789abcdef"
)");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Settings& s = loaded->settings;
  EXPECT_TRUE(s.server.insecure);
  EXPECT_EQ(s.server.sessions_max, 7);
  EXPECT_EQ(s.server.allowed_origins, (std::vector<std::string>{"https://a.example", "https://b.example"}));
  EXPECT_EQ(s.server.drain, Seconds(5));
  EXPECT_DOUBLE_EQ(s.vad.threshold, 0.75);
  EXPECT_DOUBLE_EQ(s.llm.openai.temperature, 1);
  EXPECT_EQ(s.tts.voice, "af_sky");
  EXPECT_EQ(s.tts.voice_aliases.at("mine"), "flite/slt");
  EXPECT_EQ(s.tts.voice_aliases.at("alloy"), "kokoro/af_alloy");
  EXPECT_DOUBLE_EQ(s.prices.at("kokoro").tts_usd_per_million_characters, 0.5);
  ASSERT_EQ(s.auth.api_keys.size(), 1U);
  EXPECT_EQ(s.auth.api_keys[0].key.reveal(), "0123456789abcdef");
}

TEST(Load, LetsTheEnvironmentOverrideTheFileAndFlagsOverrideBoth) {
  const TemporaryFile file("[server]\nlisten = \"127.0.0.1:1\"\ndata_dir = \"from file\"\nsessions_max = 5\n");
  Environment environment = home;
  environment["REPARTEE_SERVER_LISTEN"] = "127.0.0.1:2";
  environment["REPARTEE_SERVER_DATA_DIR"] = "from environment";
  const auto loaded = load({.file = file.path(), .environment = environment, .flags = {{"server.listen", "127.0.0.1:3", "--listen"}}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.server.port, 3);
  EXPECT_EQ(loaded->settings.server.data_dir, "from environment");
  EXPECT_EQ(loaded->settings.server.sessions_max, 5);
  EXPECT_EQ(loaded->origins.at("server.listen"), "--listen");
  EXPECT_EQ(loaded->origins.at("server.data_dir"), "REPARTEE_SERVER_DATA_DIR");
  EXPECT_EQ(loaded->origins.at("server.sessions_max"), file.path() + ":4");
  EXPECT_EQ(loaded->origins.count("server.drain_seconds"), 0U);
}

TEST(Load, ReadsVariablesOfNestedAndOpenSections) {
  Environment environment = home;
  environment["REPARTEE_LLM_OPENAI_BASE_URL"] = "http://127.0.0.1:11434/v1";
  environment["REPARTEE_LLM_OPENAI_MODEL"] = "small";
  environment["REPARTEE_TTS_VOICE_ALIASES_ALLOY"] = "flite/rms";
  environment["REPARTEE_PRICES_OPENAI_LLM_USD_PER_MILLION_INPUT_TOKENS"] = "0.15";
  environment["REPARTEE_SERVER_ALLOWED_ORIGINS"] = "https://a.example, https://b.example";
  environment["REPARTEE_SERVER_SESSIONS_MAX"] = "";
  const auto loaded = load({.file = {}, .environment = environment, .flags = {}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->settings.llm.provider, "openai");
  EXPECT_EQ(loaded->settings.tts.voice_aliases.at("alloy"), "flite/rms");
  EXPECT_DOUBLE_EQ(loaded->settings.prices.at("openai").llm_usd_per_million_input_tokens, 0.15);
  EXPECT_EQ(loaded->settings.server.allowed_origins.size(), 2U);
  EXPECT_EQ(loaded->settings.server.sessions_max, 2000);
}

TEST(Load, TakesDatabaseUrlFromItsCustomaryVariableUnlessOursIsSet) {
  Environment environment = home;
  environment["DATABASE_URL"] = "postgresql://one";
  EXPECT_EQ(load({.file = {}, .environment = environment, .flags = {}})->settings.database.url.reveal(), "postgresql://one");
  environment["REPARTEE_DATABASE_URL"] = "postgresql://two";
  EXPECT_EQ(load({.file = {}, .environment = environment, .flags = {}})->settings.database.url.reveal(), "postgresql://two");
}

TEST(Load, NamesFileAndLineOfAnUnknownKeyAndWhatIsAllowed) {
  EXPECT_EQ(message_of("[tts]\n\nprovder = \"flite\"\n"),
            "FILE:3: unknown key [tts] provder; did you mean provider? allowed: provider, voice, deadline_ms");
  EXPECT_EQ(message_of("[opus]\nzzzzzzzzzz = 1\n"), "FILE:2: unknown key [opus] zzzzzzzzzz; allowed: complexity, bitrate_bps");
}

TEST(Load, NamesFileAndLineOfAnUnknownSection) {
  EXPECT_EQ(message_of("[servr]\nlisten = \"x\"\n").substr(0, 54), "FILE:1: unknown section [servr]; did you mean [server]");
  EXPECT_NE(message_of("listen = \"x\"\n").find("FILE:1: listen stands before any section"), std::string::npos);
  EXPECT_NE(message_of("[asr.opnai]\nmodel = \"x\"\n").find("did you mean [asr.openai]"), std::string::npos);
}

TEST(Load, NamesFileAndLineOfAWrongValueAndWhatIsAllowed) {
  EXPECT_EQ(message_of("[tts]\nprovider = \"festival\"\n"),
            "FILE:2: [tts] provider must be one of \"kokoro\", \"flite\", \"openai\", \"scripted\"; got \"festival\"");
  EXPECT_EQ(message_of("[opus]\ncomplexity = 11\n"), "FILE:2: [opus] complexity must be a whole number from 0 to 10; got 11");
  EXPECT_EQ(message_of("[opus]\ncomplexity = \"5\"\n"), "FILE:2: [opus] complexity must be a whole number from 0 to 10; got \"5\"");
  EXPECT_EQ(message_of("[vad]\nthreshold = nan\n"), "FILE:2: [vad] threshold must be a number from 0.05 to 0.95; got nan");
  EXPECT_EQ(message_of("[server]\ninsecure = 1\n"), "FILE:2: [server] insecure must be true or false; got 1");
  EXPECT_EQ(message_of("[server]\nallowed_origins = [1]\n"), "FILE:2: [server] allowed_origins must be a list of texts");
  EXPECT_EQ(message_of("[playout]\nlead_ms = 301\n"), "FILE:2: [playout] lead_ms must be a whole number from 0 to 300; got 301");
}

TEST(Load, NamesTheVariableOrTheFlagOfAWrongValue) {
  EXPECT_EQ(message_of({{"REPARTEE_OPUS_COMPLEXITY", "many"}}),
            "REPARTEE_OPUS_COMPLEXITY: [opus] complexity must be a whole number from 0 to 10; got \"many\"");
  EXPECT_EQ(message_of({}, {{"log.level", "loud", "--log-level"}}),
            "--log-level: [log] level must be one of \"debug\", \"info\", \"warn\", \"error\"; got \"loud\"");
  EXPECT_EQ(message_of({{"REPARTEE_SERVER_INSECURE", "maybe"}}),
            "REPARTEE_SERVER_INSECURE: [server] insecure must be true or false; got \"maybe\"");
}

TEST(Load, NeverRepeatsASecretThatItRefuses) {
  const std::string message = message_of({{"REPARTEE_LLM_OPENAI_API_KEY", "sk-secret\nnot one line"}});
  EXPECT_NE(message.find("REPARTEE_LLM_OPENAI_API_KEY: [llm.openai] api_key must be"), std::string::npos) << message;
  EXPECT_EQ(message.find("sk-secret"), std::string::npos) << message;
}

TEST(Load, ReportsEveryMistakeAtOnce) {
  const std::string message = message_of("[opus]\ncomplexity = 11\nbitrate = 3\n");
  EXPECT_NE(message.find("FILE:2: [opus] complexity"), std::string::npos) << message;
  EXPECT_NE(message.find("FILE:3: unknown key [opus] bitrate"), std::string::npos) << message;
}

TEST(Load, NamesTheLineWhereAFileStopsBeingToml) { EXPECT_EQ(message_of("[server]\nlisten = \n").substr(0, 16), "FILE:2: not TOML"); }

TEST(Load, SaysThatANamedFileIsMissing) {
  const auto loaded = load({.file = "/nonexistent/repartee.toml", .environment = home, .flags = {}});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message, "/nonexistent/repartee.toml: cannot be read: No such file or directory");
}

TEST(Load, RefusesAFileThatIsTooLarge) {
  EXPECT_NE(message_of(std::string(2 * 1024 * 1024, '#')).find("is larger than"), std::string::npos);
}

TEST(Load, OnlyWarnsOfAnUnknownVariableBecausePlatformsInjectSome) {
  Environment environment = home;
  environment["REPARTEE_TTS_PROVDER"] = "flite";
  environment["REPARTEE_CONFIG"] = "x.toml";
  const auto loaded = load({.file = {}, .environment = environment, .flags = {}});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_EQ(loaded->warnings[0], "the variable REPARTEE_TTS_PROVDER means nothing here; did you mean REPARTEE_TTS_PROVIDER?");
}

TEST(FindFile, PrefersTheFlagToTheVariable) {
  const Environment environment = {{"REPARTEE_CONFIG", "variable.toml"}};
  EXPECT_EQ(find_file("flag.toml", environment), "flag.toml");
  EXPECT_EQ(find_file("", environment), "variable.toml");
}

TEST(EnvironmentOf, SplitsAtTheFirstEqualsSign) {
  const char* const entries[] = {"A=b=c", "EMPTY=", nullptr};
  const Environment environment = environment_of(entries);
  EXPECT_EQ(environment.at("A"), "b=c");
  EXPECT_EQ(environment.at("EMPTY"), "");
}

}  // namespace
}  // namespace repartee::config
