#include "config/values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

namespace repartee::config {

namespace {

template <class T>
constexpr bool is_duration = false;
template <class Rep, class Period>
constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;
template <class T>
constexpr bool is_whole_number = std::is_same_v<T, int> || std::is_same_v<T, std::int64_t> || is_duration<T>;
template <class T>
constexpr bool is_text = std::is_same_v<T, std::string> || std::is_same_v<T, Secret>;

template <class T>
bool parse_whole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// The kind of a key's field, without an instance of it.
template <class Visitor>
auto visit_kind(const Key& key, Visitor visitor) {
  Settings scratch;
  return std::visit([&](auto* field) { return visitor(*field); }, key.field(scratch, "0"));
}

std::string join(const std::vector<std::string_view>& items) {
  std::string result;
  for (std::string_view item : items) result += (result.empty() ? "" : ", ") + quoted(item);
  return result;
}

bool is_plain_text(std::string_view text) {
  return text.size() <= text_bytes_max &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool is_secret(const Key& key) {
  return visit_kind(key, []<class T>(const T&) { return std::is_same_v<T, Secret>; });
}

// What was given, as far as it may and can be shown on one line.
std::string shown(const Raw& given) {
  constexpr std::size_t shown_bytes_max = 80;
  return std::visit(
      []<class T>(const T& value) -> std::string {
        if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
        else if constexpr (std::is_same_v<T, std::int64_t>) return std::to_string(value);
        else if constexpr (std::is_same_v<T, double>) return std::isfinite(value) ? print_number(value) : std::isnan(value) ? "nan" : "inf";
        else if constexpr (std::is_same_v<T, std::string>)
          return value.size() <= shown_bytes_max && is_plain_text(value) ? quoted(value) : "";
        else return "";
      },
      given);
}

Error refused(const Key& key, const Raw& given) {
  const std::string got = is_secret(key) ? "" : shown(given);
  return {Errc::invalid_argument, "must be " + allowed_values(key) + (got.empty() ? "" : "; got " + got)};
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

struct Assign {
  const Key& key;
  const Raw& value;

  Status operator()(bool& field) const {
    return take<bool>([&](bool v) {
      field = v;
      return true;
    });
  }
  Status operator()(double& field) const {
    const auto* whole = std::get_if<std::int64_t>(&value);
    const auto* real = std::get_if<double>(&value);
    if (!whole && !real) return refused(key, value);
    const double number = whole ? static_cast<double>(*whole) : *real;
    if (!in_range(number)) return refused(key, value);
    field = number;
    return {};
  }
  Status operator()(std::string& field) const {
    return take<std::string>([&](const std::string& v) {
      if (!is_plain_text(v) || (!key.allowed.empty() && std::find(key.allowed.begin(), key.allowed.end(), v) == key.allowed.end()))
        return false;
      field = v;
      return true;
    });
  }
  Status operator()(Secret& field) const {
    return take<std::string>([&](const std::string& v) {
      if (!is_plain_text(v)) return false;
      field = Secret(v);
      return true;
    });
  }
  Status operator()(std::vector<std::string>& field) const {
    return take<std::vector<std::string>>([&](const std::vector<std::string>& v) {
      if (v.size() > list_items_max || !std::all_of(v.begin(), v.end(), [](const std::string& item) { return is_plain_text(item); }))
        return false;
      field = v;
      return true;
    });
  }
  template <class T>
  requires is_whole_number<T> Status operator()(T& field) const {
    return take<std::int64_t>([&](std::int64_t v) {
      if (!in_range(static_cast<double>(v))) return false;
      if constexpr (is_duration<T>) field = T(v);
      else field = static_cast<T>(v);
      return true;
    });
  }

 private:
  bool in_range(double number) const { return std::isfinite(number) && number >= key.min && number <= key.max; }
  template <class T, class Store>
  Status take(Store store) const {
    const T* given = std::get_if<T>(&value);
    return given && store(*given) ? Status() : Status(refused(key, value));
  }
};

}  // namespace

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

std::string print_number(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  return {buffer, end};
}

std::string allowed_values(const Key& key) {
  const std::string range = print_number(key.min) + " to " + print_number(key.max);
  return visit_kind(key, [&]<class T>(const T&) -> std::string {
    if constexpr (std::is_same_v<T, bool>) return "true or false";
    else if constexpr (std::is_same_v<T, double>) return "a number from " + range;
    else if constexpr (is_whole_number<T>) return "a whole number from " + range;
    else if constexpr (std::is_same_v<T, std::vector<std::string>>) return "a list of texts";
    else if (!key.allowed.empty()) return "one of " + join(key.allowed);
    else return "a text of one line, at most " + std::to_string(text_bytes_max) + " bytes";
  });
}

Result<Raw> parse_text(const Key& key, std::string_view text) {
  return visit_kind(key, [&]<class T>(const T&) -> Result<Raw> {
    if constexpr (std::is_same_v<T, bool>) {
      if (text == "true" || text == "1" || text == "yes" || text == "on") return Raw(true);
      if (text == "false" || text == "0" || text == "no" || text == "off") return Raw(false);
      return refused(key, Raw(std::string(text)));
    } else if constexpr (std::is_same_v<T, double>) {
      double number = 0;
      if (!parse_whole(text, number)) return refused(key, Raw(std::string(text)));
      return Raw(number);
    } else if constexpr (is_whole_number<T>) {
      std::int64_t number = 0;
      if (!parse_whole(text, number)) return refused(key, Raw(std::string(text)));
      return Raw(number);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      return Raw(split_list(text));
    } else {
      return Raw(std::string(text));
    }
  });
}

Status assign(Settings& settings, const FoundKey& key, const Raw& value) {
  return std::visit([&](auto* field) { return Assign{*key.key, value}(*field); }, key.key->field(settings, key.which));
}

std::string print_value(const Settings& settings, const Key& key, const std::string& which) {
  Settings copy = settings;  // field() may make an entry
  return std::visit(
      []<class T>(const T* field) -> std::string {
        if constexpr (std::is_same_v<T, bool>) return *field ? "true" : "false";
        else if constexpr (std::is_same_v<T, double>) return print_number(*field);
        else if constexpr (is_duration<T>) return std::to_string(field->count());
        else if constexpr (is_whole_number<T>) return std::to_string(*field);
        else if constexpr (std::is_same_v<T, Secret>) return quoted(field->masked());
        else if constexpr (is_text<T>) return quoted(*field);
        else {
          std::string list;
          for (const std::string& item : *field) list += (list.empty() ? "" : ", ") + quoted(item);
          return "[" + list + "]";
        }
      },
      key.field(copy, which));
}

}  // namespace repartee::config
