// What the configuration asks of the machine, looked at before a server is started: models, database, port, certificate, directories.
// Thread contract: one thread; blocking (a database URL is connected to).
#pragma once
#include <string>
#include <vector>

#include "config/settings.hpp"

namespace repartee::commands {

struct Finding {
  enum class Level { ok, warning, error };
  Level level = Level::ok;
  std::string text;
};
using Findings = std::vector<Finding>;

Findings check_models(const config::Settings& settings);
Findings check_database(const config::Settings& settings);
Findings check_listening(const config::Server& server);
Findings check_directories(const config::Server& server);
Findings check_storage(const config::Storage& storage);
Findings check_prices(const config::Settings& settings);

Findings check_all(const config::Settings& settings);

}  // namespace repartee::commands
