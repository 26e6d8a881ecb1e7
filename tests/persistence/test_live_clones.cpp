// What a live conversation meets of clones: traits of the owner, changes, what was said before.
#include "persistence/clone_directory.hpp"
#include "persistence/message_history.hpp"
#include "persistence/record_batch.hpp"
#include "tests/persistence/cluster_fixture.hpp"
#include "tests/support/manual_loop.hpp"

namespace repartee::persistence::test {
namespace {

using repartee::test::ManualLoop;

class LiveClones : public StoreTest {
 protected:
  Result<CloneRecord> find(const std::string& id, const std::string& user) {
    std::optional<Result<CloneRecord>> answer;
    directory.find(loop, id, user, [&](Result<CloneRecord> found) { answer = std::move(found); });
    EXPECT_TRUE(wait_until([&] {
      loop.run();
      return answer.has_value();
    }));
    return answer ? *answer : Error{Errc::internal, "no answer"};
  }
  void set_traits(const std::string& user, const std::vector<std::string>& traits) {
    const auto set = UserRepository(app_).update(user, Patch<User>().set<&User::personality_traits>(traits), user);
    ASSERT_TRUE(set) << set.error().message;
  }
  void rename(const std::string& id, const std::string& user, const std::string& persona) {
    ASSERT_TRUE(EchoRepository(app_).update(id, Patch<Echo>().set<&Echo::persona_prompt>(persona), user));
  }

  ManualLoop loop;
  EchoRepository echos{app_};
  CloneRecord standard = *echos.ensure_default({.name = "default", .persona_prompt = "You are the house."});
  StoredCloneDirectory directory{app_, standard, {}};
};

TEST_F(LiveClones, HaveTheirOwnersTraitsWhoeverTalks) {
  const auto mine = make_clone(user_, false), shared = make_clone(user_, true, "Grace");
  set_traits(user_, {"curious", "", "dry \"humour\"; '"});
  const std::string traits = "\nYour character: curious, dry \"humour\"; '.";
  EXPECT_EQ(find(mine, user_)->persona_prompt, "You are Ada" + traits);
  EXPECT_EQ(find(shared, make_user())->persona_prompt, "You are Grace" + traits);
  EXPECT_EQ(echos.find(mine, user_)->persona_prompt, "You are Ada");  // the row stays what its owner wrote
  EXPECT_EQ(find(make_clone(user_, false, "Eve"), user_)->persona_prompt, "You are Eve" + traits);
}

TEST_F(LiveClones, ShowNobodyTheTraitsBehindAPrivateOne) {
  const auto mine = make_clone(user_, false);
  set_traits(user_, {"shy"});
  const auto asked = [&](const std::string& as) {
    const auto rows = app_.run(
        [&](Transaction& t) {
          return t.exec({"test_traits", "SELECT clone_traits($1) AS v"}, Params(mine));
        },
        {.user_id = as});
    return rows && !rows->empty() ? (*rows)[0].text("v") : std::string("?");
  };
  EXPECT_EQ(asked(user_), "{shy}");
  EXPECT_EQ(asked(make_user()), "");
  EXPECT_EQ(asked(""), "");
}

TEST_F(LiveClones, TellWhoWatchesThem) {
  const auto id = make_clone(user_, false), other = make_clone(user_, false);
  int told = 0;
  auto watch = directory.watch(loop, id, [&] { ++told; });
  directory.forget(other);
  loop.run();
  EXPECT_EQ(told, 0);
  EXPECT_EQ(find(id, user_)->persona_prompt, "You are Ada");
  rename(id, user_, "You are Eve");
  EXPECT_EQ(find(id, user_)->persona_prompt, "You are Ada");  // remembered
  directory.forget(id);
  loop.run();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(find(id, user_)->persona_prompt, "You are Eve");
  directory.forget_all();
  loop.run();
  EXPECT_EQ(told, 2);
  directory.forget(id);
  watch.reset();  // before the loop got to it
  loop.run();
  EXPECT_EQ(told, 2);
}

TEST_F(LiveClones, TellOfTheDefaultCloneOnceItIsKnownAnew) {
  EXPECT_TRUE(wait_until([&] { return find("default", user_)->persona_prompt == standard.persona_prompt; }));
  std::vector<std::string> seen;
  auto watch = directory.watch(loop, standard.id, [&] {
    directory.find(loop, standard.id, user_, [&](Result<CloneRecord> clone) { seen.push_back(clone->persona_prompt); });
  });
  rename(standard.id, system_user_id, "You are the garden.");
  directory.forget(standard.id);
  EXPECT_TRUE(wait_until([&] {
    loop.run();
    return !seen.empty() && seen.back() == "You are the garden.";
  }));
  rename(standard.id, system_user_id, standard.persona_prompt);
}

TEST_F(LiveClones, RememberWhatWasSaidLast) {
  auto session = session_of(user_, echo_);
  session.started_at = session.last_active_at -= std::chrono::hours(1);
  std::vector<RecordItem> items{session};
  for (int i = 0; i < 3; ++i) items.emplace_back(RecordedTurn{turn_of(session, i), {}});
  ASSERT_TRUE(recorder_db_.run([&](Transaction& t) { write_batch(t, items); }));
  Message typed;
  typed.echo_id = echo_;
  for (const auto& [role, content] : {std::pair("tool", "4"), std::pair("user", "and in writing?")}) {
    typed.role = role;
    typed.content = content;
    ASSERT_TRUE(MessageRepository(app_).create(typed, user_));
  }
  MessageHistory history(app_, {.messages_max = 4});
  const auto recent = [&](const std::string& user) {
    std::optional<Result<std::vector<SaidBefore>>> answer;
    history.recent(loop, echo_, user, [&](auto said) { answer = std::move(said); });
    EXPECT_TRUE(wait_until([&] {
      loop.run();
      return answer.has_value();
    }));
    std::vector<std::string> texts;
    for (const auto& message : **answer) texts.push_back(message.role + ": " + message.content);
    return texts;
  };
  EXPECT_EQ(recent(user_),
            (std::vector<std::string>{"assistant: answer 1", "user: question 2", "assistant: answer 2", "user: and in writing?"}));
  EXPECT_TRUE(recent(make_user()).empty());
  ASSERT_TRUE(Repository<ConversationSession>(app_).remove(session.id, user_));
  EXPECT_EQ(recent(user_), (std::vector<std::string>{"user: and in writing?"}));
}

}  // namespace
}  // namespace repartee::persistence::test
