#include "api/json_fields.hpp"

namespace repartee::api {

Result<std::optional<WallTime>> time_of(const std::optional<std::string>& text) {
  if (!text) return std::optional<WallTime>();
  const Error wrong{Errc::invalid_argument, "must be a time between 1970 and 2199"};
  std::string local = *text;
  const int year = std::stoi(local.substr(0, 4));
  if (year < 1970 || year > 2199) return wrong;
  std::chrono::minutes offset{0};
  if (local.back() == 'Z' || local.back() == 'z') {
    local.pop_back();
  } else {
    const auto zone = local.substr(local.size() - 6);  // "+02:00"
    offset = std::chrono::minutes(std::stoi(zone.substr(1, 2)) * 60 + std::stoi(zone.substr(4, 2))) * (zone[0] == '-' ? -1 : 1);
    local.resize(local.size() - 6);
  }
  local[10] = 'T';
  const auto time = persistence::from_timestamp(local + "Z");
  if (!time) return wrong;
  return std::optional<WallTime>(*time - offset);
}

}  // namespace repartee::api
