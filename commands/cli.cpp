#include "commands/cli.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

#include "config/keys.hpp"

namespace repartee::commands {

namespace {

constexpr const char* overview = "Repartee, a self-hosted server for real-time voice conversation.";
constexpr const char* examples =
    "Examples:\n"
    "  repartee serve                                     a local server, page at http://127.0.0.1:8080/\n"
    "  repartee serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem   (and REPARTEE_AUTH_API_KEY)\n"
    "  repartee talk question.wav --out reply.wav         speak a recording to it and save the reply\n"
    "  repartee check-config                              what is in force, from where, and what is missing\n"
    "  repartee migrate status                            the database schema\n"
    "  repartee backup /backups/repartee.tar --schedule '0 3 * * *' --keep 14\n"
    "Every configuration key is described in config/default.toml and has a variable: [asr] provider is REPARTEE_ASR_PROVIDER.\n"
    "Exit code: 0 done, 1 failed, 2 wrong usage or configuration.";

struct KeyFlag {
  const char *flag, *key, *value;  // value: the placeholder in the help, null for a switch
};
constexpr KeyFlag database_flags[] = {{"--data-dir", "server.data_dir", "DIR"}, {"--database-url", "database.url", "URL"}};
constexpr KeyFlag server_flags[] = {
    {"--listen", "server.listen", "ADDR:PORT"},
    {"--tls-cert", "server.tls_cert", "FILE"},
    {"--tls-key", "server.tls_key", "FILE"},
    {"--insecure", "server.insecure", nullptr},
};
constexpr KeyFlag serving_database_flags[] = {{"--log-sql", "database.log_sql", nullptr}};
constexpr KeyFlag archive_flags[] = {{"--wal-archive-dir", "database.wal_archive_dir", "DIR"}};
constexpr KeyFlag log_flags[] = {{"--log-level", "log.level", "LEVEL"}, {"--log-format", "log.format", "FORMAT"}};

const config::Key& row_of(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return *config::find_key(path.substr(0, dot), path.substr(dot + 1))->key;
}

// The key's meaning from the table, its first sentence, and its values.
std::string description(const KeyFlag& flag) {
  const config::Key& key = row_of(flag.key);
  std::string text(key.help.substr(0, key.help.find(". ")));
  if (text.ends_with('.')) text.pop_back();
  std::string values;
  for (std::string_view value : key.allowed) values += (values.empty() ? ": " : ", ") + std::string(value);
  return text + values;
}

// Without the validator's own words in the help; the option's text says it.
CLI::Validator quiet(CLI::Validator validator) { return validator.description(""); }

CLI::Validator one_of(const std::vector<std::string>& values) {
  return CLI::Validator(
      [values](const std::string& given) {
        std::string listed;
        for (const std::string& value : values) {
          if (value == given) return std::string();
          listed += (listed.empty() ? "" : ", ") + value;
        }
        return "must be one of " + listed + "; got " + given;
      },
      "");
}

class Parser {
 public:
  Parser() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "repartee " REPARTEE_VERSION);
    app_.footer(examples);
    app_.get_formatter()->column_width(30);
    serve();
    talk();
    check_config();
    migrate();
    backup();
    restore();
    keys();
    cache();
    privacy();
    models();
    app_.add_subcommand("version", "Print the version")->callback([this] { line_.command = Command::version; });
  }

  std::variant<CommandLine, int> parse(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
    try {
      app_.parse(argc, argv);
      return std::move(line_);
    } catch (const CLI::ParseError& error) { return app_.exit(error, out, err) == 0 ? exit_ok : exit_usage; }
  }

 private:
  CLI::App* command(const char* name, Command which, const char* text) {
    CLI::App* sub = app_.add_subcommand(name, text);
    sub->callback([this, which] { line_.command = which; });
    return sub;
  }

