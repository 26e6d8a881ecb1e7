#include "tests/failures/own_cluster.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <thread>

#include "persistence/cluster_home.hpp"
#include "persistence/postgres_install.hpp"

namespace repartee::test {
namespace {

namespace fs = std::filesystem;
using persistence::SpawnRequest;

constexpr Duration patience = std::chrono::seconds(30);

void demand(const Status& status, const std::string& output = {}) {
  if (!status) throw std::runtime_error(status.error().message + "\n" + output);
}

}  // namespace

OwnCluster::OwnCluster(fs::path directory, Options options) : directory_(std::move(directory)), options_(std::move(options)) {
  auto identity = persistence::identity_for_postgres("postgres");
  if (!identity) throw std::runtime_error(identity.error().message);
  identity_ = *identity;
  auto install = persistence::choose_postgres({}, "/usr/lib/postgresql", directory_ / "data");
  if (!install) throw std::runtime_error(install.error().message);
  bin_dir_ = install->bin_dir;
  demand(persistence::make_directory(directory_, identity_.uid, identity_.gid, 0755));
  run({bin_dir_ / "initdb", "--pgdata=" + (directory_ / "data").string(), "--username=postgres", "--auth=trust", "--encoding=UTF8",
       "--locale=C.UTF-8", "--no-sync"});
  std::ofstream access(directory_ / "data/pg_hba.conf", std::ios::trunc);
  for (const auto& line : options_.access) access << line << "\n";
  access << "local all all trust\nhost all all 127.0.0.1/32 trust\n";
  access.close();
  start();
  sql("CREATE ROLE server LOGIN CREATEROLE");
  sql("CREATE DATABASE repartee OWNER server");
  stop();
}

OwnCluster::~OwnCluster() { stop(); }

void OwnCluster::run(std::vector<std::string> arguments) {
  std::string output;
  const auto ran = persistence::run_to_end({.arguments = std::move(arguments)}, identity_, patience, output);
  demand(ran, output);
}

void OwnCluster::start() {
  const auto log_file = directory_ / "log";
  const int log_fd = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  SpawnRequest server;
  server.arguments = {bin_dir_ / "postgres",
                      "-D",
                      directory_ / "data",
                      "-c",
                      "unix_socket_directories=" + directory_.string(),
                      "-c",
                      "listen_addresses=" + std::string(options_.port > 0 ? "127.0.0.1" : ""),
                      "-c",
                      "port=" + std::to_string(options_.port > 0 ? options_.port : 5432),
                      "-c",
                      "shared_buffers=16MB"};
  for (const auto& setting : options_.settings) server.arguments.insert(server.arguments.end(), {"-c", setting});
  server.output_fd = log_fd;
  server.signal_on_parent_death = SIGQUIT;
  const auto pid = persistence::spawn(server, identity_);
  close(log_fd);
  if (!pid) throw std::runtime_error(pid.error().message);
  pid_ = *pid;
  for (const auto until = SteadyClock::now() + patience; SteadyClock::now() < until; std::this_thread::sleep_for(Millis(20))) {
    std::string output;
    const auto port = std::to_string(options_.port > 0 ? options_.port : 5432);
    if (persistence::run_to_end({.arguments = {bin_dir_ / "pg_isready", "-q", "-h", directory_.string(), "-p", port}}, identity_, patience,
                                output))
      return;
  }
  throw std::runtime_error("the test's own PostgreSQL does not start: see " + log_file.string());
}

void OwnCluster::stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGQUIT);
  (void)persistence::wait_exit(pid_, patience);
  pid_ = -1;
}

void OwnCluster::sql(const std::string& text, const std::string& database) {
  const auto port = std::to_string(options_.port > 0 ? options_.port : 5432);
  run({bin_dir_ / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", directory_.string(), "-p", port, "-U", "postgres", "-d", database,
       "-c", text});
}

std::string OwnCluster::socket_url(const std::string& user) const {
  const auto port = std::to_string(options_.port > 0 ? options_.port : 5432);
  return "postgresql:///repartee?host=" + directory_.string() + "&port=" + port + "&user=" + user;
}

pid_t embedded_postmaster(const fs::path& data_dir) {
  std::ifstream in(data_dir / "postgres/cluster/postmaster.pid");
  pid_t pid = 0;
  in >> pid;
  return pid;
}

std::vector<pid_t> with_children(pid_t parent) {
  std::vector<pid_t> pids{parent};
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream in(entry.path() / "stat");
    pid_t pid = 0, of = 0;
    std::string name, state;
    if (in >> pid >> name >> state >> of && of == parent) pids.push_back(pid);
  }
  return pids;
}

}  // namespace repartee::test
