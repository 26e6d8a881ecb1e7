#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

class KnowledgeSearch : public LiveApi {
 protected:
  static constexpr const char* path = "/api/v1/knowledge/search";
};

TEST_F(KnowledgeSearch, ShowsThePassagesOfTheCallersDocuments) {
  retriever.passages = {
      {.document_id = "d1", .filename = "manual.md", .text = "The guarantee lasts two years.", .ordinal = 3, .score = 0.5}};
  const Json found = post(path, ann, {{"query", "how long is the guarantee?"}}, 200);
  EXPECT_EQ(found.at("count"), 1);
  EXPECT_EQ(
      found.at("passages")[0],
      (Json{{"document_id", "d1"}, {"filename", "manual.md"}, {"ordinal", 3}, {"text", "The guarantee lasts two years."}, {"score", 0.5}}));
  ASSERT_EQ(retriever.asked.size(), 1u);
  EXPECT_EQ(retriever.asked[0].question, "how long is the guarantee?");
  EXPECT_EQ(retriever.asked[0].user_id, ann.user_id);
  EXPECT_EQ(retriever.asked[0].echo_id, "");
  EXPECT_EQ(retriever.asked[0].passages_max, 5u);
}

TEST_F(KnowledgeSearch, MayBeLimitedToWhatACloneMaySpeakOf) {
  const auto clone = make_clone(ann.user_id, false);
  post(path, ann, {{"query", "x"}, {"echo_id", clone}, {"limit", 2}}, 200);
  EXPECT_EQ(retriever.asked.at(0).echo_id, clone);
  EXPECT_EQ(retriever.asked.at(0).passages_max, 2u);
}

TEST_F(KnowledgeSearch, LooksInTheCallersOwnDocumentsWhoseverCloneIsNamed) {
  const auto clone = make_clone(ann.user_id, true);
  post(path, bob, {{"query", "x"}, {"echo_id", clone}}, 200);
  EXPECT_EQ(retriever.asked.at(0).user_id, bob.user_id);
}

TEST_F(KnowledgeSearch, RefusesWhatIsNoQuestion) {
  for (const Json& body :
       {Json{{"query", ""}}, Json{{"query", 5}}, Json::object(), Json{{"query", "x"}, {"limit", 0}}, Json{{"query", "x"}, {"limit", 21}},
        Json{{"query", "x"}, {"echo_id", "' OR 1=1"}}, Json{{"query", std::string(2001, 'x')}}, Json{{"query", "x"}, {"user_id", "other"}}})
    post(path, ann, body, 400);
  EXPECT_TRUE(retriever.asked.empty());
}

TEST_F(KnowledgeSearch, SaysWhenItCannotBeSearched) {
  retriever.failure = Error{Errc::unavailable, "the database is away"};
  post(path, ann, {{"query", "x"}}, 503);
}

}  // namespace
}  // namespace repartee::test
