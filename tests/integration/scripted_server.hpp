// For tests of everything but the engines: servers that are started while this lives have scripted ones, and two loops.
#pragma once
#include <cstdlib>
#include <utility>

#include "tests/integration/server_process.hpp"

namespace repartee::test {

class ScriptedEngines {
 public:
  ScriptedEngines() {
    for (const auto& [name, value] : variables) setenv(name, value, 1);
  }
  ~ScriptedEngines() {
    for (const auto& [name, value] : variables) unsetenv(name);
  }
  ScriptedEngines(const ScriptedEngines&) = delete;
  ScriptedEngines& operator=(const ScriptedEngines&) = delete;

 private:
  static constexpr std::pair<const char*, const char*> variables[] = {{"REPARTEE_ASR_PROVIDER", "scripted"},
                                                                      {"REPARTEE_LLM_PROVIDER", "scripted"},
                                                                      {"REPARTEE_TTS_PROVIDER", "scripted"},
                                                                      {"REPARTEE_SERVER_THREADS", "2"}};
};

}  // namespace repartee::test
