// The least that could hold the same calls: an epoll loop with just enough of RFC 6455 and of our events for bench_load to hold its
// conversations. It answers when the packets say that a caller was silent for 500 ms, sends as many packets of the same size as the server,
// in the same time, and as many bytes of events. With `works` it also does what each call needs: decoding, VAD, encoding. It trusts its one
// client: loopback, well-formed frames, masked as the client masks them. Thread contract: run() blocks; one thread.
#pragma once
#include <atomic>
#include <memory>

#include "bench/floor/material.hpp"
#include "bench/floor/work.hpp"

namespace repartee::bench {

struct BareOptions {
  int port = 0;
  bool works = false;  // false: sockets alone; packets are sent that were made before
  int complexity = 5;
  std::size_t reply_packets = 252;                    // 84 characters of 60 ms
  std::size_t events_a_turn = 30, event_bytes = 400;  // fillers that stand for the server's events
  std::filesystem::path models_dir;
};

class BareServer {
 public:
  static Result<std::unique_ptr<BareServer>> make(const BareOptions& options, const FloorMaterial& material);
  ~BareServer();
  void run(const std::atomic<bool>& is_stopping);

 private:
  class Call;
  struct Impl;
  explicit BareServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repartee::bench
