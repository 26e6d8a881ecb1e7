// The commands of the repartee program, one file each. main.cpp picks one; each returns the exit code: 0 done, 1 failed, 2 wrong usage.
// Thread contract: called once, from main.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace repartee::commands {

constexpr int exit_ok = 0, exit_failure = 1, exit_usage = 2;

// `load_again`: the same files, variables and flags, read anew, for SIGHUP.
int serve(const config::Loaded& loaded, const std::function<Result<config::Loaded>()>& load_again);

struct TalkOptions {
  std::string wav_file;
  std::string url = "ws://127.0.0.1:8080/v1/realtime";
  std::string voice, model;                                  // empty: the server's
  std::string out_file;                                      // WAV of the reply; empty: not saved
  std::string format = "opus";                               // opus | pcm
  std::optional<std::chrono::milliseconds> interrupt_after;  // speak again that long after the reply began
  std::string api_key;
  bool insecure_tls = false;  // accept any certificate
};
int talk(const TalkOptions& options);

struct MigrateOptions {
  enum class Action { status, up, down, create };
  Action action = Action::up;
  bool backup = false;  // before up
  int steps = 1;        // of down
  std::string name;     // of create
};
int migrate(const config::Settings& settings, const MigrateOptions& options);

struct BackupCommand {
  std::string file;
  std::string schedule;  // empty: once
  int keep = 0;          // of a series; 0: all
  std::string table;     // empty: everything
};
int backup(const config::Settings& settings, const BackupCommand& command);

struct RestoreCommand {
  std::string file;
  bool force = false, check = false;
  std::string to_time, into;  // from the log's archive
};
int restore(const config::Settings& settings, const RestoreCommand& command);

struct KeysCommand {
  std::string action = "status";  // status | rotate | reseal
};
int keys(const config::Settings& settings, const KeysCommand& command);

struct CacheCommand {
  std::string prefix;  // empty: everything
};
int cache(const config::Settings& settings, const CacheCommand& command);

struct KnowledgeCommand {
  bool list = false;                // else add
  std::vector<std::string> files;   // of add: files, and folders of them
  std::string clone, user;          // name or id; external id or e-mail address. Empty: all of the user's; the person at a server without keys
  bool wait = true;                 // of add: until they are read
};
int knowledge_files(const config::Settings& settings, const KnowledgeCommand& command);

struct PrivacyCommand {
  enum class Action { export_, erase };
  Action action = Action::export_;
  std::string user;  // id, e-mail address, external id or name
  std::string file;  // of export
  bool yes = false;  // of erase: no question
};
int privacy(const config::Settings& settings, const PrivacyCommand& command);

int check_config(const config::Loaded& loaded);

struct UsersCommand {
  std::string action = "list";  // list | add | tier | deactivate | activate | verify | restore | key
  std::string who, value;       // value: the tier, or the key's name
  std::string username;         // of add
  std::vector<std::string> scopes;  // of key; none: all
  bool print = false;           // of add: the invitation, instead of mailing it
};
int users(const config::Settings& settings, const UsersCommand& command);

struct ModelsOptions {
  std::string action = "list";     // list | fetch | verify
  std::vector<std::string> names;  // of fetch; empty: all that are not optional
};
int models(const config::Settings& settings, const ModelsOptions& options);

}  // namespace repartee::commands
