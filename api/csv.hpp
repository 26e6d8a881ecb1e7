// Comma-separated values as RFC 4180 has them: CRLF, quotes where they are needed. A text that a spreadsheet would take for a formula
// (it begins with = + - @, a tab or a return) gets an apostrophe before it.
// Thread contract: a value; one thread at a time.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace repartee::api {

class Csv {
 public:
  Csv& text(std::string_view text);  // what people or engines said
  Csv& plain(std::string_view own);  // numbers, times and words of our own
  Csv& number(std::int64_t value) { return plain(std::to_string(value)); }
  Csv& number(const std::optional<std::int64_t>& value) { return plain(value ? std::to_string(*value) : ""); }
  void end_row();
  std::string finish() { return std::move(out_); }

 private:
  std::string out_;
  bool first_ = true;
};

}  // namespace repartee::api
