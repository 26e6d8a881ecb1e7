#include <set>

#include "persistence/echo_repository.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

constexpr const char* sql = "x'); DROP TABLE echos; --";

class Clones : public LiveApi {
 protected:
  static std::set<std::string> names(const Json& list) {
    std::set<std::string> all;
    for (const auto& echo : list.at("echos")) all.insert(echo.at("name"));
    return all;
  }
  std::string made(const Person& as, const Json& body = {{"name", "Ada"}}) { return post("/api/v1/echo", as, body).at("echo").at("id"); }
  static std::string at(const std::string& id) { return "/api/v1/echo/" + id; }
};

TEST_F(Clones, AreListedToTheirOwnerAndPublicOnesToAll) {
  make_clone(ann.user_id, false, "Ann's own");
  make_clone(bob.user_id, true, "Bob's public");
  make_clone(bob.user_id, false, "Bob's own");
  const auto seen = names(get("/api/echo?limit=200", ann));
  EXPECT_TRUE(seen.contains("Ann's own"));
  EXPECT_TRUE(seen.contains("Bob's public"));
  EXPECT_FALSE(seen.contains("Bob's own"));
  EXPECT_FALSE(names(get("/api/echo?limit=200&own=true", ann)).contains("Bob's public"));
  const auto others = names(get("/api/echo?limit=200", nobody));
  EXPECT_TRUE(others.contains("Bob's public"));
  EXPECT_FALSE(others.contains("Ann's own"));
}

TEST_F(Clones, AreListedWithoutTheirPersona) {
  make_clone(ann.user_id, false, "Ada");
  EXPECT_EQ(ask({"GET", "/api/v1/echo?limit=200", ann.key}).body.find("You are"), std::string::npos);
}

TEST_F(Clones, ComeInPages) {
  for (int i = 0; i < 5; ++i) make_clone(ann.user_id, false, "page " + std::to_string(i));
  std::set<std::string> ids;
  std::string cursor;
  for (int pages = 0; pages < 100; ++pages) {
    const Json page = get("/api/v1/echo?limit=2" + (cursor.empty() ? "" : "&cursor=" + percent_encoded(cursor)), ann);
    EXPECT_LE(page.at("count"), 2);
    for (const auto& echo : page.at("echos")) EXPECT_TRUE(ids.insert(echo.at("id")).second);
    if (page.at("next_cursor").is_null()) break;
    cursor = page.at("next_cursor");
  }
  EXPECT_GE(ids.size(), 6u);
}

TEST_F(Clones, AreModelsInOpenAisForm) {
  const auto id = make_clone(ann.user_id, false, "Ada");
  const Json body = get("/v1/models?unknown=1", ann);
  EXPECT_EQ(body.at("object"), "list");
  bool found = false;
  for (const auto& model : body.at("data")) found = found || model.at("id") == id;
  EXPECT_TRUE(found);
}

TEST_F(Clones, AreMadeAndShownWhole) {
  const Json wishes{{"name", "Ädä 😀"},
                    {"persona_prompt", sql},
                    {"greeting", "Hi \"you\""},
                    {"tts_provider", "scripted"},
                    {"voice_id", "tone"},
                    {"llm_provider", "scripted"},
                    {"visibility", "public"},
                    {"knowledge_scope", "own"},
                    {"settings", {{"a", {1, nullptr, sql}}}}};
  const Json echo = post("/api/echo", ann, wishes).at("echo");
  for (const auto& [key, value] : wishes.items()) EXPECT_EQ(echo.at(key), value) << key;
  EXPECT_EQ(echo.at("is_own"), true);
  EXPECT_EQ(get(at(echo.at("id")), ann).at("echo"), echo);
  const Json seen = get(at(echo.at("id")), bob).at("echo");
  EXPECT_FALSE(seen.contains("persona_prompt"));
  EXPECT_FALSE(seen.contains("settings"));
  EXPECT_EQ(seen.at("is_own"), false);
  EXPECT_EQ(actions().front(), "clone.create 201");
}

