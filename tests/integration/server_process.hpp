// The real server as a child process on a free port, with a data directory of its own, until the object goes.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace repartee::test {

class ServerProcess {
 public:
  // `data_dir` empty: a new one, removed at the end. Throws std::runtime_error with the log when it does not become ready.
  explicit ServerProcess(std::vector<std::string> arguments = {}, std::filesystem::path data_dir = {});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int port() const { return port_; }
  int pid() const { return pid_; }
  std::string ws_url() const { return "ws://127.0.0.1:" + std::to_string(port_) + "/v1/realtime"; }
  std::string log() const;                       // what it printed so far
  const std::filesystem::path& data_dir() const { return data_dir_; }
  void keep_data() { remove_data_ = false; }

  int stop();                                    // SIGTERM, waits; its exit code
  void kill_hard();                              // SIGKILL, waits

  struct Answer {
    int status = 0;
    std::string body;
  };
  Answer get(const std::string& target) const;   // HTTP GET, the whole answer
  double metric(const std::string& name) const;  // of /metrics, summed over its labels, or one: "name{label=\"value\"}". Missing: -1
  bool wait_until(const std::function<bool()>& condition, Duration patience = std::chrono::seconds(30)) const;
  bool wait_for_log(const std::string& text, Duration patience = std::chrono::seconds(30)) const;

 private:
  int wait_for_exit();

  std::filesystem::path data_dir_, log_file_;
  bool remove_data_ = true;
  int pid_ = -1, port_ = 0;
};

}  // namespace repartee::test
