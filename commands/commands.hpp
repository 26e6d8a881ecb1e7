// The commands of the repartee program, one file each. main.cpp picks one; each returns the exit code: 0 done, 1 failed, 2 wrong usage.
// Thread contract: called once, from main.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace repartee::commands {

constexpr int exit_ok = 0, exit_failure = 1, exit_usage = 2;

int serve(const config::Settings& settings);

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

struct PrivacyCommand {
  enum class Action { export_, erase };
  Action action = Action::export_;
  std::string user;  // id, e-mail address, external id or name
  std::string file;  // of export
  bool yes = false;  // of erase: no question
};
int privacy(const config::Settings& settings, const PrivacyCommand& command);

int check_config(const config::Loaded& loaded);

struct ModelsOptions {
  std::string action = "list";     // list | fetch | verify
  std::vector<std::string> names;  // of fetch; empty: all that are not optional
};
int models(const config::Settings& settings, const ModelsOptions& options);

}  // namespace repartee::commands
