// The shape that all repositories have, tried with every aggregate.
#include <set>

#include "tests/persistence/samples.hpp"

namespace repartee::persistence::test {
namespace {

template <class R>
class RepositoryShape : public SamplesTest {
 protected:
  static constexpr bool of_users = std::is_same_v<R, User>;  // one visible row a user
  Writes writes() const { return R::table().sql().spec().writes; }

  // A change to its first open text column that any table takes.
  static Patch<R> harmless_change() {
    Patch<R> patch;
    if constexpr (requires { &R::name; }) patch.template set<&R::name>("Another");
    else if constexpr (requires { &R::error; }) patch.template set<&R::error>("Another");
    else if constexpr (requires { &R::first_name; }) patch.template set<&R::first_name>("Another");
    else if constexpr (requires { &R::user_agent; }) patch.template set<&R::user_agent>("Another");
    else if constexpr (requires { &R::metadata_json; }) patch.template set<&R::metadata_json>(R"({"a": 1})");
    else if constexpr (requires { &R::model; }) patch.template set<&R::model>("Another");
    else if constexpr (requires { &R::token_count; }) patch.template set<&R::token_count>(99);
    else if constexpr (requires { &R::end_times; }) patch.template set<&R::end_times>({5, 6});
    return patch;
  }
  static void expect_same(const R& a, const R& b, const std::set<std::string>& but = {}) {
    for (const auto& column : R::table().columns())
      if (!but.contains(column.spec.name)) { EXPECT_EQ(column.encode(a), column.encode(b)) << column.spec.name; }
  }
  static std::set<std::string> changed_columns(const Patch<R>& patch) {
    std::set<std::string> names{"updated_at"};
    for (std::size_t i = 0; i < patch.changed().size(); ++i)
      if (patch.changed()[i]) names.insert(R::table().columns()[i].spec.name);
    return names;
  }

  Repository<R> repository_{app_};
};

using Aggregates = ::testing::Types<User, AuthSession, ApiKey, Subscription, UsageMetric, Echo, Message, ConversationSession,
                                    ConversationTurn, VoiceSample, VoiceEmbedding, VoiceModel, FaceModel, KnowledgeDocument, KnowledgeChunk,
                                    SynthesisJob, AudioFile, AudioAlignment, GenerationHistory>;
struct TableName {
  template <class R>
  static std::string GetName(int) {
    return R::table().sql().spec().name;
  }
};
TYPED_TEST_SUITE(RepositoryShape, Aggregates, TableName);

TYPED_TEST(RepositoryShape, FindsWhatWasCreated) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  EXPECT_TRUE(is_uuid(row.id));
  EXPECT_NE(row.created_at, WallTime{});
  const auto found = this->repository_.find_by_id(row.id, this->user_);
  ASSERT_TRUE(found) << found.error().message;
  this->expect_same(row, *found);
  EXPECT_EQ(this->repository_.find_one(this->template id_is<R>(row.id), this->user_)->id, row.id);
  EXPECT_EQ(this->repository_.find_by_id(new_uuid(), this->user_).error().code, Errc::not_found);
  EXPECT_EQ(this->repository_.find_by_id("no id' OR true --", this->user_).error().code, Errc::not_found);
}

TYPED_TEST(RepositoryShape, StoresEveryColumnAsItWasGiven) {
  using R = TypeParam;
  if constexpr (!std::is_same_v<R, ConversationSession> && !std::is_same_v<R, ConversationTurn>) {
    const auto user = this->of_users ? new_uuid() : this->user_;
    const auto given = this->template sample<R>(user);
    const auto row = this->created(given, user);
    for (const auto& column : R::table().columns()) {
      const auto cell = column.encode(given);
      if (column.spec.use == Use::made || !cell || cell->empty() || std::string(column.spec.type) == "jsonb") continue;
      EXPECT_EQ(cell, column.encode(row)) << column.spec.name;
    }
  } else {
    EXPECT_EQ(this->repository_.create(R(), this->user_).error().code, Errc::permission_denied) << "it is the recorder's";
  }
}

TYPED_TEST(RepositoryShape, ChangesOnlyWhatAPatchSays) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  const auto patch = this->harmless_change();
  if (this->writes() != Writes::all) {
    EXPECT_EQ(this->repository_.update(row.id, patch, this->user_).error().code, Errc::permission_denied);
    return;
  }
  const auto updated = this->repository_.update(row.id, patch, this->user_);
  ASSERT_TRUE(updated) << updated.error().message;
  this->expect_same(row, *updated, this->changed_columns(patch));
  for (const auto& name : this->changed_columns(patch)) EXPECT_NE(cell_of(row, name), cell_of(*updated, name)) << name;
  this->expect_same(*updated, *this->repository_.find_by_id(row.id, this->user_));
  EXPECT_EQ(this->repository_.update(new_uuid(), patch, this->user_).error().code, Errc::not_found);
}

