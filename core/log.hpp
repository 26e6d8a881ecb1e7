// Structured logging: a message and fields, printed as text or as one JSON object a line (stderr).
// Thread contract: every function from any thread. Configure once, before the first thread.
// Secrets never go in: fields named key, token, secret, password, authorization are printed as "***".
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace repartee::log {

enum class Level { debug, info, warn, error, off };
enum class Format { text, json };

struct Options {
  Level level = Level::info;
  Format format = Format::text;
};

// A value of a field: text, a number or a truth value.
class Value {
 public:
  Value(std::string_view text) : text_(text), quoted_(true) {}
  Value(const std::string& text) : text_(text), quoted_(true) {}
  Value(const char* text) : text_(text), quoted_(true) {}
  Value(bool value) : text_(value ? "true" : "false") {}
  Value(int value) : text_(std::to_string(value)) {}
  Value(long value) : text_(std::to_string(value)) {}
  Value(long long value) : text_(std::to_string(value)) {}
  Value(unsigned value) : text_(std::to_string(value)) {}
  Value(unsigned long value) : text_(std::to_string(value)) {}
  Value(double value);
  Value(std::optional<std::int64_t> value) : text_(value ? std::to_string(*value) : "null") {}   // null: did not happen
  const std::string& text() const { return text_; }
  bool quoted() const { return quoted_; }

 private:
  std::string text_;
  bool quoted_ = false;
};
struct Field {
  std::string_view name;
  Value value;
};
using Fields = std::initializer_list<Field>;

void configure(const Options& options);
void set_level(Level level);               // at any time
bool enabled(Level level);
void write(Level level, std::string_view part, std::string_view message, Fields fields = {});  // part: "session", "database" ...

inline void debug(std::string_view part, std::string_view message, Fields fields = {}) { if (enabled(Level::debug)) write(Level::debug, part, message, fields); }
inline void info(std::string_view part, std::string_view message, Fields fields = {}) { if (enabled(Level::info)) write(Level::info, part, message, fields); }
inline void warn(std::string_view part, std::string_view message, Fields fields = {}) { write(Level::warn, part, message, fields); }
inline void error(std::string_view part, std::string_view message, Fields fields = {}) { write(Level::error, part, message, fields); }

}  // namespace repartee::log
