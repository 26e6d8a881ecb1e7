// What to look for, in which order, and what to change, said in members of the row struct; a column that does not exist does not compile
// or is refused before any SQL.
//   Filter<VoiceSample>().where<&VoiceSample::status>("ready").where<&VoiceSample::duration_s>(Is::at_least, 3.0)
//   Order<VoiceSample>::by<&VoiceSample::name>(false)
//   Patch<VoiceSample>().set<&VoiceSample::name>("Mine").set<&VoiceSample::quality_score>(std::nullopt)
// Thread contract: values only.
#pragma once
#include "persistence/repositories/table.hpp"

namespace repartee::persistence {

template <class R>
class Filter {
 public:
  template <auto Member>
  using Type = typename Columns<R>::template Type<Member>;

  template <auto Member>
  Filter& where(Is is, const Type<Member>& value) {
    const auto column = R::table().index_of(&member_tag<Member>);
    const auto cell = cell_of<Member>(column, value);
    if (cell) selection_.conditions.push_back({column, is, *cell});
    else selection_.conditions.push_back({column, is == Is::equal ? Is::null : Is::not_null, {}});
    return *this;
  }
  template <auto Member>
  Filter& where(const Type<Member>& value) {
    return where<Member>(Is::equal, value);
  }
  template <auto Member>
  Filter& one_of(const std::vector<Type<Member>>& values) {
    const auto column = R::table().index_of(&member_tag<Member>);
    std::vector<Cell> cells;
    for (const auto& value : values) cells.push_back(cell_of<Member>(column, value));
    selection_.conditions.push_back({column, Is::one_of, array_text(cells)});
    return *this;
  }
  template <auto Member>
  Filter& is_null(bool null = true) {
    selection_.conditions.push_back({R::table().index_of(&member_tag<Member>), null ? Is::null : Is::not_null, {}});
    return *this;
  }
  Filter& whose(Whose whose) {
    selection_.whose = whose;
    return *this;
  }
  Filter& own() { return whose(Whose::own); }
  Filter& deleted(Deleted deleted) {
    selection_.deleted = deleted;
    return *this;
  }
  const Selection& selection() const { return selection_; }

 private:
  // By way of a row, so that a column's own coder is used.
  template <auto Member>
  static Cell cell_of(std::size_t column, const Type<Member>& value) {
    R row;
    row.*Member = value;
    return R::table().columns()[column].encode(row);
  }

  Selection selection_;
};

// Newest first unless said otherwise. Rows of one value follow one another by id.
template <class R>
struct Order {
  const void* tag = &member_tag<&R::created_at>;
  bool descending = true;

  template <auto Member>
  static Order by(bool descending) {
    return {&member_tag<Member>, descending};
  }
  Sorting sorting() const { return {R::table().index_of(tag), descending}; }
};

template <class R>
struct Page {
  std::vector<R> rows;
  std::string next_cursor;  // empty: this was the last
};

template <class R>
class Patch {
 public:
  template <auto Member>
  Patch& set(const typename Columns<R>::template Type<Member>& value) {
    values_.*Member = value;
    changed_[R::table().index_of(&member_tag<Member>)] = true;
    return *this;
  }
  const R& values() const { return values_; }
  const std::vector<bool>& changed() const { return changed_; }

 private:
  R values_;
  std::vector<bool> changed_ = std::vector<bool>(R::table().columns().size());
};

}  // namespace repartee::persistence
