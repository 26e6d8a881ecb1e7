// The SQL of one table with the common shape, made from a description of its columns. Names come from the description only, values travel
// as parameters. Every statement also says whose rows it means, as the policies of access.sql do: that holds where a database gave us no
// roles. What it reads and writes here are texts as PostgreSQL takes them; table.hpp turns them into typed rows.
// Thread contract: immutable after construction, any thread; the functions block and throw DatabaseError, for Database::run to catch.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "persistence/database.hpp"

namespace repartee::persistence {

enum class Use {
  key,    // id
  owner,  // user_id
  fixed,  // given when the row is created, the same ever after
  open,   // may be changed
  made,   // by the database
};
struct ColumnSpec {
  const char* name;
  const char* type;  // PostgreSQL's
  Use use = Use::open;
  bool nullable = false;            // such a column cannot order a list
  const char* read = nullptr;       // SQL to read instead of the column itself
  const char* when_null = nullptr;  // SQL for a value that was left open when the row is created
};

enum class Writes { all, append, none };  // what the repository offers; none: the rows are the recorder's

struct TableSpec {
  const char* name;
  const char* public_when = nullptr;  // SQL: which rows everybody may read
  const char* alive = nullptr;        // SQL: which rows are there, besides deleted_at: those of a parent that is
  Writes writes = Writes::all;
};

enum class Whose { visible, own, others };  // one's own and public rows; one's own; public ones of others
enum class Deleted { no, only, both };      // other than `no`: one's own only
enum class Is { equal, not_equal, less, at_most, greater, at_least, one_of, null, not_null };

struct Condition {
  std::size_t column = 0;
  Is is = Is::equal;
  std::string value;  // unused by null, not_null; an array's text for one_of
};
struct Selection {
  std::vector<Condition> conditions;
  Whose whose = Whose::visible;
  Deleted deleted = Deleted::no;
};
struct Sorting {
  std::size_t column = 0;
  bool descending = true;
};

constexpr std::size_t page_rows_max = 200;
constexpr std::size_t batch_rows_max = 1000;
constexpr std::size_t conditions_max = 16;

class TableSql {
 public:
  using Cells = std::vector<std::optional<std::string>>;  // one for each column, in their order

  TableSql(TableSpec table, bool soft_delete, std::vector<ColumnSpec> columns);  // soft_delete: it has deleted_at

  Rows find(Transaction& transaction, const std::string& id) const;
  Rows select(Transaction& transaction, const Selection& selection, std::size_t limit) const;  // by id
  // Up to `limit` rows after `cursor` (empty: from the start); `next_cursor` is set when more follow.
  Rows page(Transaction& transaction, const Selection& selection, const Sorting& sorting, const std::string& cursor, std::size_t limit,
            std::string& next_cursor) const;
  std::int64_t count(Transaction& transaction, const Selection& selection) const;
  bool exists(Transaction& transaction, const Selection& selection) const;

  Rows insert(Transaction& transaction, std::span<const Cells> rows) const;
  // `changed`: which cells count. With `expected` only a row that was last updated then: conflict otherwise. Answers the new row.
  Rows update(Transaction& transaction, const std::string& id, const Cells& cells, const std::vector<bool>& changed,
              std::optional<WallTime> expected) const;
  void remove(Transaction& transaction, const std::string& id) const;
  void restore(Transaction& transaction, const std::string& id) const;
  void hard_delete(Transaction& transaction, const std::string& id) const;

  // For what the common shape has no words for: "SELECT <columns> FROM <table> " and the tail, which is code, never input.
  Rows select_tail(Transaction& transaction, const char* tail, const Params& params) const;
  const TableSpec& spec() const { return table_; }
  bool soft_delete() const { return soft_delete_; }
  const std::vector<ColumnSpec>& columns() const { return columns_; }
  std::size_t owner_column() const { return owner_; }  // for users their id

 private:
  struct Text {
    std::string name, sql;
    Statement statement() const { return {name.c_str(), sql.c_str()}; }
  };
  struct Where {
    std::string sql;
    Params params;
  };
  Text text(std::string sql) const;  // named by its digest, so that one name always means one statement
  Where where(const Selection& selection) const;
  std::string whose(Whose whose) const;
  std::string alive(Deleted deleted) const;
  std::string insert_sql() const;
  std::string update_sql() const;
  void must_write(Writes at_least) const;
  void change_one(Transaction& transaction, const Text& change, const std::string& id) const;

  const TableSpec table_;
  const bool soft_delete_;
  const std::vector<ColumnSpec> columns_;
  std::size_t key_ = 0, owner_ = 0;
  std::string own_, visible_, select_list_, from_;
  Text find_, insert_, update_, remove_, restore_, hard_delete_;
};

}  // namespace repartee::persistence
