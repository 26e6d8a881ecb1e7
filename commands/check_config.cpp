// Shows the configuration in force, each value with its origin, then what of it will not work here.
#include <iomanip>
#include <iostream>

#include "commands/checks.hpp"
#include "commands/commands.hpp"

namespace repartee::commands {

namespace {

void print_settings(const config::Loaded& loaded) {
  constexpr int key_columns = 44, value_columns = 28;
  for (const config::Effective& one : config::effective(loaded)) {
    std::cout << std::left << std::setw(key_columns) << one.key << " = " << std::setw(value_columns) << one.value << "  " << one.origin
              << "\n";
  }
}

const char* word(Finding::Level level) {
  switch (level) {
    case Finding::Level::ok: return "ok       ";
    case Finding::Level::warning: return "warning  ";
    case Finding::Level::error: return "error    ";
  }
  return "";
}

}  // namespace

int check_config(const config::Loaded& loaded) {
  print_settings(loaded);
  Findings findings = check_all(loaded.settings);
  for (const std::string& warning : loaded.warnings) findings.push_back({Finding::Level::warning, warning});
  std::cout << "\n";
  int errors = 0;
  for (const Finding& finding : findings) {
    std::cout << word(finding.level) << finding.text << "\n";
    errors += finding.level == Finding::Level::error;
  }
  std::cout << (errors == 0 ? "the configuration is fine" : std::to_string(errors) + " errors: the server would not start") << std::endl;
  return errors == 0 ? exit_ok : exit_failure;
}

}  // namespace repartee::commands