  template <std::size_t N>
  void overriding(CLI::App* sub, const KeyFlag (&flags)[N]) {
    for (const KeyFlag& flag : flags) {
      auto store = [this, &flag](const std::string& value) { line_.flags.push_back({flag.key, value, flag.flag}); };
      if (flag.value) sub->add_option_function<std::string>(flag.flag, store, description(flag))->type_name(flag.value);
      else
        sub->add_flag_callback(
            flag.flag, [store] { store("true"); }, description(flag));
    }
  }
  void config_file(CLI::App* sub) {
    sub->add_option("--config", line_.config_file, "Configuration file (otherwise REPARTEE_CONFIG, or ./repartee.toml where there is one)")
        ->type_name("FILE");
  }

  void serve() {
    CLI::App* sub = command("serve", Command::serve, "Run the server");
    config_file(sub);
    overriding(sub, server_flags);
    overriding(sub, database_flags);
    overriding(sub, serving_database_flags);
    overriding(sub, archive_flags);
    overriding(sub, log_flags);
  }

  void talk() {
    CLI::App* sub =
        command("talk", Command::talk, "Stream a recording to a server at its natural pace; print events, transcript, reply and latencies");
    TalkOptions& o = line_.talk;
    sub->add_option("wav_file", o.wav_file, "The recording (WAV, FLAC, Ogg)")
        ->required()
        ->check(quiet(CLI::ExistingFile))
        ->type_name("FILE");
    sub->add_option("--url", o.url, "The server's address")->capture_default_str()->type_name("URL");
    sub->add_option("--voice", o.voice, "Voice of the reply")->type_name("VOICE");
    sub->add_option("--model", o.model, "Clone to talk to")->type_name("NAME");
    sub->add_option("--out", o.out_file, "Save the reply as WAV")->type_name("FILE");
    sub->add_option("--format", o.format, "Audio on the wire: opus, pcm")
        ->capture_default_str()
        ->check(one_of({"opus", "pcm"}))
        ->type_name("FORMAT");
    sub->add_option_function<int>(
           "--interrupt-after", [&o](int ms) { o.interrupt_after = std::chrono::milliseconds(ms); }, "Speak again MS after the reply began")
        ->check(quiet(CLI::Range(0, 600'000)))
        ->type_name("MS");
    sub->add_option("--api-key", o.api_key, "API key of the server")->envname("REPARTEE_AUTH_API_KEY")->type_name("KEY");
    sub->add_flag("--insecure-tls", o.insecure_tls, "Accept any certificate");
  }

  void check_config() {
    CLI::App* sub = command("check-config", Command::check_config, "Show the configuration in force and check what it needs");
    config_file(sub);
    sub->add_flag("--defaults", line_.print_defaults, "Print config/default.toml: every key, its meaning, its default");
    overriding(sub, server_flags);
    overriding(sub, database_flags);
    overriding(sub, log_flags);
  }

  void migrate() {
    using Action = MigrateOptions::Action;
    CLI::App* sub = command("migrate", Command::migrate, "Bring the database schema up to date (the server does so when it starts)");
    const auto store = [this](const std::string& text) {
      line_.migrate.action = text == "status" ? Action::status : text == "down" ? Action::down : Action::up;
    };
    sub->add_option_function<std::string>("action", store, "status, up, down, or new (the default is up)")
        ->check(one_of({"status", "up", "down"}))
        ->type_name("ACTION");
    sub->add_option("steps", line_.migrate.steps, "Of down: how many")
        ->capture_default_str()
        ->check(quiet(CLI::Range(1, 10'000)))
        ->type_name("N");
    sub->add_flag("--backup", line_.migrate.backup, "Of up: write a backup to DATA_DIR/backups before");
    CLI::App* create = sub->add_subcommand("new", "Begin a migration: its files with the next number, in ./persistence/migrations");
    create->add_option("name", line_.migrate.name, "What it is about: lower-case letters, digits, underscores")->required()->type_name("NAME");
    create->callback([this] { line_.migrate.action = Action::create; });
    config_file(sub);
    overriding(sub, database_flags);
    overriding(sub, log_flags);
  }

  void backup() {
    CLI::App* sub = command("backup", Command::backup, "Write the database and the blobs to one file; servers may run");
    BackupCommand& o = line_.backup;
    sub->add_option("file", o.file, "The file to write. Of a series (--schedule, --keep) each gets its time into its name")->required()->type_name("FILE");
    sub->add_option("--schedule", o.schedule, "Keep running, and write one \"every 6 hours\", or as a crontab says, in UTC: \"30 3 * * *\"")
        ->type_name("WHEN");
    sub->add_option("--keep", o.keep, "Of the series, remove all but the newest N")->check(quiet(CLI::Range(1, 100'000)))->type_name("N");
    sub->add_option("--table", o.table, "Only this table, without blobs")->type_name("TABLE");
    config_file(sub);
    overriding(sub, database_flags);
    overriding(sub, log_flags);
  }

  void restore() {
    CLI::App* sub = command("restore", Command::restore, "Bring a backup back and compare; or rebuild the embedded database as of a time");
    RestoreCommand& o = line_.restore;
    sub->add_option("file", o.file, "What `repartee backup` wrote")->type_name("FILE");
    sub->add_flag("--force", o.force, "Replace what is in the database");
    sub->add_flag("--check", o.check, "Only look whether the file is whole");
    sub->add_option("--to-time", o.to_time, "Instead of a file: from the log's archive, as of \"2026-11-20 06:00:00+00\"")->type_name("TIME");
    sub->add_option("--into", o.into, "Of --to-time: the new data directory")->type_name("DIR");
    config_file(sub);
    overriding(sub, database_flags);
    overriding(sub, archive_flags);
    overriding(sub, log_flags);
  }

  void keys() {
    CLI::App* sub = command("keys", Command::keys, "The keys that blobs, journal and backups are encrypted with ([storage] key_file)");
    sub->add_option("action", line_.keys.action, "status; rotate: a new key that writes from now on; reseal: blobs anew with the first key")
        ->capture_default_str()
        ->check(one_of({"status", "rotate", "reseal"}))
        ->type_name("ACTION");
    config_file(sub);
    overriding(sub, log_flags);
  }

  void cache() {
    CLI::App* sub = command("cache", Command::cache, "Forget what is cached, in the database and at every running node");
    sub->require_subcommand(1);
    CLI::App* clear = sub->add_subcommand("clear", "Remove the entries whose key begins with PREFIX, or all");
    clear->add_option("prefix", line_.cache.prefix, "As tts:public: or llm:")->type_name("PREFIX");
    clear->fallthrough();  // the options below, also after it
    config_file(sub);
    overriding(sub, database_flags);
    overriding(sub, log_flags);
  }

  void privacy() {
    using Action = PrivacyCommand::Action;
    CLI::App* sub = command("privacy", Command::privacy, "Hand a person everything of theirs, or erase it; servers may run");
    PrivacyCommand& o = line_.privacy;
    sub->add_option_function<std::string>(
           "action", [&o](const std::string& text) { o.action = text == "erase" ? Action::erase : Action::export_; },
           "export: into a zip file. erase: for good, but for the lines of the audit log")
        ->required()
        ->check(one_of({"export", "erase"}))
        ->type_name("ACTION");
    sub->add_option("user", o.user, "Id, e-mail address, external id or name")->required()->type_name("USER");
    sub->add_option("file", o.file, "Of export: the file to write")->type_name("FILE");
    sub->add_flag("--yes", o.yes, "Of erase: do it");
    config_file(sub);
    overriding(sub, database_flags);
    overriding(sub, log_flags);
  }

  void models() {
    CLI::App* sub = command("models", Command::models, "List, fetch or verify the models");
    sub->add_option("action", line_.models.action, "list, fetch, or verify")
        ->capture_default_str()
        ->check(one_of({"list", "fetch", "verify"}))
        ->type_name("ACTION");
    sub->add_option("names", line_.models.names, "Of fetch: only these")->type_name("NAME");
    config_file(sub);
  }

  CLI::App app_{overview, "repartee"};
  CommandLine line_;
};

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  return Parser().parse(argc, argv, out, err);
}

}  // namespace repartee::commands
