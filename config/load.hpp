// Makes Settings from three sources, later ones winning: a TOML file, the environment (REPARTEE_SECTION_KEY, and DATABASE_URL), flags.
// Every mistake is reported at once, each with its place: "repartee.toml:12: ...", "REPARTEE_TTS_PROVIDER: ...", "--listen: ...".
// Thread contract: pure but for reading the file.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "core/result.hpp"

namespace repartee::config {

using Environment = std::map<std::string, std::string>;

struct Flag {
  std::string key;    // "server.listen"
  std::string value;  // as typed
  std::string flag;   // "--listen", for messages
};

struct Sources {
  std::optional<std::string> file;  // must exist when given
  Environment environment;
  std::vector<Flag> flags;
};

struct Loaded {
  Settings settings;
  std::map<std::string, std::string> origins;  // key -> "repartee.toml:12", "REPARTEE_...", "--listen"; absent: the default
  std::vector<std::string> warnings;           // such as a REPARTEE_ variable that means nothing
};

Result<Loaded> load(const Sources& sources);

// The file that --config or REPARTEE_CONFIG names, else ./repartee.toml where there is one.
std::optional<std::string> find_file(const std::string& from_flag, const Environment& environment);

Environment environment_of(const char* const* envp);

// The committed config/default.toml: every key, its meaning, its default.
std::string default_toml();

struct Effective {
  std::string key, value, origin;  // secrets are "***"; origin "default" where nothing set it
};
std::vector<Effective> effective(const Loaded& loaded);

struct ListenAddress {
  std::string address;  // an IP address, no brackets
  std::uint16_t port = 0;
  bool loopback = false;
};
// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "0.0.0.0:80".
Result<ListenAddress> parse_listen(std::string_view text);

}  // namespace repartee::config
