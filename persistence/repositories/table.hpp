// A table as typed rows: R is a plain struct, its columns are named once, each with the member that holds it (see voices.cpp for one to
// follow). The operations work inside a transaction, so that several of them, of several tables, succeed or fail together; repository.hpp
// has each of them as a transaction of its own.
// Thread contract: immutable, any thread; the operations block and throw DatabaseError.
#pragma once
#include <type_traits>
#include <utility>

#include "core/ids.hpp"
#include "persistence/repositories/codec.hpp"
#include "persistence/repositories/table_sql.hpp"

namespace repartee::persistence {

template <auto Member>
inline constexpr char member_tag = 0;  // its address tells members apart

template <class R>
struct Column {
  ColumnSpec spec;
  const void* tag;
  Cell (*encode)(const R&);
  void (*decode)(R&, const Row&, const char* column);

  Column or_else(const char* sql) && {  // what the database puts in when the value was left open
    spec.when_null = sql;
    return *this;
  }
  Column reading(const char* sql) && {  // SQL to read instead of the column
    spec.read = sql;
    return *this;
  }
};

template <class R>
inline constexpr bool soft_deleted = requires {
  &R::deleted_at;
};

// Writes the columns of R down: Columns<VoiceSample>::open<&VoiceSample::name>("name"). The type follows from the member's unless said.
template <class R>
struct Columns {
  template <auto Member>
  using Type = std::remove_cvref_t<decltype(std::declval<R&>().*Member)>;

  template <auto Member, class Coder = Codec<Type<Member>>>
  static Column<R> column(Use use, const char* name, const char* type = Coder::type) {
    return {{.name = name, .type = type, .use = use, .nullable = is_optional<Type<Member>>},
            &member_tag<Member>,
            [](const R& row) { return Coder::encode(row.*Member); },
            [](R& row, const Row& from, const char* column) { row.*Member = Coder::decode(from, column); }};
  }
  template <auto Member, class Coder = Codec<Type<Member>>>
  static Column<R> open(const char* name, const char* type = Coder::type) {
    return column<Member, Coder>(Use::open, name, type);
  }
  template <auto Member>
  static Column<R> fixed(const char* name, const char* type = Codec<Type<Member>>::type) {
    return column<Member>(Use::fixed, name, type);
  }
  template <auto Member>
  static Column<R> made(const char* name, const char* type = Codec<Type<Member>>::type) {
    return column<Member>(Use::made, name, type);
  }
  template <auto Member>
  static Column<R> key() {
    return column<Member>(Use::key, "id", "uuid");
  }
  template <auto Member>
  static Column<R> owner() {
    return column<Member>(Use::owner, "user_id", "uuid");
  }
  // `rest` between what all tables have: the key, the owner, and when the row was made, changed and removed.
  static std::vector<Column<R>> around(std::vector<Column<R>> rest) {
    std::vector<Column<R>> all{key<&R::id>()};
    if constexpr (requires { &R::user_id; }) all.push_back(owner<&R::user_id>());
    all.insert(all.end(), rest.begin(), rest.end());
    all.push_back(made<&R::created_at>("created_at"));
    all.push_back(made<&R::updated_at>("updated_at"));
    if constexpr (soft_deleted<R>) all.push_back(made<&R::deleted_at>("deleted_at"));
    return all;
  }
};

template <class R>
class Filter;
template <class R>
class Patch;
template <class R>
struct Order;
template <class R>
struct Page;

template <class R>
class Table {
 public:
  Table(TableSpec spec, std::vector<Column<R>> rest)
      : columns_(Columns<R>::around(std::move(rest))), sql_(spec, soft_deleted<R>, specs(columns_)) {}

  // not_found when there is none that the transaction's user may see.
  R find(Transaction& t, const std::string& id) const { return first(sql_.find(t, id)); }
  R find_one(Transaction& t, const Filter<R>& filter) const { return first(sql_.select(t, filter.selection(), 1)); }
  Page<R> find_many(Transaction& t, const Filter<R>& filter, const Order<R>& order, const std::string& cursor, std::size_t limit) const {
    Page<R> page;
    auto rows = sql_.page(t, filter.selection(), order.sorting(), cursor, limit, page.next_cursor);
    page.rows = rows_of(rows);
    if (!page.next_cursor.empty()) page.rows.pop_back();  // it only told that more follow
    return page;
  }
  std::int64_t count(Transaction& t, const Filter<R>& filter) const { return sql_.count(t, filter.selection()); }
  bool exists(Transaction& t, const Filter<R>& filter) const { return sql_.exists(t, filter.selection()); }

  // The rows as they stand then. An empty id is made; an empty owner is `user_id`, and another one is refused.
  std::vector<R> create_many(Transaction& t, const std::vector<R>& rows, const std::string& user_id) const {
    std::vector<TableSql::Cells> cells;
    for (const auto& row : rows) cells.push_back(cells_of_new(row, user_id));
    return rows_of(sql_.insert(t, cells));
  }
  R create(Transaction& t, const R& row, const std::string& user_id) const { return create_many(t, {row}, user_id).at(0); }
  R update(Transaction& t, const std::string& id, const Patch<R>& patch, std::optional<WallTime> expected = std::nullopt) const {
    return first(sql_.update(t, id, cells_of(patch.values()), patch.changed(), expected));
  }
  void remove(Transaction& t, const std::string& id) const { sql_.remove(t, id); }
  void restore(Transaction& t, const std::string& id) const { sql_.restore(t, id); }
  void hard_delete(Transaction& t, const std::string& id) const { sql_.hard_delete(t, id); }

  std::size_t index_of(const void* tag) const {
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].tag == tag) return i;
    throw DatabaseError(Errc::internal, std::string(sql_.spec().name) + " has no column for that member");
  }
  std::vector<R> rows_of(const Rows& rows) const {
    std::vector<R> all;
    all.reserve(rows.size());
    for (const auto& row : rows) all.push_back(row_of(row));
    return all;
  }
  R row_of(const Row& from) const {
    R row;
    for (const auto& column : columns_) column.decode(row, from, column.spec.name);
    return row;
  }
  R first(const Rows& rows) const {
    if (rows.empty()) throw DatabaseError(Errc::not_found, std::string("there is no such row in ") + sql_.spec().name);
    return row_of(rows[0]);
  }
  const std::vector<Column<R>>& columns() const { return columns_; }
  const TableSql& sql() const { return sql_; }

 private:
  static std::vector<ColumnSpec> specs(const std::vector<Column<R>>& columns) {
    std::vector<ColumnSpec> specs;
    for (const auto& column : columns) specs.push_back(column.spec);
    return specs;
  }
  TableSql::Cells cells_of(const R& row) const {
    TableSql::Cells cells;
    cells.reserve(columns_.size());
    for (const auto& column : columns_) cells.push_back(column.encode(row));
    return cells;
  }
  TableSql::Cells cells_of_new(const R& row, const std::string& user_id) const {
    auto cells = cells_of(row);
    auto& owner = cells[sql_.owner_column()];
    if (owner && owner->empty()) owner = user_id;
    if (!owner || owner->empty() || *owner != user_id)
      throw DatabaseError(Errc::permission_denied, std::string("nobody adds to another's ") + sql_.spec().name);
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].spec.use == Use::key && cells[i] == "") cells[i] = new_uuid();
    return cells;
  }

  const std::vector<Column<R>> columns_;
  const TableSql sql_;
};

}  // namespace repartee::persistence
