// What a process has spent, from /proc (proc(5)).
// Thread contract: pure but for reading /proc.
#pragma once
#include <sys/types.h>
#include <map>
#include <string>
#include <vector>

namespace repartee::bench {

struct ProcessUsage {
  bool is_known = false;
  double cpu_s = 0;  // user and system, ended threads included
  double system_s = 0;
  double resident_kb = 0;
  std::vector<int> cpus;                          // where it may run, if not everywhere: those it was pinned to
  double cpus_busy_s = 0;                         // of these, everybody's, interrupts included
  std::map<std::string, double> cpu_s_by_thread;  // by name, equal names added; threads that ended are missing
};
ProcessUsage process_usage(pid_t pid);

double machine_busy_s();  // of all cores, everybody's

}  // namespace repartee::bench
