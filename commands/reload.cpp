#include "commands/reload.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/log.hpp"

namespace repartee::commands {
namespace {

std::map<std::string, std::string> values_of(const config::Loaded& loaded) {
  std::map<std::string, std::string> values;
  for (const auto& one : config::effective(loaded)) values[one.key] = one.value;
  return values;
}

}  // namespace

Reload::Reload(config::Loaded in_force, Load load_again, std::vector<Part> parts)
    : in_force_(std::move(in_force)), load_again_(std::move(load_again)), parts_(std::move(parts)) {}

bool Reload::is_applied(const std::string& key) const {
  return std::ranges::any_of(parts_, [&](const Part& part) {
    return std::ranges::any_of(part.keys, [&](const std::string& beginning) { return key.starts_with(beginning); });
  });
}

void Reload::run() {
  auto loaded = load_again_();
  if (!loaded) return log::error("reload", "the configuration has mistakes, everything stays as it is", {{"why", loaded.error().message}});
  for (const auto& part : parts_)
    if (auto applied = part.apply(loaded->settings); !applied) log::error("reload", "not changed", {{"what", part.keys.front()}, {"why", applied.error().message}});
  const auto before = values_of(in_force_), now = values_of(*loaded);
  int changes = 0;
  const auto tell = [&](const std::string& key) {
    ++changes;
    if (is_applied(key)) log::info("reload", "changed", {{"setting", key}});
    else log::warn("reload", "changed in the configuration: needs a restart", {{"setting", key}});
  };
  for (const auto& [key, value] : now)
    if (const auto old = before.find(key); old == before.end() || old->second != value) tell(key);
  for (const auto& [key, value] : before)
    if (!now.contains(key)) tell(key);
  log::info("reload", "configuration read again", {{"changes", changes}});
  in_force_ = std::move(*loaded);
}

void Reload::watch(const std::vector<std::string>& files, const std::function<Status()>& take) {
  std::vector<std::filesystem::file_time_type> times;
  for (const auto& file : files) {
    std::error_code missing;   // in the middle of being replaced
    times.push_back(std::filesystem::last_write_time(file, missing));
    if (missing) return;
  }
  const auto before = std::exchange(seen_, times);
  if (before.empty() || before == times) return;
  if (auto taken = take(); !taken) log::error("reload", "the changed certificate is not taken, the old one stays", {{"why", taken.error().message}});
  else log::info("reload", "the changed certificate is taken");
}

}  // namespace repartee::commands
