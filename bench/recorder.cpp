// bench_recorder: turns a second through the recorder and its journal into PostgreSQL, on a private cluster that is made for it.
// Two figures: turns made safe (journaled and synced) a second, and turns committed a second. See bench/README.md.
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "core/ids.hpp"
#include "core/log.hpp"
#include "persistence/echo_repository.hpp"
#include "persistence/embedded_postgres.hpp"
#include "persistence/migrate.hpp"
#include "persistence/turn_recorder.hpp"
#include "persistence/user_repository.hpp"

namespace {

using namespace repartee;
using namespace repartee::persistence;

struct Options {
  int turns = 100'000, sessions = 100, text_bytes = 120, rounds = 3;
  std::size_t batch = TurnRecorder::Options().batch_items_max, lanes = TurnRecorder::Options().lanes_max;
  bool journal = true;
  std::filesystem::path directory = std::filesystem::temp_directory_path() / "repartee-bench-recorder";
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("--turns", o.turns, "Turns a round")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  app.add_option("--sessions", o.sessions, "Calls they belong to")->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--text-bytes", o.text_bytes, "Of what was said, each way")->check(CLI::Range(0, 100'000))->capture_default_str();
  app.add_option("--batch", o.batch, "Records a transaction")->check(CLI::Range(std::size_t{1}, std::size_t{100'000}))->capture_default_str();
  app.add_option("--lanes", o.lanes, "Transactions side by side")->check(CLI::Range(std::size_t{1}, std::size_t{10}))->capture_default_str();
  app.add_option("--rounds", o.rounds, "How often")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_flag("--journal,!--no-journal", o.journal, "With the journal")->capture_default_str();
  app.add_option("--directory", o.directory, "Made, and removed afterwards")->capture_default_str();
}

TurnRecord turn_of(const Options& o, const SessionRecord& session, int index) {
  TurnRecord turn;
  turn.session_id = session.id;
  turn.user_id = session.user_id;
  turn.echo_id = session.echo_id;
  turn.turn_index = index;
  turn.user_transcript = std::string(static_cast<std::size_t>(o.text_bytes), 'q');
  turn.llm_response = turn.heard_response = std::string(static_cast<std::size_t>(o.text_bytes), 'a');
  turn.heard_ms = 2100;
  turn.status = "completed";
  turn.endpointing_ms = 500;
  turn.asr_latency_ms = 80;
  turn.llm_latency_ms = 200;
  turn.tts_latency_ms = 90;
  turn.total_latency_ms = 870;
  turn.llm_cost = {12'500};
  turn.llm_input_tokens = 400;
  turn.llm_output_tokens = 60;
  turn.timeline_json = R"({"speech_started": 0, "speech_stopped": 1400, "transcript": 1980, "first_token": 2100, "first_audio": 2270, "played": 4300})";
  turn.evidence_json = R"({"vad": [0.97, 0.98, 0.12], "silence_ms": 500})";
  turn.started_at = session.started_at + std::chrono::seconds(index);
  turn.ended_at = turn.started_at + std::chrono::seconds(5);
  return turn;
}

double cpu_seconds() {  // this process's; PostgreSQL's come on top
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of a PostgreSQL's processes: the children of its postmaster. Fields of /proc/PID/stat as proc(5) numbers them, counted from the state (3).
double cpu_seconds_of_children(pid_t parent) {
  double ticks = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string line;
    if (!std::getline(file, line) || line.rfind(')') == std::string::npos) continue;
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    const std::vector<std::string> values{std::istream_iterator<std::string>(fields), {}};
    if (values.size() > 12 && values[1] == std::to_string(parent)) ticks += std::stod(values[11]) + std::stod(values[12]);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double seconds_since(TimePoint start) { return std::chrono::duration<double>(SteadyClock::now() - start).count(); }

Status run_round(const Options& o, Database& database, const std::string& user_id, const std::string& echo_id, pid_t postmaster,
                 Metrics& metrics) {
  std::unique_ptr<TurnJournal> journal;
  if (o.journal) {
    auto opened = TurnJournal::open({.directory = o.directory / "journal"}, metrics);
    if (!opened) return opened.error();
    journal = std::move(*opened);
  }
  std::vector<SessionRecord> sessions(static_cast<std::size_t>(o.sessions));
  for (auto& session : sessions) {
    session.id = new_uuid();
    session.user_id = user_id;
    session.echo_id = echo_id;
    session.started_at = session.last_active_at = std::chrono::system_clock::now();
  }
  TurnRecorder recorder(database, {.batch_items_max = o.batch, .lanes_max = o.lanes}, metrics, std::move(journal));
  for (const auto& session : sessions) recorder.record_session(session);
  if (!recorder.wait_until_idle(std::chrono::minutes(1))) return Error{Errc::deadline_exceeded, "the sessions were not written"};
  std::atomic<int> safe{0};
  double safe_seconds = 0;
  const auto start = SteadyClock::now();
  const double cpu_before = cpu_seconds(), database_cpu_before = cpu_seconds_of_children(postmaster);
  for (int i = 0; i < o.turns; ++i) {
    const auto turn = turn_of(o, sessions[static_cast<std::size_t>(i % o.sessions)], i / o.sessions);
    while (!recorder.record_turn(turn, [&] {
      if (++safe == o.turns) safe_seconds = seconds_since(start);
    }))
      std::this_thread::sleep_for(Millis(1));
  }
  if (!recorder.wait_until_idle(std::chrono::minutes(10))) return Error{Errc::deadline_exceeded, "not everything was written"};
  const double all_seconds = seconds_since(start);
  std::printf("turns %d  safe/s %.0f  committed/s %.0f  seconds %.2f  CPU us/turn: own %.1f, database %.1f\n", o.turns,
              o.turns / safe_seconds, o.turns / all_seconds, all_seconds, (cpu_seconds() - cpu_before) * 1e6 / o.turns,
              (cpu_seconds_of_children(postmaster) - database_cpu_before) * 1e6 / o.turns);
  std::fflush(stdout);
  return {};
}

Status run(const Options& o) {
  Metrics metrics;
  EmbeddedPostgres::Options cluster;
  cluster.home.data_dir = o.directory;
  EmbeddedPostgres postgres(cluster, metrics);
  auto targets = postgres.start();
  if (!targets) return targets.error();
  if (auto migrated = Migrator(targets->owner).up(); !migrated) return migrated.error();
  Database app(targets->app, {}, metrics), recorder(targets->recorder, {.name = "recorder"}, metrics);
  CloneRecord clone;
  clone.id = new_uuid();
  clone.user_id = new_uuid();
  clone.name = "Bench";
  if (auto made = UserRepository(app).ensure(clone.user_id, "bench:" + clone.user_id); !made) return made;
  if (auto made = EchoRepository(app).create(clone); !made) return made;
  for (int round = 0; round < o.rounds; ++round)
    if (auto done = run_round(o, recorder, clone.user_id, clone.id, postgres.postmaster_pid(), metrics); !done) return done;
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Turns a second through the recorder");
  Options options;
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  log::configure({.level = log::Level::warn});
  std::filesystem::create_directories(options.directory);
  const auto done = run(options);
  std::error_code ignored;
  std::filesystem::remove_all(options.directory, ignored);
  if (!done) std::fprintf(stderr, "bench_recorder: %s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