TYPED_TEST(RepositoryShape, RefusesAChangeOfARowThatChangedMeanwhile) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  const auto patch = this->harmless_change();
  if (this->writes() != Writes::all) {
    EXPECT_EQ(this->repository_.update(row.id, patch, this->user_, row.updated_at).error().code, Errc::permission_denied);
    return;
  }
  const auto first = this->repository_.update(row.id, patch, this->user_, row.updated_at);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(this->repository_.update(row.id, patch, this->user_, row.updated_at).error().code, Errc::conflict);
  EXPECT_TRUE(this->repository_.update(row.id, patch, this->user_, first->updated_at));
  EXPECT_EQ(this->repository_.update(new_uuid(), patch, this->user_, row.updated_at).error().code, Errc::not_found);
}

TYPED_TEST(RepositoryShape, RemovesSoftlyWhereItCanAndRestores) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  const auto filter = this->template id_is<R>(row.id);
  auto with_deleted = filter;
  with_deleted.deleted(Deleted::only);
  ASSERT_TRUE(this->repository_.remove(row.id, this->user_));
  EXPECT_EQ(this->repository_.find_by_id(row.id, this->user_).error().code, Errc::not_found);
  EXPECT_EQ(*this->repository_.count(filter, this->user_), 0);
  EXPECT_FALSE(*this->repository_.exists(filter, this->user_));
  EXPECT_EQ(this->repository_.remove(row.id, this->user_).error().code, Errc::not_found) << "a second time";
  EXPECT_EQ(*this->repository_.count(with_deleted, this->user_), soft_deleted<R> ? 1 : 0);
  if (!soft_deleted<R>) {
    EXPECT_EQ(this->repository_.restore(row.id, this->user_).error().code, Errc::conflict);
    return;
  }
  ASSERT_TRUE(this->repository_.restore(row.id, this->user_));
  EXPECT_EQ(this->repository_.restore(row.id, this->user_).error().code, Errc::not_found);
  const auto again = this->repository_.find_by_id(row.id, this->user_);
  ASSERT_TRUE(again);
  this->expect_same(row, *again, {"updated_at"});
}

TYPED_TEST(RepositoryShape, DeletesForGoodAlsoWhatWasRemovedSoftly) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  if (soft_deleted<R>) { ASSERT_TRUE(this->repository_.remove(row.id, this->user_)); }
  const auto gone = this->repository_.hard_delete(row.id, this->user_);
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(*this->repository_.count(this->template id_is<R>(row.id).deleted(Deleted::both), this->user_), 0);
  EXPECT_EQ(this->repository_.hard_delete(row.id, this->user_).error().code, Errc::not_found);
}

TYPED_TEST(RepositoryShape, PagesThroughEveryRowOnceWhileOthersComeIn) {
  using R = TypeParam;
  if (this->of_users) {
    const auto page = this->repository_.find_many(Filter<R>(), this->user_, {}, "", 1);
    EXPECT_TRUE(page && page->rows.size() == 1 && page->next_cursor.empty()) << "a user sees one";
    return;
  }
  std::set<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.insert(this->template stored<R>(this->user_).id);
  Filter<R> filter;
  filter.own();
  for (const bool descending : {true, false}) {
    const auto order = Order<R>::template by<&R::created_at>(descending);
    std::multiset<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
      const auto page = this->repository_.find_many(filter, this->user_, order, cursor, 2);
      ASSERT_TRUE(page) << page.error().message;
      EXPECT_LE(page->rows.size(), 2u);
      for (const auto& row : page->rows) seen.insert(row.id);
      cursor = page->next_cursor;
      if (pages++ < 3) this->template stored<R>(this->user_);
      ASSERT_LT(pages, 20);
    } while (!cursor.empty());
    for (const auto& id : ids) EXPECT_EQ(seen.count(id), 1u) << (descending ? "newest first" : "oldest first");
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << "none twice";
  }
}

