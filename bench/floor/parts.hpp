// What the parts of a call cost by themselves: as many calls as asked for, packet by packet in the order of time, without sockets, and the
// CPU time of each part taken around all calls' share of 20 ms.
// Thread contract: blocks; one thread.
#pragma once
#include <filesystem>

#include "bench/floor/material.hpp"

namespace repartee::bench {

struct PartsOptions {
  std::size_t calls = 100;
  double agents_talk = 0.4, callers_talk = 0.25;  // shares of the time
  int complexity = 5;
  int audio_s = 20;  // as much of each call is gone through
  std::filesystem::path models_dir;
};

struct Parts {  // CPU a call: percent of a core
  double decode = 0, vad = 0, encode = 0;
  double decode_us = 0, window_us = 0, encode_us = 0;  // of one packet, window, packet
};

Result<Parts> measure_parts(const PartsOptions& options, const FloorMaterial& material);

}  // namespace repartee::bench
