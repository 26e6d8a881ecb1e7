// Rows as one array a column, in PostgreSQL's text form, for statements that read them with unnest($1::uuid[], $2::text[] ...): many rows a
// statement at about half the cost, on both sides, of a JSON text.
// Text that PostgreSQL cannot hold is mended: a NUL and what is not UTF-8 become U+FFFD.
// Thread contract: values only.
#pragma once
#include <cassert>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/params.hpp"

namespace repartee::persistence {

class ColumnArrays {
 public:
  explicit ColumnArrays(std::size_t columns) : texts_(columns) {}

  // One row: its values in the order of the columns, neither more nor fewer.
  template <class... T>
  void add_row(const T&... values) {
    assert(sizeof...(values) == texts_.size());
    std::size_t column = 0;
    (append(texts_[column++], values), ...);
    ++rows_;
  }
  bool empty() const { return rows_ == 0; }
  Params to_params() &&;

 private:
  static void begin(std::string& out) { out += out.empty() ? '{' : ','; }
  static void append(std::string& out, const std::string& text);
  static void append(std::string& out, const char* text) { append(out, std::string(text)); }
  static void append(std::string& out, std::integral auto value) {
    char digits[24];
    const auto [end, failed] = std::to_chars(digits, digits + sizeof digits, value);
    begin(out);
    out.append(digits, end);
  }
  static void append(std::string& out, double value);
  static void append(std::string& out, Money value) { append_bare(out, to_decimal(value)); }
  static void append(std::string& out, WallTime value) { append_bare(out, to_timestamp(value)); }
  template <class T>
  static void append(std::string& out, const std::optional<T>& value) {
    if (value) append(out, *value);
    else append_bare(out, "NULL");
  }
  static void append_bare(std::string& out, std::string_view text) {
    begin(out);
    out += text;
  }

  std::vector<std::string> texts_;
  std::size_t rows_ = 0;
};

}  // namespace repartee::persistence
