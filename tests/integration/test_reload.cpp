// SIGHUP on the real server: what can change changes, what cannot is said, calls go on.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "realtime/transport/ws_client.hpp"
#include "tests/integration/scripted_server.hpp"

namespace repartee::test {
namespace {

class Reloaded : public testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(file_) << text; }
  bool says(const ServerProcess& server, const std::string& words) {
    for (const TimePoint until = SteadyClock::now() + std::chrono::seconds(10); SteadyClock::now() < until; std::this_thread::sleep_for(Millis(50)))
      if (server.log().find(words) != std::string::npos) return true;
    return false;
  }
  Status open(const ServerProcess& server, const std::string& key) {
    transport::WsClient client;
    return client.connect(server.ws_url(), {.headers = {{"Authorization", "Bearer " + key}}});
  }
  const std::string file_ = "/tmp/repartee-reload-" + std::to_string(getpid()) + ".toml";
  ~Reloaded() override { std::remove(file_.c_str()); }
};

TEST_F(Reloaded, KeysChangeWithoutARestartAndCallsGoOn) {
  const ScriptedEngines scripted;
  write("[auth]\napi_key = \"the-first-key-of-all\"\n");
  ServerProcess server({"--config", file_});
  transport::WsClient running;
  ASSERT_TRUE(running.connect(server.ws_url(), {.headers = {{"Authorization", "Bearer the-first-key-of-all"}}}).ok());
  EXPECT_FALSE(open(server, "the-second-key-of-all").ok());
  write("[auth]\napi_key = \"the-second-key-of-all\"\n[inference]\nqueue_jobs_max = 99\n");
  kill(server.pid(), SIGHUP);
  ASSERT_TRUE(says(server, "configuration read again")) << server.log();
  EXPECT_NE(server.log().find("needs a restart  setting=inference.queue_jobs_max"), std::string::npos) << server.log();
  EXPECT_TRUE(open(server, "the-second-key-of-all").ok());
  EXPECT_EQ(open(server, "the-first-key-of-all").error().code, Errc::unauthenticated);
  EXPECT_TRUE(running.is_open());
  EXPECT_TRUE(running.receive(std::chrono::seconds(1)));
  EXPECT_EQ(server.log().find("the-second-key"), std::string::npos) << "a secret in the log";
  write("[auth]\napi_kee = 5\n");
  kill(server.pid(), SIGHUP);
  ASSERT_TRUE(says(server, "has mistakes"));
  EXPECT_TRUE(open(server, "the-second-key-of-all").ok());
}

}  // namespace
}  // namespace repartee::test