TYPED_TEST(RepositoryShape, ReadsAPageInOneStatementHoweverManyRows) {
  using R = TypeParam;
  for (int i = 0; i < (this->of_users ? 1 : 4); ++i) this->template stored<R>(this->user_);
  Database::Options options;
  options.log_sql = true;
  Metrics metrics;
  Database logged(this->cluster_.targets().app, options, metrics);
  ASSERT_TRUE(logged.ping());
  ::testing::internal::CaptureStderr();
  const auto page = Repository<R>(logged).find_many(Filter<R>().own(), this->user_);
  const auto lines = ::testing::internal::GetCapturedStderr();
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_GE(page->rows.size(), this->of_users ? 1u : 4u);
  std::size_t statements = 0;
  for (std::size_t at = 0; (at = lines.find("sql: ", at)) != std::string::npos; ++at) ++statements;
  EXPECT_EQ(statements, 1u) << lines;
}

TYPED_TEST(RepositoryShape, RefusesACursorItDidNotMake) {
  using R = TypeParam;
  using Orders = Order<R>;
  for (const char* cursor : {"x", "!!!", "Y3JlYXRlZF9hdCBkb3duCg", "' OR true --"})
    EXPECT_EQ(this->repository_.find_many({}, this->user_, {}, cursor).error().code, Errc::invalid_argument) << cursor;
  EXPECT_EQ(this->repository_.find_many({}, this->user_, {}, std::string(100'000, 'A')).error().code, Errc::invalid_argument);
  if (this->of_users) return;
  this->template stored<R>(this->user_), this->template stored<R>(this->user_);
  const auto page = this->repository_.find_many(Filter<R>().own(), this->user_, {}, "", 1);
  ASSERT_TRUE(page);
  ASSERT_FALSE(page->next_cursor.empty());
  const auto other_order =
      this->repository_.find_many(Filter<R>().own(), this->user_, Orders::template by<&R::created_at>(false), page->next_cursor);
  EXPECT_EQ(other_order.error().code, Errc::invalid_argument) << "it is a place in another order";
}

TYPED_TEST(RepositoryShape, HidesEverythingOfAnother) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  for (const auto& stranger : {this->make_user(), std::string()}) {
    EXPECT_EQ(this->repository_.find_by_id(row.id, stranger).error().code, Errc::not_found);
    EXPECT_EQ(*this->repository_.count(this->template id_is<R>(row.id).deleted(Deleted::both), stranger), 0);
    for (const auto whose : {Whose::visible, Whose::own, Whose::others})
      EXPECT_FALSE(*this->repository_.exists(this->template id_is<R>(row.id).whose(whose), stranger));
    EXPECT_EQ(this->repository_.remove(row.id, stranger).error().code, Errc::not_found);
    EXPECT_EQ(this->repository_.hard_delete(row.id, stranger).error().code, Errc::not_found);
    if (this->writes() == Writes::all) {
      EXPECT_EQ(this->repository_.update(row.id, this->harmless_change(), stranger).error().code, Errc::not_found);
    }
    if (this->writes() != Writes::none) {
      EXPECT_EQ(this->repository_.create(row, stranger).error().code, Errc::permission_denied) << "in another's name";
    }
    if (soft_deleted<R>) { EXPECT_EQ(this->repository_.restore(row.id, stranger).error().code, Errc::not_found); }
  }
  this->expect_same(row, *this->repository_.find_by_id(row.id, this->user_));
}

// The same without the repository's own conditions: what is left is row-level security.
TYPED_TEST(RepositoryShape, IsGuardedByTheDatabaseItself) {
  using R = TypeParam;
  const auto row = this->template stored<R>(this->user_);
  const std::string table = R::table().sql().spec().name;
  const auto affected = [&](const std::string& as, const std::string& sql, const Params& params) {
    const auto name = "raw_" + new_uuid();
    return this->app_.run([&](Transaction& t) { return t.exec({name.c_str(), sql.c_str()}, params).affected(); }, {.user_id = as});
  };
  const std::string touched = std::is_same_v<R, ConversationSession> ? "deleted_at" : "updated_at";
  for (const auto& stranger : {this->make_user(), std::string()}) {
    EXPECT_EQ(*affected(stranger, "SELECT FROM " + table + " WHERE id = $1", Params(row.id)), 0u);
    const auto updated = affected(stranger, "UPDATE " + table + " SET " + touched + " = now() WHERE id = $1", Params(row.id));
    EXPECT_TRUE(updated ? *updated == 0 : updated.error().code != Errc::ok) << table;
    EXPECT_EQ(*affected(stranger, "DELETE FROM " + table + " WHERE id = $1", Params(row.id)), 0u);
    if (this->writes() == Writes::none) continue;
    auto copy = row;
    copy.id = new_uuid();
    TableSql::Cells cells;
    for (const auto& column : R::table().columns()) cells.push_back(column.encode(copy));
    const auto inserted =
        this->app_.run([&](Transaction& t) { R::table().sql().insert(t, std::vector<TableSql::Cells>{cells}); }, {.user_id = stranger});
    EXPECT_EQ(inserted.error().code, Errc::permission_denied) << inserted.error().message;
  }
  if (!this->of_users) {
    const auto given_away = affected(this->user_, "UPDATE " + table + " SET user_id = $1 WHERE id = $2", Params(this->make_user(), row.id));
    EXPECT_EQ(given_away.error().code, Errc::permission_denied) << given_away.error().message;
  }
  this->expect_same(row, *this->repository_.find_by_id(row.id, this->user_));
}

TYPED_TEST(RepositoryShape, TakesTextLiterallyOrNotAtAll) {
  using R = TypeParam;
  if constexpr (!std::is_same_v<R, ConversationSession> && !std::is_same_v<R, ConversationTurn>) {
    const std::set<std::string> bounded{"username",      "subscription_tier", "plan",        "status",          "role",
                                        "format",        "checksum",          "distance",    "refresh_hash",    "key_hash",
                                        "output_format", "text_hash",         "granularity", "knowledge_scope", "visibility"};
    for (const auto& column : R::table().columns()) {
      const std::string name = column.spec.name, type = column.spec.type;
      if (column.spec.use == Use::made || (type != "text" && type != "text[]") || name == "visibility") continue;
      const auto user = this->of_users ? new_uuid() : this->user_;
      const auto row = this->template sample<R>(user);
      const auto as_cell = [&](const std::string& text) {
        return type == "text" ? text : array_text(std::vector<std::string>{text, "", "NULL"});
      };
      const auto hostile = as_cell("x'); DROP TABLE users; -- \"$1\" \\ {a,\"b\",NULL} %s \t\n\xf0\x9f\x98\x80 " + new_uuid());
      auto wide = with(row, name, hostile);
      if constexpr (requires { &R::start_times; }) wide.start_times = wide.end_times = std::vector<float>(wide.units.size());
      const auto made = this->repository_.create(wide, user);
      if (bounded.contains(name)) EXPECT_EQ(made.error().code, Errc::invalid_argument) << name;
      else if (made) EXPECT_EQ(cell_of(*made, name), hostile) << name;
      else ADD_FAILURE() << name << ": " << made.error().message;
      for (const auto& bad : {std::string("a\0b", 3), std::string("a\xff\xfe"), std::string("\xed\xa0\x80")})
        EXPECT_EQ(this->repository_.create(with(row, name, as_cell(bad)), user).error().code, Errc::invalid_argument) << name;
    }
  }
}

}  // namespace
}  // namespace repartee::persistence::test
