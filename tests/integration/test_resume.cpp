// A client that loses its connection, and one that loses its server: the conversation goes on, over real sockets and a real database.
#include <gtest/gtest.h>

#include <signal.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "realtime/transport/ws_client.hpp"
#include "tests/integration/scripted_server.hpp"

namespace repartee::test {
namespace {

using nlohmann::json;

// A text conversation with whatever the scripted model says, by hand.
class TypingClient {
 public:
  Status connect(const std::string& url) { return client_->connect(url, {}); }
  void drop() { client_ = std::make_unique<transport::WsClient>(); }
  void send(const json& event) { (void)client_->send_text(event.dump()); }
  void ask(const std::string& text) {
    send({{"type", "conversation.item.create"}, {"item", {{"type", "message"}, {"role", "user"}, {"content", {{{"type", "input_text"}, {"text", text}}}}}}});
    send({{"type", "response.create"}});
  }
  // Reads until an event of this type; null when none comes.
  json wait_for(const std::string& type, Duration patience = std::chrono::seconds(10)) {
    for (const TimePoint until = SteadyClock::now() + patience; SteadyClock::now() < until && client_->is_open();) {
      auto message = client_->receive(Millis(100));
      if (!message || !message->is_text) continue;
      json event = json::parse(message->data);
      EXPECT_EQ(event["seq"].get<std::uint64_t>(), last_seq + 1) << event;
      last_seq = event["seq"];
      if (event["type"] == "repartee.session") session = event;
      if (event["type"] == type) return event;
    }
    return nullptr;
  }
  int close_code() const { return client_->close_code(); }
  std::string resume_url(const ServerProcess& server) const {
    return server.ws_url() + "?session_id=" + session.value("session_id", "") + "&resume_token=" + session.value("resume_token", "") +
           "&after_seq=" + std::to_string(last_seq);
  }

  json session;
  std::uint64_t last_seq = 0;

