#include "config/load.hpp"

#include <algorithm>
#include <cassert>
#include <filesystem>

#include "config/keys.hpp"
#include "config/rules.hpp"
#include "config/suggest.hpp"
#include "config/toml_file.hpp"
#include "config/values.hpp"

namespace repartee::config {

namespace {

constexpr std::string_view prefix = "REPARTEE_";
// Variables with our prefix that are not keys: read by the command line, the scripts and the builds.
constexpr std::string_view other_variables[] = {"REPARTEE_CONFIG", "REPARTEE_MODELS_LOCAL"};

// Puts values in place and remembers where each came from.
class Collector {
 public:
  explicit Collector(Loaded& loaded) : loaded_(loaded) {}

  void set(const FoundKey& key, const Result<Raw>& value, const std::string& place) {
    const std::string path = path_of(*key.key, key.which);
    const Status done = value ? assign(loaded_.settings, key, *value) : Status(value.error());
    if (done) loaded_.origins[path] = place;
    else fail(place + ": [" + section_of(*key.key, key.which) + "] " + name_of(*key.key, key.which) + " " + done.error().message);
  }
  void fail(std::string message) { errors_.push_back(std::move(message)); }
  std::vector<std::string>& errors() { return errors_; }

 private:
  Loaded& loaded_;
  std::vector<std::string> errors_;
};

void read_file(const std::string& path, Collector& collector) {
  read_toml(path, {
                      .on_value = [&](const FoundKey& key, const Result<Raw>& value,
                                      const std::string& place) { collector.set(key, value, place); },
                      .on_error = [&](std::string message) { collector.fail(std::move(message)); },
                  });
}

// An empty variable counts as unset: compose files and unit files often pass them on empty.
void read_environment(const Environment& environment, Collector& collector, std::vector<std::string>& warnings) {
  if (auto url = environment.find("DATABASE_URL"); url != environment.end() && !url->second.empty()) {
    collector.set(*find_key("database", "url"), Raw(url->second), "DATABASE_URL");
  }
  std::vector<std::string> names;
  for (const Key& key : keys()) {
    if (auto name = variable_of(key, "*")) names.push_back(*name);
  }
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(prefix) || text.empty()) continue;
    if (std::find(std::begin(other_variables), std::end(other_variables), name) != std::end(other_variables)) continue;
    if (auto key = find_variable(name)) {
      collector.set(*key, parse_text(*key->key, text), name);
    } else {
      // Not an error: platforms inject variables of their own that begin with a service's name.
      warnings.push_back("the variable " + name + " means nothing here" + did_you_mean(name, names));
    }
  }
}

void read_flags(const std::vector<Flag>& flags, Collector& collector) {
  for (const Flag& flag : flags) {
    const std::size_t dot = flag.key.rfind('.');
    auto key = find_key(flag.key.substr(0, dot), flag.key.substr(dot + 1));
    assert(key && "a flag names a key that is not in the table");
    collector.set(*key, parse_text(*key->key, flag.value), flag.flag);
  }
}

}  // namespace

Result<Loaded> load(const Sources& sources) {
  Loaded loaded;
  Collector collector(loaded);
  if (sources.file) read_file(*sources.file, collector);
  read_environment(sources.environment, collector, loaded.warnings);
  read_flags(sources.flags, collector);
  if (collector.errors().empty()) collector.errors() = apply_rules(loaded, sources.environment);
  if (collector.errors().empty()) return loaded;
  std::string message;
  for (const std::string& line : collector.errors()) message += (message.empty() ? "" : "\n") + line;
  return Error{Errc::invalid_argument, message};
}

std::optional<std::string> find_file(const std::string& from_flag, const Environment& environment) {
  if (!from_flag.empty()) return from_flag;
  if (auto named = environment.find("REPARTEE_CONFIG"); named != environment.end() && !named->second.empty()) return named->second;
  std::error_code ignored;
  if (std::filesystem::exists("repartee.toml", ignored)) return "repartee.toml";
  return std::nullopt;
}

Environment environment_of(const char* const* envp) {
  Environment environment;
  for (; envp && *envp; ++envp) {
    const std::string_view entry = *envp;
    const std::size_t equals = entry.find('=');
    if (equals != entry.npos) environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

log::Options Log::options() const {
  log::Options result;
  result.level = level == "debug"   ? log::Level::debug
                 : level == "warn"  ? log::Level::warn
                 : level == "error" ? log::Level::error
                                    : log::Level::info;
  result.format = format == "json" ? log::Format::json : log::Format::text;
  return result;
}

}  // namespace repartee::config
