// Reading JSON that a client sent: guarded parsing, then fields read by name into typed places, where the first thing wrong is kept as a
// ProtocolError that names the field. Included by .cpp files of this folder and of twilio only (it shows the JSON library's type).
// Thread contract: values; one thread at a time.
#pragma once
#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "realtime/protocol/protocol_error.hpp"

namespace repartee::realtime::detail {

// The kind with sorted keys: the one that keeps their order looks a key up in linear time, which a hostile object makes quadratic.
using Json = nlohmann::json;

struct JsonLimits {
  std::size_t depth_max = 32;
  std::size_t values_max = 50'000;  // a value of one byte costs some forty in memory
};
// A whole JSON object, or why not: depth, number of values and NUL characters are looked at before anything is built; then syntax and
// UTF-8. `param` goes into the errors.
Expected<Json> parse_object(std::string_view text, const JsonLimits& limits, std::string_view param);

std::size_t count_characters(std::string_view utf8);

// The first error of a message; later ones are consequences.
class FirstError {
 public:
  void set(const char* code, std::string message, std::string param);
  bool failed() const { return error_.has_value(); }
  const ProtocolError& error() const { return *error_; }

 private:
  std::optional<ProtocolError> error_;
};

template <class T>
struct Choice {
  std::string_view name;
  T value;
};

// One JSON object of a message. Every reader leaves its target alone when the field is absent or wrong, and answers whether it was set.
// `object` and `errors` must outlive this.
class Fields {
 public:
  Fields(const Json& object, std::string path, FirstError& errors);

  const Json* find(std::string_view name) const;  // nullptr: absent
  bool is_null(std::string_view name) const;
  std::string path_of(std::string_view name) const;
  void fail(std::string_view name, const char* code, std::string message) const;
  void fail_type(std::string_view name, std::string_view expected, const Json& value) const;

  bool require(std::string_view name) const;  // an error when absent
  bool text(std::string_view name, std::string& out, std::size_t bytes_max) const;
  bool identifier(std::string_view name, std::string& out, std::size_t chars_max) const;  // not empty, no control characters
  bool boolean(std::string_view name, bool& out) const;
  bool number(std::string_view name, double& out, double min, double max) const;
  template <std::integral Int>
  bool integer(std::string_view name, Int& out, std::int64_t min, std::int64_t max) const {
    const auto value = integer_within(name, min, max);
    if (value) out = static_cast<Int>(*value);
    return value.has_value();
  }
  template <class T, std::size_t N>
  bool choice(std::string_view name, T& out, const Choice<T> (&choices)[N]) const {
    std::string value;
    if (!text(name, value, choice_bytes_max)) return false;
    for (const auto& choice : choices) {
      if (choice.name == value) return out = choice.value, true;
    }
    std::string_view names[N];
    for (std::size_t i = 0; i < N; ++i) names[i] = choices[i].name;
    fail_choice(name, value, names);
    return false;
  }
  bool literal(std::string_view name, std::string_view only) const;                                  // absent is fine
  std::optional<Fields> object(std::string_view name) const;                                         // absent or wrong: nullopt
  const Json* array(std::string_view name, std::size_t size_max) const;                              // absent or wrong: nullptr
  std::optional<Fields> element(std::string_view name, const Json& array, std::size_t index) const;  // an object of an array of this object
  // An open-shaped field, kept as text. The caller has checked its type.
  bool keep_json(std::string_view name, std::string& out, std::size_t bytes_max) const;

 private:
  static constexpr std::size_t choice_bytes_max = 256;
  std::optional<std::int64_t> integer_within(std::string_view name, std::int64_t min, std::int64_t max) const;
  void fail_choice(std::string_view name, std::string_view value, std::span<const std::string_view> names) const;
  std::optional<Fields> as_object(std::string_view name, const Json& value) const;

  const Json& object_;
  std::string path_;
  FirstError& errors_;
};

}  // namespace repartee::realtime::detail
