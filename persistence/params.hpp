// Values for a statement's $1, $2 ...: text as PostgreSQL reads it, or null. Values never become part of the SQL.
// Thread contract: values only.
#pragma once
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/records.hpp"

namespace repartee::persistence {

class Params {
 public:
  template <class... T>
  explicit Params(const T&... values) {
    (add(values), ...);
  }

  // A NUL is refused by exec with invalid_argument: libpq would silently cut the text there.
  void add(std::string_view text) { values_.emplace_back(std::string(text)); }
  void add(const std::string& text) { values_.emplace_back(text); }
  void add(std::string&& text) { values_.emplace_back(std::move(text)); }
  void add(const char* text) { values_.emplace_back(text); }
  void add(std::nullopt_t) { values_.emplace_back(); }
  void add(std::same_as<bool> auto value) { values_.emplace_back(value ? "t" : "f"); }
  void add(std::integral auto value) requires(!std::same_as<decltype(value), bool>) { values_.emplace_back(std::to_string(value)); }
  void add(double value);
  void add(WallTime value);
  void add(Money value) { values_.emplace_back(to_decimal(value)); }
  template <class T>
  void add(const std::optional<T>& value) {
    if (value) add(*value);
    else add(std::nullopt);
  }
  const std::vector<std::optional<std::string>>& values() const { return values_; }

 private:
  std::vector<std::optional<std::string>> values_;
};

// "2026-05-20T10:00:00.123456Z", and back from what PostgreSQL prints with TimeZone = UTC. Microseconds.
std::string to_timestamp(WallTime time);
std::optional<WallTime> from_timestamp(std::string_view text);

}  // namespace repartee::persistence
