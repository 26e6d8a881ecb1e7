// What SIGHUP does: the configuration is read again, what can change in a running server changes, and what cannot is said. Certificates are
// also looked at now and then: a renewed file is taken without a signal.
// Thread contract: the main thread.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace repartee::commands {

class Reload {
 public:
  // Something that takes new settings while it runs. An error leaves it as it was.
  struct Part {
    std::vector<std::string> keys;             // beginnings of the keys that it makes true: "prices.", "log.level"
    std::function<Status(const config::Settings&)> apply;
  };
  using Load = std::function<Result<config::Loaded>()>;

  Reload(config::Loaded in_force, Load load_again, std::vector<Part> parts);

  void run();                                  // SIGHUP
  // Calls `take` when one of the files was changed since; the first time only remembers them.
  void watch(const std::vector<std::string>& files, const std::function<Status()>& take);

 private:
  bool is_applied(const std::string& key) const;

  config::Loaded in_force_;
  const Load load_again_;
  const std::vector<Part> parts_;
  std::vector<std::filesystem::file_time_type> seen_;
};

}  // namespace repartee::commands
