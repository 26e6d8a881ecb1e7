#include "persistence/record_batch.hpp"
#include "tests/api/live_api.hpp"

namespace repartee::test {
namespace {

class Sessions : public LiveApi {
 protected:
  SessionRecord recorded(const Person& whose, int turns) {
    const auto session = session_of(whose.user_id, whose.user_id == ann.user_id ? echo_ : make_clone(whose.user_id, false));
    std::vector<persistence::RecordItem> items{session};
    for (int i = 0; i < turns; ++i) items.emplace_back(persistence::RecordedTurn{turn_of(session, i), {}});
    const auto written = recorder_db_.run([&](persistence::Transaction& t) { persistence::write_batch(t, items); });
    EXPECT_TRUE(written) << written.error().message;
    return session;
  }
};

TEST_F(Sessions, ShowTheirTurnsInOrderAndInPages) {
  const auto session = recorded(ann, 5);
  const Json first = get("/api/sessions/" + session.id + "/turns?limit=3", ann);
  EXPECT_EQ(first.at("count"), 3);
  EXPECT_EQ(first.at("turns")[2].at("turn_index"), 2);
  EXPECT_EQ(first.at("turns")[0].at("heard_response"), "answer 0");
  const Json second = get("/api/sessions/" + session.id + "/turns?cursor=" + percent_encoded(first.at("next_cursor")), ann);
  EXPECT_EQ(second.at("count"), 2);
  EXPECT_EQ(second.at("turns")[1].at("turn_index"), 4);
  EXPECT_TRUE(second.at("next_cursor").is_null());
  EXPECT_EQ(actions(), (std::vector<std::string>{"transcript.read 200", "transcript.read 200"}));
}

TEST_F(Sessions, OfOthersAreNotFound) {
  const auto session = recorded(bob, 1);
  EXPECT_EQ(code_of(get("/api/v1/sessions/" + session.id + "/turns", ann, 404)), "not_found");
  EXPECT_EQ(code_of(get("/api/v1/sessions/" + session.id + "/turns", nobody, 404)), "not_found");
  EXPECT_EQ(code_of(get("/api/v1/sessions/0192f0c1-0000-7000-8000-000000000002/turns", ann, 404)), "not_found");
  EXPECT_EQ(param_of(get("/api/v1/sessions/" + percent_encoded("x'; drop table users") + "/turns", ann, 400)), "id");
}

}  // namespace
}  // namespace repartee::test
