#include "commands/checks.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>

#include "tests/config/temporary_file.hpp"

namespace repartee::commands {
namespace {

using Level = Finding::Level;

bool any(const Findings& findings, Level level, const std::string& part) {
  for (const Finding& finding : findings) {
    if (finding.level == level && finding.text.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(CheckModels, NamesTheMissingFileAndTheCommandThatFetchesIt) {
  config::Settings settings;
  settings.models.dir = "/nonexistent";
  const Findings findings = check_models(settings);
  EXPECT_EQ(findings.size(), 4U);
  EXPECT_TRUE(any(findings, Level::error, "/nonexistent/silero/silero_vad_v6.onnx is missing: run `repartee models fetch`"));
  EXPECT_TRUE(any(findings, Level::warning, "searched by their words only"));   // the server starts without
}

TEST(CheckModels, AsksOnlyForWhatTheChosenProvidersNeed) {
  config::Settings settings;
  settings.models.dir = "/nonexistent";
  settings.asr.provider = settings.tts.provider = "scripted";
  settings.embeddings.provider = "none";
  EXPECT_EQ(check_models(settings).size(), 1U);
}

TEST(CheckStorage, LooksAtTheKeyFile) {
  EXPECT_TRUE(check_storage({}).empty());
  EXPECT_TRUE(any(check_storage({.key_file = "/nonexistent/keys"}), Level::error, "`repartee keys rotate` makes one"));
  const testing_support::TemporaryFile keys("k2:" + std::string(64, 'b') + "\nk1:" + std::string(64, 'a') + "\n");
  EXPECT_TRUE(any(check_storage({.key_file = keys.path()}), Level::ok, "2 keys, k2 writes"));
  const testing_support::TemporaryFile none("nothing of the kind");
  EXPECT_TRUE(any(check_storage({.key_file = none.path()}), Level::error, "id:key"));
}

TEST(CheckListening, WarnsOfAPortThatIsTaken) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor taken(io, {asio::ip::make_address("127.0.0.1"), 0});
  config::Server server;
  server.port = taken.local_endpoint().port();
  EXPECT_TRUE(any(check_listening(server), Level::warning, "is taken"));
  server.port = 0;
  EXPECT_TRUE(any(check_listening(server), Level::ok, "is possible"));
}

TEST(CheckListening, RefusesAnAddressThatIsNotThisMachines) {
  config::Server server;
  server.address = "203.0.113.7";
  EXPECT_TRUE(any(check_listening(server), Level::error, "cannot listen on"));
}

TEST(CheckListening, RefusesACertificateThatCannotBeRead) {
  config::Server server;
  server.port = 0;
  server.tls_cert = server.tls_key = "/nonexistent.pem";
  EXPECT_TRUE(any(check_listening(server), Level::error, "TLS: "));
}

TEST(CheckDirectories, RefusesADataDirectoryBelowAFile) {
  const testing_support::TemporaryFile file("");
  config::Server server;
  server.data_dir = file.path() + "/data";
  EXPECT_TRUE(any(check_directories(server), Level::error, "is not a directory"));
  server.data_dir = "/tmp/not/there/yet";
  EXPECT_TRUE(any(check_directories(server), Level::ok, "can be written"));
}

TEST(CheckDatabase, ReportsADatabaseThatIsNotThere) {
  config::Settings settings;
  settings.database.url = config::Secret("postgresql://someone:secret@127.0.0.1:1/x?connect_timeout=2");
  const Findings findings = check_database(settings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].level, Level::error);
  EXPECT_EQ(findings[0].text.find("secret"), std::string::npos);
}

TEST(CheckPrices, RemindsOfAPaidEndpointWithoutAPrice) {
  config::Settings settings;
  settings.llm.provider = "openai";
  settings.llm.openai.base_url = "https://llm.example/v1";
  EXPECT_TRUE(any(check_prices(settings), Level::warning, "no price for llm"));
  settings.llm.openai.base_url = "http://127.0.0.1:11434/v1";
  EXPECT_TRUE(check_prices(settings).empty());
}

}  // namespace
}  // namespace repartee::commands
