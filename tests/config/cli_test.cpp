#include "commands/cli.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/config/temporary_file.hpp"

namespace repartee::commands {
namespace {

struct Outcome {
  std::variant<CommandLine, int> parsed;
  std::string out, err;
  const CommandLine& line() const { return std::get<CommandLine>(parsed); }
  int code() const { return std::holds_alternative<int>(parsed) ? std::get<int>(parsed) : -1; }
};

Outcome parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "repartee");
  std::ostringstream out, err;
  auto parsed = parse_command_line(static_cast<int>(arguments.size()), arguments.data(), out, err);
  return {std::move(parsed), out.str(), err.str()};
}

TEST(CommandLine, GivesServeItsOverridesInTermsOfKeys) {
  const auto outcome = parse(
      {"serve", "--listen", "127.0.0.1:9", "--insecure", "--database-url", "postgresql://x", "--log-format", "json", "--config", "a.toml"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(outcome.parsed)) << outcome.err;
  EXPECT_EQ(outcome.line().command, Command::serve);
  EXPECT_EQ(outcome.line().config_file, "a.toml");
  std::map<std::string, std::string> overrides;
  for (const config::Flag& flag : outcome.line().flags) overrides[flag.key] = flag.value;
  EXPECT_EQ(
      overrides,
      (std::map<std::string, std::string>{
          {"server.listen", "127.0.0.1:9"}, {"server.insecure", "true"}, {"database.url", "postgresql://x"}, {"log.format", "json"}}));
}

TEST(CommandLine, ReadsEveryOptionOfTalk) {
  const testing_support::TemporaryFile recording("RIFF");
  const auto outcome = parse({"talk", recording.path().c_str(), "--url", "wss://h/v1/realtime", "--voice", "kokoro/af_sky", "--model", "m",
                              "--out", "o.wav", "--format", "pcm", "--interrupt-after", "700", "--api-key", "k", "--insecure-tls"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(outcome.parsed)) << outcome.err;
  const TalkOptions& talk = outcome.line().talk;
  EXPECT_EQ(outcome.line().command, Command::talk);
  EXPECT_EQ(talk.wav_file, recording.path());
  EXPECT_EQ(talk.url, "wss://h/v1/realtime");
  EXPECT_EQ(talk.voice, "kokoro/af_sky");
  EXPECT_EQ(talk.format, "pcm");
  EXPECT_EQ(talk.interrupt_after, std::chrono::milliseconds(700));
  EXPECT_TRUE(talk.insecure_tls);
}

TEST(CommandLine, ReadsBackupAndRestore) {
  const auto backup = parse({"backup", "b.tar", "--schedule", "every 6 hours", "--keep", "7", "--table", "users"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(backup.parsed)) << backup.err;
  EXPECT_EQ(backup.line().command, Command::backup);
  EXPECT_EQ(backup.line().backup.file, "b.tar");
  EXPECT_EQ(backup.line().backup.schedule, "every 6 hours");
  EXPECT_EQ(backup.line().backup.keep, 7);
  EXPECT_EQ(backup.line().backup.table, "users");
  EXPECT_EQ(parse({"backup"}).code(), exit_usage) << "no file";
  const auto restore = parse({"restore", "b.tar", "--force"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(restore.parsed)) << restore.err;
  EXPECT_EQ(restore.line().command, Command::restore);
  EXPECT_TRUE(restore.line().restore.force);
  const auto past = parse({"restore", "--to-time", "2026-11-20 06:00:00+00", "--into", "new", "--wal-archive-dir", "/archive"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(past.parsed)) << past.err;
  EXPECT_EQ(past.line().restore.to_time, "2026-11-20 06:00:00+00");
  EXPECT_EQ(past.line().restore.into, "new");
  EXPECT_EQ(past.line().flags.at(0).key, "database.wal_archive_dir");
  EXPECT_TRUE(parse({"migrate", "up", "--backup"}).line().migrate.backup);
}

TEST(CommandLine, ReadsKeysAndCache) {
  EXPECT_EQ(parse({"keys"}).line().keys.action, "status");
  const auto rotate = parse({"keys", "rotate", "--config", "a.toml"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(rotate.parsed)) << rotate.err;
  EXPECT_EQ(rotate.line().command, Command::keys);
  EXPECT_EQ(rotate.line().keys.action, "rotate");
  EXPECT_EQ(parse({"keys", "destroy"}).code(), exit_usage);
  const auto clear = parse({"cache", "clear", "tts:public:", "--config", "a.toml"});
  ASSERT_TRUE(std::holds_alternative<CommandLine>(clear.parsed)) << clear.err;
  EXPECT_EQ(clear.line().command, Command::cache);
  EXPECT_EQ(clear.line().cache.prefix, "tts:public:");
  EXPECT_EQ(clear.line().config_file, "a.toml");
  EXPECT_EQ(parse({"cache", "clear"}).line().cache.prefix, "");
  EXPECT_EQ(parse({"cache"}).code(), exit_usage) << "clear what";
}

TEST(CommandLine, ReadsMigrateWithAndWithoutItsAction) {
  EXPECT_EQ(parse({"migrate"}).line().migrate.action, MigrateOptions::Action::up);
  EXPECT_EQ(parse({"migrate", "status"}).line().migrate.action, MigrateOptions::Action::status);
  const auto down = parse({"migrate", "down", "3"});
  EXPECT_EQ(down.line().migrate.action, MigrateOptions::Action::down);
  EXPECT_EQ(down.line().migrate.steps, 3);
  const auto create = parse({"migrate", "new", "add_colours"});
  EXPECT_EQ(create.line().migrate.action, MigrateOptions::Action::create);
  EXPECT_EQ(create.line().migrate.name, "add_colours");
}

TEST(CommandLine, ReadsModelsAndCheckConfig) {
  const auto models = parse({"models", "fetch", "kokoro", "silero"});
  EXPECT_EQ(models.line().models.action, "fetch");
  EXPECT_EQ(models.line().models.names, (std::vector<std::string>{"kokoro", "silero"}));
  EXPECT_EQ(parse({"models"}).line().models.action, "list");
  EXPECT_TRUE(parse({"check-config", "--defaults"}).line().print_defaults);
}

TEST(CommandLine, PrintsHelpAsAsked) {
  const auto help = parse({"--help"});
  EXPECT_EQ(help.code(), exit_ok);
  for (const char* part : {"serve", "talk", "migrate", "check-config", "models", "Examples:"})
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  const auto serve = parse({"serve", "--help"});
  EXPECT_EQ(serve.code(), exit_ok);
  EXPECT_NE(serve.out.find("--listen"), std::string::npos);
  EXPECT_NE(serve.out.find("debug, info, warn, error"), std::string::npos);
}

TEST(CommandLine, SaysWhatIsWrongAndEndsWithTwo) {
  for (const std::vector<const char*>& wrong : std::vector<std::vector<const char*>>{{},
                                                                                     {"dance"},
                                                                                     {"serve", "--lisen", "x"},
                                                                                     {"talk"},
                                                                                     {"talk", "/nonexistent.wav"},
                                                                                     {"migrate", "sideways"},
                                                                                     {"migrate", "down", "0"},
                                                                                     {"migrate", "new"},
                                                                                     {"models", "steal"},
                                                                                     {"serve", "--listen"}}) {
    const auto outcome = parse(wrong);
    EXPECT_EQ(outcome.code(), exit_usage);
    EXPECT_FALSE(outcome.err.empty());
  }
}

}  // namespace
}  // namespace repartee::commands
