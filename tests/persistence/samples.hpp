// A valid row of every aggregate, for tests that try the same with all of them. Parents are made as they are needed.
#pragma once
#include "persistence/echo_repository.hpp"
#include "persistence/record_batch.hpp"
#include "persistence/repositories/knowledge.hpp"
#include "persistence/repositories/synthesis.hpp"
#include "persistence/repositories/voices.hpp"
#include "persistence/session_repository.hpp"
#include "tests/persistence/cluster_fixture.hpp"

namespace repartee::persistence::test {

inline const std::string some_sha256(64, 'a');
std::string new_sha256();  // another one each time

// The row with one column set from PostgreSQL's text of it.
template <class R>
R with(R row, const std::string& name, const Cell& text) {
  const Rows one(RowsData{{name}, {text}, 0});
  for (const auto& column : R::table().columns())
    if (column.spec.name == name) {
      column.decode(row, one[0], column.spec.name);
      return row;
    }
  ADD_FAILURE() << R::table().sql().spec().name << " has no column " << name;
  return row;
}

template <class R>
Cell cell_of(const R& row, const std::string& name) {
  for (const auto& column : R::table().columns())
    if (column.spec.name == name) return column.encode(row);
  ADD_FAILURE() << "no column " << name;
  return {};
}

class SamplesTest : public StoreTest {
 protected:
  // A row that `user` may create, with what it hangs on already there.
  template <class R>
  R sample(const std::string& user) {
    R row;
    fill(row, user);
    return row;
  }
  // One that is there. Of users it is the user's own; sessions and turns come from the recorder.
  template <class R>
  R stored(const std::string& user) {
    if constexpr (std::is_same_v<R, User>) return stored_user(user);
    else if constexpr (std::is_same_v<R, ConversationSession>) return recorded_session(user);
    else if constexpr (std::is_same_v<R, ConversationTurn>) return recorded_turn(user);
    else return created(sample<R>(user), user);
  }
  template <class R>
  R created(const R& row, const std::string& user) {
    auto made = Repository<R>(app_).create(row, user);
    EXPECT_TRUE(made) << R::table().sql().spec().name << ": " << made.error().message;
    return made ? *made : row;
  }
  User stored_user(const std::string& user);
  ConversationSession recorded_session(const std::string& user);
  ConversationTurn recorded_turn(const std::string& user);

  template <class R>
  static Filter<R> id_is(const std::string& id) {
    return Filter<R>().template where<&R::id>(id);
  }

 private:
  void fill(User& row, const std::string& user);
  void fill(AuthSession& row, const std::string&);
  void fill(ApiKey& row, const std::string&);
  void fill(Subscription& row, const std::string&);
  void fill(UsageMetric& row, const std::string&);
  void fill(Echo& row, const std::string&);
  void fill(Message& row, const std::string& user);
  void fill(VoiceSample& row, const std::string&);
  void fill(VoiceEmbedding& row, const std::string& user);
  void fill(VoiceModel& row, const std::string& user);
  void fill(FaceModel& row, const std::string&);
  void fill(KnowledgeDocument& row, const std::string& user);
  void fill(KnowledgeChunk& row, const std::string& user);
  void fill(SynthesisJob& row, const std::string& user);
  void fill(AudioFile& row, const std::string& user);
  void fill(AudioAlignment& row, const std::string& user);
  void fill(GenerationHistory& row, const std::string& user);
};

}  // namespace repartee::persistence::test
