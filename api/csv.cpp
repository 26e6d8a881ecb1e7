#include "api/csv.hpp"

namespace repartee::api {

Csv& Csv::plain(std::string_view own) {
  if (!first_) out_ += ',';
  first_ = false;
  if (own.find_first_of(",\"\r\n") == std::string_view::npos) {
    out_ += own;
    return *this;
  }
  out_ += '"';
  for (const char c : own) out_ += c == '"' ? "\"\"" : std::string(1, c);
  out_ += '"';
  return *this;
}

Csv& Csv::text(std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  return plain(formula ? "'" + std::string(text) : std::string(text));
}

void Csv::end_row() {
  out_ += "\r\n";
  first_ = true;
}

}  // namespace repartee::api
