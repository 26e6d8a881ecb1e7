// What a statement answered: a table of texts and nulls, copied out of the driver, so that it outlives its transaction.
// A column that is not there, a null or a text that is no number where one is asked for is a bug in the caller's SQL: DatabaseError.
// Thread contract: values only.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/records.hpp"

namespace repartee::persistence {

struct RowsData {
  std::vector<std::string> columns;
  std::vector<std::optional<std::string>> cells;  // row by row
  std::size_t affected = 0;
};

class Row {
 public:
  Row(const RowsData& data, std::size_t index) : data_(&data), index_(index) {}
  bool is_null(std::string_view column) const { return !cell(column).has_value(); }
  std::string text(std::string_view column) const { return cell(column).value_or(""); }  // null reads as ""
  std::int64_t integer(std::string_view column) const;
  bool boolean(std::string_view column) const { return text(column) == "t"; }
  WallTime time(std::string_view column) const;
  Money money(std::string_view column) const;
  std::optional<std::int64_t> maybe_integer(std::string_view column) const;
  std::optional<double> maybe_real(std::string_view column) const;
  std::optional<WallTime> maybe_time(std::string_view column) const;

 private:
  const std::optional<std::string>& cell(std::string_view column) const;

  const RowsData* data_;
  std::size_t index_;
};

class Rows {
 public:
  Rows() = default;
  explicit Rows(RowsData data) : data_(std::move(data)) {}
  std::size_t size() const { return data_.columns.empty() ? 0 : data_.cells.size() / data_.columns.size(); }
  bool empty() const { return size() == 0; }
  std::size_t affected() const { return data_.affected; }  // rows inserted, updated, deleted
  Row operator[](std::size_t index) const { return {data_, index}; }

  class Iterator {
   public:
    Iterator(const RowsData& data, std::size_t index) : data_(&data), index_(index) {}
    Row operator*() const { return {*data_, index_}; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const RowsData* data_;
    std::size_t index_;
  };
  Iterator begin() const { return {data_, 0}; }
  Iterator end() const { return {data_, size()}; }

 private:
  RowsData data_;
};

}  // namespace repartee::persistence
