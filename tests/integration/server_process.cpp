#include "tests/integration/server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>   // Boost 1.74: awaitable.hpp uses std::exchange without it

#include <boost/asio.hpp>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace repartee::test {
namespace {

constexpr auto ready_patience = std::chrono::seconds(60);

std::filesystem::path new_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "repartee-it-XXXXXX").string();
  if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
  std::filesystem::permissions(pattern, std::filesystem::perms::owner_all | std::filesystem::perms::group_exec | std::filesystem::perms::others_exec);
  return pattern;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> arguments, std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {
  if (data_dir_.empty()) data_dir_ = new_directory();
  else remove_data_ = false;
  log_file_ = data_dir_ / ("server-" + std::to_string(SteadyClock::now().time_since_epoch().count()) + ".log");
  std::vector<std::string> words{REPARTEE_BINARY, "serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir_.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_ = fork();
  if (pid_ == 0) {
    const int out = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    unsetenv("DATABASE_URL");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  const TimePoint until = SteadyClock::now() + ready_patience;
  const std::regex ready("ready.*url=http://127\\.0\\.0\\.1:([0-9]+)/");
  while (port_ == 0) {
    std::smatch match;
    const std::string text = log();
    if (std::regex_search(text, match, ready)) port_ = std::stoi(match[1]);
    int status = 0;
    if (port_ == 0 && (waitpid(pid_, &status, WNOHANG) == pid_ || SteadyClock::now() > until)) {
      kill(pid_, SIGKILL);
      throw std::runtime_error("the server did not start:\n" + text + "\nPostgreSQL:\n" + contents(data_dir_ / "postgres/postgres.log"));
    }
    std::this_thread::sleep_for(Millis(20));
  }
}

ServerProcess::~ServerProcess() {
  stop();
  if (remove_data_) {
    std::error_code ignored;
    std::filesystem::remove_all(data_dir_, ignored);
  }
}

std::string ServerProcess::log() const { return contents(log_file_); }

int ServerProcess::wait_for_exit() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ServerProcess::stop() {
  if (pid_ < 0) return 0;
  kill(pid_, SIGTERM);
  return wait_for_exit();
}

void ServerProcess::kill_hard() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  wait_for_exit();
}

ServerProcess::Answer ServerProcess::get(const std::string& target) const {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(port_)});
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  asio::write(socket, asio::buffer(request));
  std::string text;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(text), end);
  Answer answer;
  if (text.size() > 12) answer.status = std::stoi(text.substr(9, 3));
  const auto body = text.find("\r\n\r\n");
  if (body != std::string::npos) answer.body = text.substr(body + 4);
  return answer;
}

double ServerProcess::metric(const std::string& name) const {
  std::istringstream lines(get("/metrics").body);
  double sum = 0;
  bool seen = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name) || (line[name.size()] != ' ' && line[name.size()] != '{')) continue;
    sum += std::stod(line.substr(line.rfind(' ') + 1));
    seen = true;
  }
  return seen ? sum : -1;
}

bool ServerProcess::wait_until(const std::function<bool()>& condition, Duration patience) const {
  for (const auto until = SteadyClock::now() + patience; SteadyClock::now() < until; std::this_thread::sleep_for(Millis(50)))
    if (condition()) return true;
  return condition();
}

bool ServerProcess::wait_for_log(const std::string& text, Duration patience) const {
  return wait_until([&] { return log().find(text) != std::string::npos; }, patience);
}

}  // namespace repartee::test
