// Runs PostgreSQL's programs: as this process's own user, or, when this process is root (which PostgreSQL refuses to be), as a system user.
// A child gets no descriptor of ours (a listening socket would stay open in it), a session of its own (Ctrl-C does not reach it), and a
// signal when the *thread* that made it ends (PR_SET_PDEATHSIG): make long-lived children on long-lived threads.
// Thread contract: every function from any thread.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"

namespace repartee::persistence {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string user;      // whom the child runs as
  std::string caller;    // whom this process runs as
  bool differs = false;  // the child must change its user
};
Result<Identity> identity_for_postgres(const std::string& system_user);

struct SpawnRequest {
  std::vector<std::string> arguments;  // [0]: the program's path
  int output_fd = -1;                  // its stdout and stderr; -1: /dev/null
  int error_fd = -1;                   // its stderr, apart from the above; -1: together
  std::string input;                   // its stdin; at most input_bytes_max
  int signal_on_parent_death = 0;
};
constexpr std::size_t input_bytes_max = 32 * 1024;  // fits into a pipe without anybody reading

Result<pid_t> spawn(const SpawnRequest& request, const Identity& identity);
std::optional<int> poll_exit(pid_t pid);                     // wait status, once it ended
std::optional<int> wait_exit(pid_t pid, Duration patience);  // empty: still running

// Runs to the end; what it printed goes to `output`. Killed after `patience`.
Status run_to_end(SpawnRequest request, const Identity& identity, Duration patience, std::string& output);

// May that user enter this directory? (Its parents, access lists and all.)
bool can_enter(const std::filesystem::path& directory, const Identity& identity);

}  // namespace repartee::persistence
