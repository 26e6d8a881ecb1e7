// How a member of a row struct becomes PostgreSQL's text, and back, by its type. std::nullopt is null; so is a plain WallTime that was
// left at its zero, so that the database's default can take its place.
// Thread contract: pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "persistence/params.hpp"
#include "persistence/repositories/array_text.hpp"
#include "persistence/rows.hpp"

namespace repartee::persistence {

using Cell = std::optional<std::string>;

template <class T>
struct Codec;  // type: PostgreSQL's; encode; decode

template <class T>
struct ScalarCodec {
  static Cell encode(const T& value) { return Params(value).values().front(); }
};
template <>
struct Codec<std::string> : ScalarCodec<std::string> {
  static constexpr const char* type = "text";
  static std::string decode(const Row& row, const char* column) { return row.text(column); }
};
template <>
struct Codec<bool> : ScalarCodec<bool> {
  static constexpr const char* type = "boolean";
  static bool decode(const Row& row, const char* column) { return row.boolean(column); }
};
template <>
struct Codec<int> : ScalarCodec<int> {
  static constexpr const char* type = "integer";
  static int decode(const Row& row, const char* column) { return static_cast<int>(row.integer(column)); }
};
template <>
struct Codec<std::int64_t> : ScalarCodec<std::int64_t> {
  static constexpr const char* type = "bigint";
  static std::int64_t decode(const Row& row, const char* column) { return row.integer(column); }
};
template <>
struct Codec<double> : ScalarCodec<double> {
  static constexpr const char* type = "double precision";
  static double decode(const Row& row, const char* column) { return row.maybe_real(column).value_or(0); }
};
template <>
struct Codec<Money> : ScalarCodec<Money> {
  static constexpr const char* type = "numeric";
  static Money decode(const Row& row, const char* column) { return row.money(column); }
};
template <>
struct Codec<WallTime> {
  static constexpr const char* type = "timestamptz";
  static Cell encode(WallTime value) { return value == WallTime{} ? Cell() : Cell(to_timestamp(value)); }
  static WallTime decode(const Row& row, const char* column) { return row.time(column); }
};
template <>
struct Codec<std::vector<std::string>> {
  static constexpr const char* type = "text[]";
  static Cell encode(const std::vector<std::string>& value) { return array_text(value); }
  static std::vector<std::string> decode(const Row& row, const char* column) { return parse_text_array(row.text(column)); }
};
template <>
struct Codec<std::vector<float>> {
  static constexpr const char* type = "real[]";
  static Cell encode(const std::vector<float>& value) { return array_text(value); }
  static std::vector<float> decode(const Row& row, const char* column) { return parse_real_array(row.text(column)); }
};
template <class T>
struct Codec<std::optional<T>> {
  static constexpr const char* type = Codec<T>::type;
  static Cell encode(const std::optional<T>& value) { return value ? Codec<T>::encode(*value) : Cell(); }
  static std::optional<T> decode(const Row& row, const char* column) {
    return row.is_null(column) ? std::nullopt : std::optional<T>(Codec<T>::decode(row, column));
  }
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

}  // namespace repartee::persistence
