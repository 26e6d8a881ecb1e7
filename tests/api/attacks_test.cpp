// Attacks on every operation of the description, so that a new route is attacked without anybody thinking of it: hostile text in every
// field, and other people's ids in every path.
#include <set>

#include "api/schema.hpp"
#include "persistence/params.hpp"
#include "persistence/record_batch.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

const std::string some_id = "0192f0c1-0000-7000-8000-000000000001";

std::vector<std::string> hostile_texts() {
  return {"x'); DROP TABLE users CASCADE; --",
          "' OR '1'='1",
          "$1; DELETE FROM echos; --",
          "1; SELECT pg_sleep(60)",
          "../../../../etc/passwd",
          std::string("a\0b", 3),
          "\\'; \\x27\\",
          "%s%n{}{{7*7}}${jndi:ldap://x}",
          "<script>alert(1)</script>\r\nSet-Cookie: a=b",
          std::string(5000, 'A')};
}

class Attacks : public LiveApi {
 protected:
  Attacks() : document(Json::parse(openapi->text())) {
    auto opened = cache::DirectoryBlobStore::open({.root = blobs_dir_.path() / "blobs"}, metrics_);
    EXPECT_TRUE(opened);
    blobs_ = std::move(*opened);
    backend->uploads = {.blobs = blobs_.get(), .document_bytes_max = 100'000};
  }
  Json described(const std::string& method, const std::string& path) const {
    std::string lower;
    for (const char c : method) lower += static_cast<char>(std::tolower(c));
    return *api::resolve(document.at("paths").at(path).at(lower), document);
  }
  static std::vector<std::string> parameters(const Json& operation, const std::string& in) {
    std::vector<std::string> names;
    if (!operation.contains("parameters")) return names;
    for (const auto& parameter : operation.at("parameters"))
      if (parameter.at("in") == in) names.push_back(parameter.at("name"));
    return names;
  }
  // The path with `text` in each of its places.
  static std::string filled(std::string path, const std::string& text) {
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{', open + 1))
      path.replace(open, path.find('}', open) - open + 1, percent_encoded(text));
    return path;
  }
  // An example of the body, and beside it every property that it leaves out.
  static Json example_body(const Json& content) {
    Json body = Json::object();
    if (content.contains("example")) body = content.at("example");
    else if (content.contains("examples")) body = content.at("examples").begin().value().at("value");
    else if (content.at("schema").contains("example")) body = content.at("schema").at("example");
    return body;
  }
  void attack(const Asked& asked) {
    ++attacks;
    const auto response = ask(asked);
    ++answers[response.status];
    EXPECT_LT(response.status, 500) << asked.method << " " << asked.target << " " << asked.body.substr(0, 300) << "\n" << response.body;
    for (const auto& [name, value] : response.headers) EXPECT_EQ(value.find_first_of("\r\n"), std::string::npos) << name;
  }
  std::string tables() {
    return scalar(
        {"", "SELECT string_agg(table_name, ',' ORDER BY table_name) AS v FROM information_schema.tables WHERE table_schema = 'public'"});
  }
  std::string count_of_people() { return scalar({"attacks_people", "SELECT count(*)::text AS v FROM users"}); }

  const Json document;
  int attacks = 0;
  std::map<int, int> answers;
  persistence::test::TempDir blobs_dir_;
  std::unique_ptr<cache::DirectoryBlobStore> blobs_;
};

TEST_F(Attacks, TextInEveryFieldOfEveryOperationIsTextOrRefused) {
  const auto before = tables();
  for (const auto& [key, unused] : openapi->operations()) {
    const auto& [method, path] = key;
    const Json operation = described(method, path);
    for (const auto& text : hostile_texts()) {
      if (path.find('{') != std::string::npos) attack({method, filled(path, text), ann.key});
      const std::string target = filled(path, some_id);
      for (const auto& name : parameters(operation, "query")) attack({method, target + "?" + name + "=" + percent_encoded(text), ann.key});
      attack({method, target + "?" + percent_encoded(text) + "=1", path == "/api/v1/me" && method == "DELETE" ? "sk-wrong" : ann.key});
      if (!operation.contains("requestBody")) continue;
      const auto& content = operation.at("requestBody").at("content");
      if (!content.contains("application/json")) continue;
      const Json& json = content.at("application/json");
      const Json example = example_body(json);
      std::set<std::string> places;
      const Json leaves = example.flatten();
      for (const auto& [pointer, value] : leaves.items()) places.insert(pointer);
      if (json.at("schema").contains("properties"))
        for (const auto& [name, schema] : json.at("schema").at("properties").items()) places.insert("/" + name);
      EXPECT_FALSE(places.empty()) << method << " " << path << " has a body without fields";
      for (const auto& place : places) {
        Json body = example;
        body[Json::json_pointer(place)] = text;
        attack({method, target, ann.key, body.dump()});
      }
    }
  }
  EXPECT_GT(attacks, 1000);
  EXPECT_GT(answers[200] + answers[201] + answers[202], 20) << "text that fits is taken as text";
  EXPECT_GT(answers[400], 200);
  EXPECT_EQ(tables(), before);
  EXPECT_GE(std::stoi(count_of_people()), 2);
  EXPECT_EQ(get("/api/v1/echo/" + echo_, ann).at("echo").at("id"), echo_);
}

// Who has one of everything, and whose ids Bob knows.
class OthersIds : public Attacks {
 protected:
  OthersIds() {
    const std::string email = "ada." + new_uuid().substr(24) + "@example.org", password = "correct horse battery";
    post("/api/v1/auth/register", nobody, {{"email", email}, {"password", password}}, 202);
    const Json grant = post("/api/v1/auth/login", nobody, {{"email", email}, {"password", password}}, 200);
    owner = {grant.at("user").at("id"), grant.at("access_token")};
    const std::string clone = post("/api/v1/echo", owner, {{"name", "Ada"}}).at("echo").at("id");
    const auto session = session_of(owner.user_id, clone);
    const auto written = recorder_db_.run([&](persistence::Transaction& t) {
      persistence::write_batch(t, std::vector<persistence::RecordItem>{session, persistence::RecordedTurn{turn_of(session, 0), {}}});
    });
    EXPECT_TRUE(written) << written.error().message;
    const std::string form =
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nHers.\r\n--XX--\r\n";
    ids = {{"/api/v1/api-keys/", post("/api/v1/api-keys", owner, {{"name", "hers"}}).at("api_key").at("id")},
           {"/api/v1/auth/sessions/", grant.at("sign_in_id")},
           {"/api/v1/echo/", clone},
           {"/api/v1/conversation/", clone},
           {"/api/v1/knowledge/",
            ask_json({"POST", "/api/v1/knowledge", owner.key, form, "multipart/form-data; boundary=XX"}, 202).at("document").at("id")},
           {"/api/v1/sessions/", session.id}};
  }
  // Every operation on one of her things, with its path filled in.
  std::vector<std::pair<std::string, std::string>> operations_on_hers() const {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [key, unused] : openapi->operations()) {
      const auto& [method, path] = key;
      const auto open = path.find('{');
      if (open == std::string::npos || path.starts_with("/api/v1/users/")) continue;  // one's own names for people, not ids
      const auto id = ids.find(path.substr(0, open));
      EXPECT_NE(id, ids.end()) << path << " takes an id that this test has none for";
      if (id != ids.end()) found.emplace_back(method, filled(path, id->second));
    }
    return found;
  }
  Asked asked_of(const std::string& method, const std::string& target, const std::string& key) const {
    std::string body;
    if (method == "PATCH") body = R"({"name":"Bob's now"})";
    if (method == "POST" && target.find("/conversation/") != std::string::npos) body = R"({"role":"user","content":"hello"})";
    return {method, target, key, body};
  }
  Person owner;
  std::map<std::string, std::string> ids;
};

TEST_F(OthersIds, AreNotThereForAnybodyElseInAnyOperation) {
  const auto operations = operations_on_hers();
  ASSERT_GE(operations.size(), 15u);
  const auto told_before = answered().size();
  for (const auto& other : {bob, nobody})
    for (const auto& [method, target] : operations) {
      const auto response = ask(asked_of(method, target, other.key));
      EXPECT_TRUE(response.status == 404 || response.status == 401 || response.status == 403)
          << method << " " << target << ": " << response.status << "\n"
          << response.body;
      EXPECT_EQ(response.body.find("Hers"), std::string::npos);
    }
  const auto told = answered();
  for (const auto& [method, target] : operations)
    EXPECT_GE(std::count_if(told.begin() + static_cast<std::ptrdiff_t>(told_before), told.end(),
                            [&, &target = target](const api::Answered& answer) { return answer.path == target && answer.status >= 400; }),
              2)
        << method << " " << target << " was told to nobody";
  for (const auto& [method, target] : operations)
    if (method == "GET") EXPECT_NE(ask({method, target, owner.key}).status, 404) << "it is hers still: " << target;
}

}  // namespace
}  // namespace repartee::test
