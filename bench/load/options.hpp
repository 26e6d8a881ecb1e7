// The command-line options that bench_load and bench_ramp share.
// Thread contract: values only.
#pragma once
#include <sys/types.h>

#include <string>

#include "bench/load/fleet.hpp"

namespace CLI {
class App;
}

namespace repartee::bench {

struct LoadOptions {
  std::string url = "ws://127.0.0.1:8080/v1/realtime", format = "opus", json_file;
  FleetOptions fleet;
  CallerOptions caller;
  SpeechOptions speech;
  int pause_ms = 4000, patience_ms = 5000, on_time_ms = 1000;
  unsigned seed = 1;
  pid_t server_pid = 0;
};

void add_options(CLI::App& app, LoadOptions& options);
// After parsing: what follows from the options. Errors: invalid_argument, among others for a host beyond loopback.
Status complete(LoadOptions& options);

}  // namespace repartee::bench
