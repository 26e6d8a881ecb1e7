#include "tests/api/live_api.hpp"

#include <set>

namespace repartee::test {
namespace {

class Clones : public LiveApi {
 protected:
  static std::set<std::string> names(const Json& list) {
    std::set<std::string> all;
    for (const auto& echo : list.at("echos")) all.insert(echo.at("name"));
    return all;
  }
};

TEST_F(Clones, AreListedToTheirOwnerAndPublicOnesToAll) {
  make_clone(ann.user_id, false, "Ann's own");
  make_clone(bob.user_id, true, "Bob's public");
  make_clone(bob.user_id, false, "Bob's own");
  const auto seen = names(get("/api/echo?limit=200", ann));
  EXPECT_TRUE(seen.contains("Ann's own"));
  EXPECT_TRUE(seen.contains("Bob's public"));
  EXPECT_FALSE(seen.contains("Bob's own"));
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
  const Json body = get("/v1/models", ann);
  EXPECT_EQ(body.at("object"), "list");
  bool found = false;
  for (const auto& model : body.at("data")) found = found || model.at("id") == id;
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace repartee::test
