#include "persistence/repositories/table_sql.hpp"

#include <algorithm>

#include "core/ids.hpp"
#include "persistence/digest.hpp"
#include "persistence/repositories/array_text.hpp"
#include "persistence/repositories/cursor.hpp"

namespace repartee::persistence {
namespace {

constexpr std::size_t digest_chars = 16;  // of a statement's name; PostgreSQL tells names apart by 63 characters

std::string parameter(const Params& params) { return "$" + std::to_string(params.values().size()); }

const char* sign_of(Is is) {
  switch (is) {
    case Is::not_equal: return " <> ";
    case Is::less: return " < ";
    case Is::at_most: return " <= ";
    case Is::greater: return " > ";
    case Is::at_least: return " >= ";
    default: return " = ";
  }
}

std::string order_name(const ColumnSpec& column, bool descending) { return std::string(column.name) + (descending ? " down" : " up"); }

}  // namespace

TableSql::TableSql(TableSpec table, bool soft_delete, std::vector<ColumnSpec> columns)
    : table_(table), soft_delete_(soft_delete), columns_(std::move(columns)) {
  const auto first = [&](Use use) {
    return std::find_if(columns_.begin(), columns_.end(), [&](const ColumnSpec& c) { return c.use == use; }) - columns_.begin();
  };
  key_ = static_cast<std::size_t>(first(Use::key));
  owner_ = std::min(static_cast<std::size_t>(first(Use::owner)), columns_.size());
  if (owner_ == columns_.size()) owner_ = key_;
  own_ = std::string(columns_[owner_].name) + " = app_user_id()";
  visible_ = table_.public_when ? "(" + own_ + " OR (" + table_.public_when + "))" : own_;
  for (const auto& column : columns_) {
    if (!select_list_.empty()) select_list_ += ", ";
    select_list_ += column.read ? std::string(column.read) + " AS " + column.name : column.name;
  }
  from_ = "SELECT " + select_list_ + " FROM " + table_.name + " ";
  const std::string one = std::string(" WHERE id = $1::uuid AND ") + own_, name = table_.name;
  find_ = text(from_ + "WHERE id = $1::uuid AND " + visible_ + alive(Deleted::no));
  insert_ = text(insert_sql());
  update_ = text(update_sql());
  hard_delete_ = text("DELETE FROM " + name + one);
  remove_ = soft_delete_ ? text("UPDATE " + name + " SET deleted_at = now()" + one + " AND deleted_at IS NULL") : hard_delete_;
  if (soft_delete_) restore_ = text("UPDATE " + name + " SET deleted_at = NULL" + one + " AND deleted_at IS NOT NULL");
}

TableSql::Text TableSql::text(std::string sql) const {
  return {std::string(table_.name) + "_" + sha256_hex(sql).substr(0, digest_chars), std::move(sql)};
}

std::string TableSql::whose(Whose whose) const {
  if (whose == Whose::own) return own_;
  if (whose == Whose::visible) return visible_;
  return table_.public_when ? std::string("(") + table_.public_when + ") AND NOT coalesce(" + own_ + ", false)" : "false";
}

std::string TableSql::alive(Deleted deleted) const {
  std::string sql = table_.alive ? std::string(" AND ") + table_.alive : "";
  if (deleted != Deleted::no) sql += " AND " + own_;
  if (!soft_delete_) return deleted == Deleted::only ? sql + " AND false" : sql;
  if (deleted == Deleted::no) sql += " AND deleted_at IS NULL";
  if (deleted == Deleted::only) sql += " AND deleted_at IS NOT NULL";
  return sql;
}

// All values of a column travel as one text[]: one statement, whatever the number of rows.
std::string TableSql::insert_sql() const {
  std::string names, values, aliases, arrays;
  int number = 0;
  for (const auto& column : columns_) {
    if (column.use == Use::made) continue;
    const std::string comma = number == 0 ? "" : ", ", alias = "c" + std::to_string(++number);
    const std::string value = "u." + alias + "::" + column.type;
    names += comma + column.name;
    values += comma + (column.when_null ? "coalesce(" + value + ", " + column.when_null + ")" : value);
    aliases += comma + alias;
    arrays += comma + "$" + std::to_string(number) + "::text[]";
  }
  return std::string("INSERT INTO ") + table_.name + " (" + names + ") SELECT " + values + " FROM unnest(" + arrays +
         ") WITH ORDINALITY AS u(" + aliases + ", n) ORDER BY u.n RETURNING " + select_list_;
}

// One statement for every set of changes: each column comes as whether it changes, and its value.
std::string TableSql::update_sql() const {
  std::string sets;
  int number = 2;
  for (const auto& column : columns_) {
    if (column.use != Use::open) continue;
    const std::string changes = "$" + std::to_string(++number), value = "$" + std::to_string(++number);
    sets += (sets.empty() ? "" : ", ") + std::string(column.name) + " = CASE WHEN " + changes + "::boolean THEN " + value +
            "::" + column.type + " ELSE " + column.name + " END";
  }
  return std::string("UPDATE ") + table_.name + " SET " + sets + " WHERE id = $1::uuid AND " + own_ + alive(Deleted::no) +
         " AND ($2::timestamptz IS NULL OR updated_at = $2) RETURNING " + select_list_;
}

TableSql::Where TableSql::where(const Selection& selection) const {
  if (selection.conditions.size() > conditions_max) throw DatabaseError(Errc::invalid_argument, "too many conditions");
  Where where{"WHERE " + whose(selection.whose) + alive(selection.deleted), Params()};
  for (const auto& condition : selection.conditions) {
    const auto& column = columns_.at(condition.column);
    where.sql += std::string(" AND ") + (column.read ? column.read : column.name);
    if (condition.is == Is::null || condition.is == Is::not_null) {
      where.sql += condition.is == Is::null ? " IS NULL" : " IS NOT NULL";
      continue;
    }
    where.params.add(condition.value);
    if (condition.is == Is::one_of) where.sql += " = ANY (" + parameter(where.params) + "::text[]::" + column.type + "[])";
    else where.sql += sign_of(condition.is) + parameter(where.params) + "::" + column.type;
  }
  return where;
}

Rows TableSql::find(Transaction& transaction, const std::string& id) const {
  if (!is_uuid(id)) return {};
  return transaction.exec(find_.statement(), Params(id));
}

Rows TableSql::select(Transaction& transaction, const Selection& selection, std::size_t limit) const {
  auto w = where(selection);
  w.params.add(std::min(limit, page_rows_max));
  return transaction.exec(text(from_ + w.sql + " ORDER BY id LIMIT " + parameter(w.params)).statement(), w.params);
}

Rows TableSql::page(Transaction& transaction, const Selection& selection, const Sorting& sorting, const std::string& cursor,
                    std::size_t limit, std::string& next_cursor) const {
  const auto& by = columns_.at(sorting.column);
  if (by.nullable || by.read) throw DatabaseError(Errc::internal, std::string("no list is ordered by ") + by.name);
  const auto order = order_name(by, sorting.descending);
  const std::string direction = sorting.descending ? " DESC" : " ASC";
  limit = std::clamp<std::size_t>(limit, 1, page_rows_max);
  auto w = where(selection);
  if (!cursor.empty()) {
    const auto after = decode_cursor(order, cursor);
    if (!after) throw DatabaseError(after.error().code, after.error().message);
    w.params.add(after->value);
    w.sql += std::string(" AND (") + by.name + ", id) " + (sorting.descending ? "<" : ">") + " (" + parameter(w.params) + "::" + by.type;
    w.params.add(after->id);
    w.sql += ", " + parameter(w.params) + "::uuid)";
  }
  w.params.add(limit + 1);  // one more tells whether there is a next page
  const auto sql = from_ + w.sql + " ORDER BY " + by.name + direction + ", id" + direction + " LIMIT " + parameter(w.params);
  auto rows = transaction.exec(text(sql).statement(), w.params);
  next_cursor.clear();
  if (rows.size() <= limit) return rows;
  const auto last = rows[limit - 1];
  next_cursor = encode_cursor(order, {last.text(by.name), last.text("id")});
  return rows;
}

std::int64_t TableSql::count(Transaction& transaction, const Selection& selection) const {
  const auto w = where(selection);
  return transaction.exec(text(std::string("SELECT count(*) AS n FROM ") + table_.name + " " + w.sql).statement(), w.params)[0].integer(
      "n");
}

bool TableSql::exists(Transaction& transaction, const Selection& selection) const {
  const auto w = where(selection);
  const auto sql = std::string("SELECT EXISTS (SELECT FROM ") + table_.name + " " + w.sql + ") AS there";
  return transaction.exec(text(sql).statement(), w.params)[0].boolean("there");
}

void TableSql::must_write(Writes at_least) const {
  if (table_.writes == Writes::all || table_.writes == at_least) return;
  throw DatabaseError(
      Errc::permission_denied,
      std::string(table_.name) + (table_.writes == Writes::none ? " is written by the recorder only" : " is not changed, only added to"));
}

Rows TableSql::insert(Transaction& transaction, std::span<const Cells> rows) const {
  must_write(Writes::append);
  if (rows.empty()) return {};
  if (rows.size() > batch_rows_max) throw DatabaseError(Errc::invalid_argument, "too many rows at once");
  Params params;
  std::vector<std::optional<std::string>> values(rows.size());
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    if (columns_[column].use == Use::made) continue;
    for (std::size_t row = 0; row < rows.size(); ++row) values[row] = rows[row][column];
    params.add(array_text(values));
  }
  return transaction.exec(insert_.statement(), params);
}

