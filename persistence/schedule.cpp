#include "persistence/schedule.hpp"

#include <charconv>
#include <sstream>
#include <vector>

namespace repartee::persistence {
namespace {

using std::chrono::days;
using std::chrono::minutes;

constexpr int years_ahead_max = 5;
constexpr int every_max = 100'000;

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// One item of a field's list: "*", "5", "1-5", "*/15", "10-40/10".
template <std::size_t N>
bool add_item(std::string_view item, int lowest, int highest, std::bitset<N>& set) {
  int step = 1;
  if (const auto slash = item.find('/'); slash != std::string_view::npos) {
    const auto given = number(item.substr(slash + 1));
    if (!given || *given < 1) return false;
    step = *given;
    item = item.substr(0, slash);
  }
  int from = lowest, to = highest;
  if (item != "*") {
    const auto dash = item.find('-');
    const auto first = number(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(item.substr(dash + 1));
    if (!first || !last || *first < lowest || *last > highest || *first > *last) return false;
    from = *first;
    to = *last;
  }
  for (int i = from; i <= to; i += step) set.set(static_cast<std::size_t>(i));
  return true;
}

template <std::size_t N>
bool parse_field(const std::string& text, int lowest, int highest, std::bitset<N>& set) {
  if (text.empty() || text.back() == ',') return false;
  std::istringstream items(text);
  for (std::string item; std::getline(items, item, ',');)
    if (!add_item(item, lowest, highest, set)) return false;
  return true;
}

std::optional<minutes> parse_every(const std::vector<std::string>& words) {
  if (words.size() != 3 || words[0] != "every") return std::nullopt;
  const auto count = number(words[1]);
  if (!count || *count < 1 || *count > every_max) return std::nullopt;
  if (words[2] == "minutes" || words[2] == "minute") return minutes(*count);
  if (words[2] == "hours" || words[2] == "hour") return minutes(*count * 60);
  if (words[2] == "days" || words[2] == "day") return minutes(*count * 24 * 60);
  return std::nullopt;
}

}  // namespace

Result<Schedule> Schedule::parse(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  Schedule schedule;
  if (const auto every = parse_every(words)) {
    schedule.every_ = *every;
    return schedule;
  }
  const bool understood = words.size() == 5 && parse_field(words[0], 0, 59, schedule.minutes_) &&
                          parse_field(words[1], 0, 23, schedule.hours_) && parse_field(words[2], 1, 31, schedule.days_) &&
                          parse_field(words[3], 1, 12, schedule.months_) && parse_field(words[4], 0, 7, schedule.weekdays_);
  if (!understood)
    return Error{Errc::invalid_argument,
                 "a schedule reads \"every 6 hours\" or, as in a crontab and in UTC, \"30 3 * * *\"; got " + std::string(text)};
  if (schedule.weekdays_[7]) schedule.weekdays_.set(0);
  schedule.any_day_ = words[2].starts_with('*');
  schedule.any_weekday_ = words[4].starts_with('*');
  return schedule;
}

std::optional<WallTime> Schedule::next_after(WallTime now) const {
  if (every_.count() > 0) return now + every_;
  const auto first = std::chrono::floor<minutes>(now) + minutes(1);
  auto day = std::chrono::floor<days>(first);
  for (int i = 0; i < years_ahead_max * 366; ++i, day += days(1)) {
    const std::chrono::year_month_day date(day);
    if (!months_[static_cast<unsigned>(date.month())]) continue;
    const bool by_day = days_[static_cast<unsigned>(date.day())], by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
    if (!(any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday)) continue;
    for (int minute = 0; minute < 24 * 60; ++minute) {
      const auto time = day + minutes(minute);
      if (time >= first && hours_[static_cast<std::size_t>(minute / 60)] && minutes_[static_cast<std::size_t>(minute % 60)])
        return WallTime(time);
    }
  }
  return std::nullopt;
}

}  // namespace repartee::persistence
