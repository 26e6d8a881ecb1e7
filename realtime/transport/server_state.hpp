// What the connections of one server share, and what those of one loop share.
// Thread contract: ServerState is set up before the first connection and then read from any thread; a LoopState belongs to its loop.
#pragma once
#include <array>
#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>
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

// Write buffers, lent to the connections of a loop while they have something to write: silent ones hold none.
class BufferPool {
 public:
  static constexpr std::size_t buffers_max = 64, kept_bytes_max = 8 * 1024;  // what a burst made more or bigger is freed
  std::string take() {
    if (idle_.empty()) return {};
    std::string buffer = std::move(idle_.back());
    idle_.pop_back();
    return buffer;
  }
  void give_back(std::string& buffer) {
    const bool has_memory = buffer.capacity() > std::string().capacity();
    if (has_memory && buffer.capacity() <= kept_bytes_max && idle_.size() < buffers_max) {
      buffer.clear();
      idle_.push_back(std::move(buffer));
    }
    buffer = {};
  }

 private:
  std::vector<std::string> idle_;
};

struct ServerState;

struct LoopState {
  LoopState(AsioLoop& l, const Options& options) : loop(l), engine({options.message_bytes_max, "repartee"}) {}
  // What the connection has to write leaves at the end of this turn of the loop, together with everybody else's.
  void flush_later(std::shared_ptr<ServerState> server, std::shared_ptr<Connection> connection);
  void flush_all();

  AsioLoop& loop;
  WebsocketEngine engine;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::array<char, 16 * 1024> read_buffer;  // whoever reads from a plain socket uses it, and is done with it before the next
  BufferPool write_buffers;
  std::vector<std::shared_ptr<Connection>> to_flush, flushing;
  bool flush_posted = false;
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