Rows TableSql::update(Transaction& transaction, const std::string& id, const Cells& cells, const std::vector<bool>& changed,
                      std::optional<WallTime> expected) const {
  must_write(Writes::all);
  if (!is_uuid(id)) return {};
  Params params(id, expected);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (changed[i] && columns_[i].use != Use::open)
      throw DatabaseError(Errc::invalid_argument, std::string(columns_[i].name) + " cannot be changed");
    if (columns_[i].use != Use::open) continue;
    params.add(static_cast<bool>(changed[i]));
    params.add(changed[i] ? cells[i] : std::optional<std::string>());
  }
  auto rows = transaction.exec(update_.statement(), params);
  if (rows.empty() && expected && !find(transaction, id).empty())
    throw DatabaseError(Errc::conflict, std::string("the row of ") + table_.name + " was changed meanwhile");
  return rows;
}

void TableSql::change_one(Transaction& transaction, const Text& change, const std::string& id) const {
  if (!is_uuid(id) || transaction.exec(change.statement(), Params(id)).affected() == 0)
    throw DatabaseError(Errc::not_found, std::string("there is no such row in ") + table_.name);
}

void TableSql::remove(Transaction& transaction, const std::string& id) const { change_one(transaction, remove_, id); }
void TableSql::hard_delete(Transaction& transaction, const std::string& id) const { change_one(transaction, hard_delete_, id); }

void TableSql::restore(Transaction& transaction, const std::string& id) const {
  if (!soft_delete_) throw DatabaseError(Errc::conflict, std::string("what is removed from ") + table_.name + " is gone");
  change_one(transaction, restore_, id);
}

Rows TableSql::select_tail(Transaction& transaction, const char* tail, const Params& params) const {
  return transaction.exec(text(from_ + tail).statement(), params);
}

}  // namespace repartee::persistence
