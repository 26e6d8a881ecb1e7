#include "bench/load/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

namespace repartee::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Row {
  const char* key;
  const char* text;
  const Distribution* values;
};

std::vector<Row> rows(const Measures& m) {
  return {{"first_audio", "last loud frame -> first reply audio", &m.first_audio},
          {"added_latency", "added latency (row: total - endpointing)", &m.added},
          {"endpointing", "  endpointing (row)", &m.endpointing},
          {"asr", "  asr (row)", &m.asr},
          {"llm", "  llm first token (row)", &m.llm},
          {"tts", "  tts first audio (row)", &m.tts},
          {"voice_to_voice", "  voice to voice (row)", &m.total},
          {"barge_in_stop", "interruption -> last audio of the cut reply", &m.barge_in_stop},
          {"stop_after_decision", "  after the server's decision", &m.stop_after_decision},
          {"frame_gap", "gap between reply frames beyond 20 ms", &m.frame_gap},
          {"dry", "dry frames: how late", &m.dry},
          {"client_lateness", "lateness of this client's own sending", &m.client_lateness}};
}

std::vector<std::pair<std::string, double>> busiest_threads(const LoadReport& r) {
  std::vector<std::pair<std::string, double>> threads;
  for (const auto& [name, cpu_s] : r.server_end.cpu_s_by_thread) {
    const auto before = r.server_begin.cpu_s_by_thread.find(name);
    threads.emplace_back(name, (cpu_s - (before == r.server_begin.cpu_s_by_thread.end() ? 0 : before->second)) / r.measured_s);
  }
  std::ranges::sort(threads, [](const auto& a, const auto& b) { return a.second > b.second; });
  return threads;
}

std::string line(const char* format, auto... values) {
  std::array<char, 512> text;
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

void print_counts(std::ostream& out, const char* what, const std::map<std::string, std::uint64_t>& counts) {
  for (const auto& [name, count] : counts) out << line("%s %s: %llu\n", what, name.c_str(), static_cast<unsigned long long>(count));
}

void print_cost(std::ostream& out, const LoadReport& r) {
  const Cost cost = server_cost(r);
  if (cost.is_known) {
    out << line("server: %.2f cores (%.2f in the kernel), %.3f%% of a core a call (at 80%% busy that would be %.0f calls a core)\n",
                cost.cores, cost.system_cores, cost.percent_a_call, cost.calls_a_core_at_80);
    if (!r.server_end.cpus.empty()) out << line("the core it is pinned to: %.0f%% busy\n", 100 * cost.core_busy);
    out << line("server memory: %.0f KB before the calls, %.0f KB at the end, %.0f KB a call\n", r.server_before_calls.resident_kb,
                r.server_end.resident_kb, cost.kb_a_call);
    constexpr std::size_t threads_shown = 6;
    const auto threads = busiest_threads(r);
    for (std::size_t i = 0; i < std::min(threads.size(), threads_shown); ++i)
      out << line("  thread %-16s %.3f cores\n", threads[i].first.c_str(), threads[i].second);
  }
  const double client = (r.client_end.cpu_s - r.client_begin.cpu_s) / r.measured_s;
  out << line("this client: %.2f cores; everybody else on this machine: %.2f cores; load average when it began: %.2f\n", client,
              others_cores(r), r.load_average);
}

}  // namespace

Cost server_cost(const LoadReport& r) {
  Cost cost;
  cost.is_known = r.server_begin.is_known && r.server_end.is_known && r.calls_open_at_end > 0 && r.measured_s > 0;
  if (!cost.is_known) return cost;
  const auto calls = static_cast<double>(r.calls_open_at_end);
  cost.cores = (r.server_end.cpu_s - r.server_begin.cpu_s) / r.measured_s;
  cost.system_cores = (r.server_end.system_s - r.server_begin.system_s) / r.measured_s;
  cost.percent_a_call = 100 * cost.cores / calls;
  cost.calls_a_core_at_80 = cost.cores > 0 ? 0.8 * calls / cost.cores : 0;
  cost.core_busy = cost.cores;
  if (const auto pinned = r.server_end.cpus.size(); pinned > 0)
    cost.core_busy =
        std::max(cost.cores, (r.server_end.cpus_busy_s - r.server_begin.cpus_busy_s) / r.measured_s) / static_cast<double>(pinned);
  if (r.server_before_calls.is_known) cost.kb_a_call = (r.server_end.resident_kb - r.server_before_calls.resident_kb) / calls;
  return cost;
}

