#include "persistence/rows.hpp"

#include <charconv>
#include <cstdlib>

#include "persistence/database_error.hpp"
#include "persistence/params.hpp"

namespace repartee::persistence {
namespace {

[[noreturn]] void bad(std::string_view column, const char* what) {
  throw DatabaseError(Errc::internal, "column " + std::string(column) + " " + what);
}

std::int64_t parse_integer(std::string_view column, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) bad(column, "is not an integer");
  return value;
}

// "12.00012500" to 1e-8 units without going through a double.
Money parse_money(std::string_view column, std::string text) {
  constexpr std::size_t decimals = 8;
  const auto dot = text.find('.');
  const std::size_t have = dot == std::string::npos ? 0 : text.size() - dot - 1;
  if (have > decimals) bad(column, "has more than eight decimals");
  if (dot != std::string::npos) text.erase(dot, 1);
  return {parse_integer(column, text + std::string(decimals - have, '0'))};
}

}  // namespace

const std::optional<std::string>& Row::cell(std::string_view column) const {
  for (std::size_t i = 0; i < data_->columns.size(); ++i)
    if (data_->columns[i] == column) return data_->cells[index_ * data_->columns.size() + i];
  bad(column, "is not in the result");
}

std::int64_t Row::integer(std::string_view column) const { return parse_integer(column, text(column)); }
Money Row::money(std::string_view column) const { return parse_money(column, text(column)); }

WallTime Row::time(std::string_view column) const {
  const auto value = from_timestamp(text(column));
  if (!value) bad(column, "is not a time");
  return *value;
}

std::optional<std::int64_t> Row::maybe_integer(std::string_view column) const {
  return is_null(column) ? std::nullopt : std::optional(integer(column));
}
std::optional<double> Row::maybe_real(std::string_view column) const {
  return is_null(column) ? std::nullopt : std::optional(std::strtod(text(column).c_str(), nullptr));
}
std::optional<WallTime> Row::maybe_time(std::string_view column) const {
  return is_null(column) ? std::nullopt : std::optional(time(column));
}

}  // namespace repartee::persistence