TEST_F(Clones, AreRefusedWithWordsAndPlace) {
  const auto refused = [&](const Json& body) {
    const Json answer = post("/api/v1/echo", ann, body, 400);
    return param_of(answer);
  };
  EXPECT_EQ(refused(Json::object()), "/name");
  EXPECT_EQ(refused({{"name", ""}}), "/name");
  EXPECT_EQ(refused({{"name", "   "}}), "/name");
  EXPECT_EQ(refused({{"name", "a\nb"}}), "/name");
  EXPECT_EQ(refused({{"name", "default"}}), "/name");
  EXPECT_EQ(refused({{"name", "0192f0c1-0000-7000-8000-000000000001"}}), "/name");
  EXPECT_EQ(refused({{"name", std::string("a\0b", 3)}}), "/name");
  EXPECT_EQ(refused({{"name", std::string(201, 'a')}}), "/name");
  EXPECT_EQ(refused({{"name", "a"}, {"persona_prompt", std::string(32769, 'a')}}), "/persona_prompt");
  EXPECT_EQ(refused({{"name", "a"}, {"tts_provider", sql}}), "/tts_provider");
  EXPECT_EQ(refused({{"name", "a"}, {"voice_id", "tone"}}), "/tts_provider");
  EXPECT_EQ(refused({{"name", "a"}, {"tts_provider", "scripted"}, {"voice_id", sql}}), "/voice_id");
  EXPECT_EQ(refused({{"name", "a"}, {"llm_provider", "gpt"}}), "/llm_provider");
  EXPECT_EQ(refused({{"name", "a"}, {"settings", {{"a", std::string(17000, 'a')}}}}), "/settings");
  EXPECT_EQ(refused({{"name", "a"}, {"settings", "text"}}), "/settings");
  EXPECT_EQ(refused({{"name", "a"}, {"user_id", bob.user_id}}), "/user_id");
  EXPECT_EQ(refused({{"name", "a"}, {"visibility", "everybody"}}), "/visibility");
  EXPECT_EQ(ask({"POST", "/api/v1/echo", ann.key, R"({"name":"a"})", "text/plain"}).status, 415);
  EXPECT_EQ(ask({"POST", "/api/v1/echo", ann.key, std::string(100'000, '[')}).status, 400);
  EXPECT_EQ(ask({"POST", "/api/v1/echo", ann.key, "{\"name\":\"\xff\"}"}).status, 400);
  EXPECT_EQ(ask({"POST", "/api/v1/echo", ann.key}).status, 400);
  EXPECT_EQ(ask({"POST", "/api/v1/echo", "sk-wrong", R"({"name":"a"})"}).status, 401);
}

TEST_F(Clones, ChangeWhatIsNamedAndNothingElse) {
  const auto id = made(ann, {{"name", "Ada"}, {"persona_prompt", "You are Ada."}, {"greeting", "Hi"}, {"tts_provider", "scripted"}});
  const Json changed = patch(at(id), ann, {{"greeting", ""}, {"voice_id", "tone"}}).at("echo");
  EXPECT_EQ(changed.at("greeting"), "");
  EXPECT_EQ(changed.at("voice_id"), "tone");
  EXPECT_EQ(changed.at("name"), "Ada");
  EXPECT_EQ(changed.at("persona_prompt"), "You are Ada.");
  EXPECT_EQ(param_of(patch(at(id), ann, {{"voice_id", "nobody's"}}, 400)), "/voice_id");
  EXPECT_EQ(param_of(patch(at(id), ann, {{"tts_provider", ""}}, 400)), "/tts_provider");
  patch(at(id), ann, Json::object(), 400);
  EXPECT_EQ(get(at(id), ann).at("echo").at("voice_id"), "tone");
}

TEST_F(Clones, WhoseVoiceWentAwayCanStillBeRenamed) {
  const auto id = make_clone(ann.user_id, false, "Ada");  // flite/slt, which this server does not have
  EXPECT_EQ(patch(at(id), ann, {{"name", "Eve"}}).at("echo").at("name"), "Eve");
}

TEST_F(Clones, OfOthersAreNotFoundWhateverOneTries) {
  const auto own = made(bob), shared = made(bob, {{"name", "shared"}, {"visibility", "public"}});
  EXPECT_EQ(code_of(get(at(own), ann, 404)), "not_found");
  for (const auto& id : {own, shared, std::string(persistence::default_clone_id)}) {
    EXPECT_EQ(code_of(patch(at(id), ann, {{"name", "mine"}}, 404)), "not_found");
    EXPECT_EQ(code_of(remove(at(id), ann, 404)), "not_found");
    EXPECT_EQ(code_of(ask_json({"POST", at(id) + "/restore", ann.key}, 404)), "not_found");
  }
  EXPECT_EQ(get(at(own), bob).at("echo").at("name"), "Ada");
  for (const char* id : {"7", "%00", "..%5C..%5Cusers", "x%27%3B%20DROP%20TABLE%20echos"})
    EXPECT_EQ(param_of(get(at(id), ann, 400)), "id") << id;
}

TEST_F(Clones, AreRemovedSoftlyAndComeBack) {
  const auto id = made(ann, {{"name", "Phoenix"}});
  EXPECT_EQ(remove(at(id), ann).at("success"), true);
  get(at(id), ann, 404);
  patch(at(id), ann, {{"name", "x"}}, 404);
  remove(at(id), ann, 404);
  EXPECT_FALSE(names(get("/api/v1/echo?limit=200", ann)).contains("Phoenix"));
  EXPECT_TRUE(names(get("/api/v1/echo?limit=200&deleted=true", ann)).contains("Phoenix"));
  EXPECT_FALSE(names(get("/api/v1/echo?limit=200&deleted=true", bob)).contains("Phoenix"));
  EXPECT_EQ(ask_json({"POST", at(id) + "/restore", ann.key}, 200).at("echo").at("name"), "Phoenix");
  ask_json({"POST", at(id) + "/restore", ann.key}, 404);
  get(at(id), ann);
  const auto told = actions();
  EXPECT_EQ(std::count(told.begin(), told.end(), "clone.delete 200"), 1);
  EXPECT_EQ(std::count(told.begin(), told.end(), "clone.restore 200"), 1);
}

}  // namespace
}  // namespace repartee::test