double others_cores(const LoadReport& r) {
  const double client = r.client_end.cpu_s - r.client_begin.cpu_s, server = r.server_end.cpu_s - r.server_begin.cpu_s;
  return std::max((r.machine_end_s - r.machine_begin_s - client - server) / r.measured_s, 0.0);
}

void print_table(std::ostream& out, const LoadReport& r, const Measures& m) {
  const auto count = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  out << r.plan << '\n';
  const double call_ms = static_cast<double>(r.calls) * r.measured_s * 1000;
  out << line("%zu of %zu calls open at the end; agents talked %.0f%% of the time, callers %.0f%%\n", r.calls_open_at_end, r.calls,
              100 * m.reply_audio_ms / call_ms, 100 * m.user_audio_ms / call_ms);
  out << line("replies: %llu on time, %llu late, %llu missing, %llu before the caller had finished\n", count(m.replies_on_time),
              count(m.replies_late), count(m.replies_missing), count(m.replies_early));
  out << line("interruptions: %llu (%llu cut the reply, %llu came as it ended, %llu were missed)\n", count(m.interruptions),
              count(m.barge_in_stop.count()), count(m.replies_over_anyway), count(m.interruptions_missed));
  out << line("reply frames: %llu, of them %llu dry; events: %llu of %.0f bytes on average\n", count(m.reply_frames),
              count(m.reply_dry_frames), count(m.events),
              m.events ? static_cast<double>(m.event_bytes) / static_cast<double>(m.events) : 0.0);
  print_counts(out, "turns", m.turns_by_status);
  print_counts(out, "error", m.errors);
  print_counts(out, "closed:", m.closes);
  out << line("\n%-46s %8s %8s %8s %8s %8s\n", "ms", "count", "p50", "p95", "p99", "max");
  for (const Row& row : rows(m)) {
    const Distribution& v = *row.values;
    if (v.count() > 0)
      out << line("%-46s %8llu %8.1f %8.1f %8.1f %8.1f\n", row.text, count(v.count()), v.percentile_ms(0.5), v.percentile_ms(0.95),
                  v.percentile_ms(0.99), v.max_ms());
  }
  out << '\n';
  print_cost(out, r);
}

std::string to_json(const LoadReport& r, const Measures& m) {
  Json json{{"plan", r.plan},
            {"calls", r.calls},
            {"calls_open_at_end", r.calls_open_at_end},
            {"measured_s", r.measured_s},
            {"load_average", r.load_average}};
  json["replies"] = {{"on_time", m.replies_on_time}, {"late", m.replies_late}, {"missing", m.replies_missing}, {"early", m.replies_early}};
  json["interruptions"] = {{"made", m.interruptions},
                           {"cut", m.barge_in_stop.count()},
                           {"as_it_ended", m.replies_over_anyway},
                           {"missed", m.interruptions_missed}};
  json["reply_frames"] = {{"sent", m.reply_frames}, {"dry", m.reply_dry_frames}};
  json["events"] = {{"count", m.events}, {"bytes", m.event_bytes}};
  json["turns_by_status"] = m.turns_by_status;
  json["errors"] = m.errors;
  json["closes"] = m.closes;
  for (const Row& row : rows(m)) {
    const Distribution& v = *row.values;
    json["ms"][row.key] = {{"count", v.count()},           {"p50", v.percentile_ms(0.5)}, {"p95", v.percentile_ms(0.95)},
                           {"p99", v.percentile_ms(0.99)}, {"max", v.max_ms()},           {"mean", v.mean_ms()}};
  }
  if (const Cost cost = server_cost(r); cost.is_known) {
    json["server"] = {{"cores", cost.cores},
                      {"kernel_cores", cost.system_cores},
                      {"core_busy", cost.core_busy},
                      {"percent_of_a_core_a_call", cost.percent_a_call},
                      {"kb_a_call", cost.kb_a_call}};
    for (const auto& [name, cores] : busiest_threads(r)) json["server"]["threads"][name] = cores;
  }
  json["client_cores"] = (r.client_end.cpu_s - r.client_begin.cpu_s) / r.measured_s;
  json["machine_cores"] = (r.machine_end_s - r.machine_begin_s) / r.measured_s;
  json["others_cores"] = others_cores(r);
  const double call_ms = static_cast<double>(r.calls) * r.measured_s * 1000;
  json["talk"] = {{"agents", m.reply_audio_ms / call_ms}, {"callers", m.user_audio_ms / call_ms}};
  return json.dump(2) + "\n";
}

}  // namespace repartee::bench
