// Every route as the server has it, over a real database: two users with a key each, Ann and Bob, and nobody (no key). What is answered is
// checked against the written description. Derive from it and ask:
//
//   class Clones : public LiveApi {};
//   TEST_F(Clones, ...) { EXPECT_EQ(get("/api/v1/echo", ann).at("count"), 1); }
#pragma once
#include <nlohmann/json.hpp>

#include "api/routes.hpp"
#include "persistence/clone_directory.hpp"
#include "tests/api/live_accounts.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/manual_loop.hpp"
#include "tests/support/remembering_llm.hpp"

namespace repartee::test {

using Json = nlohmann::json;

// Finds the same passages whatever is asked, once there are any.
class ListedPassages final : public pipeline::Retriever {
 public:
  bool has_knowledge(const std::string&, const std::string&) const override { return !passages.empty() || failure; }
  StreamPtr retrieve(Loop& asking, pipeline::RetrievalRequest request, std::function<void(Result<pipeline::Retrieval>)> done) override;

  std::vector<pipeline::Passage> passages;
  std::optional<Error> failure;
  std::vector<pipeline::RetrievalRequest> asked;
};

class LiveApi : public persistence::test::StoreTest {
 protected:
  struct Person {
    std::string user_id, key;
  };
  struct Asked {
    std::string method, target;  // with its query: "/api/v1/echo?limit=3"; as it would be sent, percent-encoded
    std::string key = {};        // none: nobody in particular
    std::string body = {};
    std::string content_type = "application/json";
    std::map<std::string, std::string> headers = {};  // lower-case names
  };

  LiveApi();
  ~LiveApi() override;

  // Waits for the answer. It must be a documented one.
  transport::Response ask(const Asked& asked);
  Json ask_json(const Asked& asked, int status);
  Json get(const std::string& target, const Person& as, int status = 200) { return ask_json({"GET", target, as.key}, status); }
  Json post(const std::string& target, const Person& as, const Json& body, int status = 201) {
    return ask_json({"POST", target, as.key, body.is_null() ? "" : body.dump()}, status);
  }
  Json patch(const std::string& target, const Person& as, const Json& body, int status = 200) {
    return ask_json({"PATCH", target, as.key, body.dump()}, status);
  }
  Json remove(const std::string& target, const Person& as, int status = 200) { return ask_json({"DELETE", target, as.key}, status); }
  static std::string code_of(const Json& answer) { return answer.at("error").at("code"); }
  static std::string param_of(const Json& answer) { return answer.at("error").at("param").is_null() ? "" : answer.at("error").at("param"); }
  std::vector<api::Answered> answered() const;  // what the audit log was told, in order
  std::vector<std::string> actions() const;     // what the audit log was told, in order

  const Person ann, bob;
  const Person nobody{};
  ManualLoop loop;
  Duration loop_step = Millis(1);  // by which the loop's clock moves while an answer is waited for
  std::unique_ptr<api::Blocking> blocking;
  pipeline::ScriptedTts tts;
  RememberingLlm llm;
  ListedPassages retriever;
  std::unique_ptr<persistence::StoredCloneDirectory> clones;
  std::unique_ptr<api::Answering> answering;
  std::unique_ptr<api::Backend> backend;
  std::unique_ptr<LiveAccounts> accounts;
  std::shared_ptr<const api::OpenApi> openapi;
  std::unique_ptr<api::Router> router;
  std::vector<std::string> not_ready;
  const auth::Tokens tokens{auth::ServerSecret{1, 2, 3}};

 private:
  mutable std::mutex told_mutex_;
  std::vector<api::Answered> told_;
};

std::string percent_encoded(const std::string& text);

}  // namespace repartee::test
