#include "bench/load/process_usage.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace repartee::bench {
namespace {

struct Stat {
  std::string name;
  double user_s = 0, system_s = 0;
  bool is_known = false;
};

Stat read_stat(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return {};
  const auto open = line.find('('), close = line.rfind(')');  // the name may hold blanks and brackets
  if (open == std::string::npos || close == std::string::npos) return {};
  std::istringstream fields(line.substr(close + 2));
  constexpr int fields_before_utime = 11;
  std::string skipped;
  for (int i = 0; i < fields_before_utime; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  const auto ticks_per_s = static_cast<double>(sysconf(_SC_CLK_TCK));
  return {line.substr(open + 1, close - open - 1), user / ticks_per_s, system / ticks_per_s, !fields.fail()};
}

// "0-3,8", as the kernel writes a set of processors.
std::vector<int> cpus_of(const std::string& list) {
  std::vector<int> cpus;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto dash = part.find('-');
    const int first = std::stoi(part), last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

double busy_s(const std::vector<int>& cpus) {
  std::ifstream in("/proc/stat");
  double ticks = 0;
  for (std::string line; std::getline(in, line) && line.starts_with("cpu");) {
    std::istringstream fields(line.substr(3));
    int cpu = -1;
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft_interrupts = 0;
    if (line[3] == ' ' || !(fields >> cpu >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts)) continue;
    if (std::ranges::find(cpus, cpu) != cpus.end()) ticks += user + nice + system + interrupts + soft_interrupts;
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessUsage process_usage(pid_t pid) {
  ProcessUsage usage;
  const auto folder = std::filesystem::path("/proc") / std::to_string(pid);
  const Stat stat = read_stat(folder / "stat");
  if (!stat.is_known) return usage;
  usage.is_known = true;
  usage.cpu_s = stat.user_s + stat.system_s;
  usage.system_s = stat.system_s;
  std::ifstream status(folder / "status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view pinned = "Cpus_allowed_list:";
    if (line.starts_with("VmRSS:")) usage.resident_kb = std::stod(line.substr(6));
    if (line.starts_with(pinned)) usage.cpus = cpus_of(line.substr(pinned.size()));
  }
  if (usage.cpus.size() == static_cast<std::size_t>(sysconf(_SC_NPROCESSORS_ONLN))) usage.cpus.clear();
  usage.cpus_busy_s = busy_s(usage.cpus);
  std::error_code gone;
  for (const auto& task : std::filesystem::directory_iterator(folder / "task", gone)) {
    const Stat thread = read_stat(task.path() / "stat");
    if (thread.is_known) usage.cpu_s_by_thread[thread.name] += thread.user_s + thread.system_s;
  }
  return usage;
}

double machine_busy_s() {
  std::ifstream in("/proc/stat");
  std::string label;
  double user = 0, nice = 0, system = 0;
  in >> label >> user >> nice >> system;
  return (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace repartee::bench
