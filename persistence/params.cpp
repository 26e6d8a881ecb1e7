#include "persistence/params.hpp"

#include <cstdio>
#include <ctime>

namespace repartee::persistence {

void Params::add(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  values_.emplace_back(text);
}

void Params::add(WallTime value) { values_.emplace_back(to_timestamp(value)); }

std::string to_timestamp(WallTime time) {
  using namespace std::chrono;
  const auto seconds_part = floor<seconds>(time);
  const auto micros = duration_cast<microseconds>(time - seconds_part).count();
  const std::time_t unix_seconds = system_clock::to_time_t(seconds_part);
  std::tm utc{};
  gmtime_r(&unix_seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06lldZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                utc.tm_min, utc.tm_sec, static_cast<long long>(micros));
  return text;
}

std::optional<WallTime> from_timestamp(std::string_view text) {
  std::tm utc{};
  int used = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%d-%d-%d%*1[ T]%d:%d:%d%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour, &utc.tm_min,
                  &utc.tm_sec, &used) != 6)
    return std::nullopt;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  long long micros = 0;
  auto at = static_cast<std::size_t>(used);
  if (at < copy.size() && copy[at] == '.') {
    ++at;
    for (long long unit = 100'000; at < copy.size() && copy[at] >= '0' && copy[at] <= '9'; ++at, unit /= 10)
      micros += unit * (copy[at] - '0');
  }
  const std::string_view zone = std::string_view(copy).substr(at);
  if (zone != "Z" && zone != "+00" && zone != "+00:00") return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&utc)) + std::chrono::microseconds(micros);
}

}  // namespace repartee::persistence
