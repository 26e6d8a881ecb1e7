// The shape all repositories have. Each function works as `user_id`, in a transaction of its own: it sees that user's rows and public
// ones, and changes only the user's. An empty user_id sees public rows only. For several steps in one transaction use R::table() inside
// Database::run.
// Errors: not_found, also for what is another's; conflict for what is unique or was changed meanwhile; invalid_argument for values the
// table refuses; permission_denied; and those of Database::run.
// Thread contract: any thread; blocking.
#pragma once
#include "persistence/repositories/query.hpp"

namespace repartee::persistence {

template <class R>
class Repository {
 public:
  explicit Repository(Database& database) : database_(database) {}

  Result<R> find_by_id(const std::string& id, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { return R::table().find(t, id); });
  }
  Result<R> find_one(const Filter<R>& filter, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { return R::table().find_one(t, filter); });
  }
  // `cursor`: the next_cursor of the page before. At most page_rows_max rows.
  Result<Page<R>> find_many(const Filter<R>& filter, const std::string& user_id, const Order<R>& order = {}, const std::string& cursor = "",
                            std::size_t limit = 50) {
    return as(user_id, [&](Transaction& t) { return R::table().find_many(t, filter, order, cursor, limit); });
  }
  Result<std::int64_t> count(const Filter<R>& filter, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { return R::table().count(t, filter); });
  }
  Result<bool> exists(const Filter<R>& filter, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { return R::table().exists(t, filter); });
  }
  // Answers the row as it stands. An id is made when `row` has none; its owner must be `user_id`, or open.
  Result<R> create(const R& row, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { return R::table().create(t, row, user_id); });
  }
  // One statement, all or none, at most batch_rows_max.
  Result<std::vector<R>> create_many(const std::vector<R>& rows, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { return R::table().create_many(t, rows, user_id); });
  }
  // With `expected` only a row whose updated_at is still that one: conflict otherwise.
  Result<R> update(const std::string& id, const Patch<R>& patch, const std::string& user_id,
                   std::optional<WallTime> expected = std::nullopt) {
    return as(user_id, [&](Transaction& t) { return R::table().update(t, id, patch, expected); });
  }
  // Softly where the table has deleted_at, and restore brings it back; else for good.
  Status remove(const std::string& id, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { R::table().remove(t, id); });
  }
  Status restore(const std::string& id, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { R::table().restore(t, id); });
  }
  // The row and what hangs on it, removed softly before or not.
  Status hard_delete(const std::string& id, const std::string& user_id) {
    return as(user_id, [&](Transaction& t) { R::table().hard_delete(t, id); });
  }

 protected:
  template <class F>
  auto as(const std::string& user_id, F&& work) {
    return database_.run(std::forward<F>(work), {.user_id = user_id});
  }

  Database& database_;
};

}  // namespace repartee::persistence
