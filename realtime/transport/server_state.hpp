// What the connections of one server share, and what those of one loop share.
// Thread contract: ServerState is set up before the first connection and then read from any thread; a LoopState belongs to its loop.
#pragma once
#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "realtime/transport/address_counts.hpp"
#include "realtime/transport/server.hpp"
#include "realtime/transport/websocket_engine.hpp"

namespace repartee::transport {

class Connection;

struct TransportMetrics {
  explicit TransportMetrics(Metrics& metrics);
  void count_response(int status);

  Counter* responses_by_class[5];  // 1xx .. 5xx
  Gauge& connections;
  Gauge& peers;
  Counter& messages_in;
  Counter& messages_out;
  Counter& bytes_in;
  Counter& bytes_out;
  Counter& slow_peers;
};

// The certificate of now; may be replaced while connections are made with it.
// Thread contract: any thread.
class TlsInUse {
 public:
  using Context = std::shared_ptr<boost::asio::ssl::context>;
  void replace(Context context) {
    std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }
  operator Context() const {
    std::lock_guard lock(mutex_);
    return context_;
  }
  explicit operator bool() const { return Context(*this) != nullptr; }

 private:
  mutable std::mutex mutex_;
  Context context_;
};

struct LoopState {
  LoopState(AsioLoop& l, const Options& options) : loop(l), engine({options.message_bytes_max, "repartee"}) {}
  AsioLoop& loop;
  WebsocketEngine engine;
  std::unordered_set<std::shared_ptr<Connection>> connections;
};

struct ServerState {
  ServerState(Options o, Handlers h, Metrics& m) : options(std::move(o)), handlers(std::move(h)), metrics(m), addresses(options.connections_per_address_max) {}
  void forget(const std::string& address) {  // a connection is gone
    addresses.leave(address);
    connections.fetch_sub(1);
  }
  const Options options;
  const Handlers handlers;
  TransportMetrics metrics;
  AddressCounts addresses;
  TlsInUse tls;  // empty: plain
  std::vector<std::unique_ptr<LoopState>> loops;
  std::atomic<std::size_t> connections{0};
  const std::shared_ptr<std::atomic<std::size_t>> large_bodies = std::make_shared<std::atomic<std::size_t>>(0);  // being read or worked on
  std::atomic<bool> stopping{false};  // no new connections
};

}  // namespace repartee::transport