 private:
  std::unique_ptr<transport::WsClient> client_ = std::make_unique<transport::WsClient>();
};

TEST(ResumeOverSockets, ALostConnectionIsTakenUpAgainOnWhicheverLoopTheNewOneIs) {
  const ScriptedEngines scripted;
  ServerProcess server;
  TypingClient client;
  ASSERT_TRUE(client.connect(server.ws_url()).ok());
  ASSERT_FALSE(client.wait_for("repartee.session").is_null());
  for (int round = 0; round < 4; ++round) {   // connections go to the loops in turn
    client.ask("and now?");
    ASSERT_FALSE(client.wait_for("response.output_audio.delta").is_null()) << server.log();
    client.drop();
    std::this_thread::sleep_for(Millis(300));
    ASSERT_TRUE(client.connect(client.resume_url(server)).ok());
    const json again = client.wait_for("repartee.session");
    ASSERT_FALSE(again.is_null()) << server.log();
    EXPECT_EQ(again["resumed"], "live");
    EXPECT_EQ(again["lost_events"], 0);
    const json turn = client.wait_for("repartee.turn", std::chrono::seconds(30));
    ASSERT_FALSE(turn.is_null());
    EXPECT_EQ(turn["turn_index"], round);
    EXPECT_EQ(turn["status"], "completed");
    EXPECT_EQ(turn["heard_response"], turn["llm_response"]);
  }
}

TEST(ResumeOverSockets, AWrongTokenAndAForeignIdAreBothNotFound) {
  const ScriptedEngines scripted;
  ServerProcess server;
  TypingClient client;
  ASSERT_TRUE(client.connect(server.ws_url()).ok());
  ASSERT_FALSE(client.wait_for("repartee.session").is_null());
  const std::string id = client.session["session_id"], token = client.session["resume_token"];
  std::string wrong = token;
  wrong.back() = wrong.back() == 'A' ? 'B' : 'A';
  for (const std::string& query : {"session_id=" + id, "session_id=" + id + "&resume_token=", "session_id=" + id + "&resume_token=" + wrong,
                                   "session_id=0192f0c1-0000-7000-8000-00000000dead&resume_token=" + token, "session_id=%27%3B--&resume_token=" + token,
                                   "resume_token=" + token + "&session_id="}) {
    TypingClient other;
    const Status status = other.connect(server.ws_url() + "?" + query);
    ASSERT_FALSE(status.ok()) << query;
    EXPECT_EQ(status.error().code, Errc::not_found) << query << ": " << status.error().message;
  }
  client.ask("still there?");
  EXPECT_FALSE(client.wait_for("response.done", std::chrono::seconds(30)).is_null());
}

TEST(ResumeOverSockets, AfterAKilledServerTheConversationIsRestoredWithWhatWasHeard) {
  const ScriptedEngines scripted;
  TypingClient client;
  std::filesystem::path data_dir;
  std::string heard;
  {
    ServerProcess first;
    first.keep_data();
    data_dir = first.data_dir();
    ASSERT_TRUE(client.connect(first.ws_url()).ok());
    ASSERT_FALSE(client.wait_for("repartee.session").is_null());
    client.ask("the first question");
    const json turn = client.wait_for("repartee.turn", std::chrono::seconds(30));
    ASSERT_FALSE(turn.is_null()) << first.log();
    heard = turn["heard_response"];
    client.ask("the second");
    ASSERT_FALSE(client.wait_for("response.output_audio.delta").is_null());
    first.kill_hard();
    client.drop();
  }
  {
    ServerProcess again({}, data_dir);
    ASSERT_TRUE(client.connect(client.resume_url(again)).ok()) << again.log();
    const json created = client.wait_for("session.created");
    ASSERT_FALSE(created.is_null());
    EXPECT_EQ(created["session"]["id"], "sess_" + client.session["session_id"].get<std::string>());
    const json restored = client.wait_for("repartee.session");
    EXPECT_EQ(restored["resumed"], "restored");
    client.ask("the third");
    const json turn = client.wait_for("repartee.turn", std::chrono::seconds(30));
    ASSERT_FALSE(turn.is_null()) << again.log();
    EXPECT_EQ(turn["turn_index"], 1) << "the one that the server was killed in was never told";
    json rows;  // a turn is told when it is in the journal, and in the database a little later
    for (int i = 0; i < 100 && rows.size() < 2; ++i) {
      rows = json::parse(again.get("/api/v1/sessions/" + client.session["session_id"].get<std::string>() + "/turns").body)["turns"];
      std::this_thread::sleep_for(Millis(100));
    }
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0]["heard_response"], heard);
    EXPECT_EQ(rows[1]["user_transcript"], "the third");
  }
  std::filesystem::remove_all(data_dir);
}

TEST(Draining, LetsARunningCallFinishRefusesNewOnesAndThenSaysWhyItCloses) {
  const ScriptedEngines scripted;
  setenv("REPARTEE_SERVER_DRAIN_SECONDS", "12", 1);
  ServerProcess server;
  unsetenv("REPARTEE_SERVER_DRAIN_SECONDS");
  TypingClient client;
  ASSERT_TRUE(client.connect(server.ws_url()).ok());
  ASSERT_FALSE(client.wait_for("repartee.session").is_null());
  client.ask("before the end");
  ASSERT_FALSE(client.wait_for("response.created").is_null());
  kill(server.pid(), SIGTERM);
  std::this_thread::sleep_for(Millis(300));
  TypingClient late;
  const Status refused = late.connect(server.ws_url());
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("503"), std::string::npos) << refused.error().message;
  ASSERT_FALSE(client.wait_for("repartee.turn", std::chrono::seconds(11)).is_null()) << "the reply of a running call is played to its end";
  const json error = client.wait_for("error", std::chrono::seconds(15));
  ASSERT_FALSE(error.is_null());
  EXPECT_EQ(error["error"]["code"], "server_stopping");
  EXPECT_EQ(client.wait_for("nothing more"), nullptr);
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_EQ(server.stop(), 0) << server.log();
}

}  // namespace
}  // namespace repartee::test
