// The second tier: one PostgreSQL table for each kind that outlives a process (embedding_cache, vector_search_cache, llm_response_cache,
// tts_audio_cache), shared by all nodes, under row-level security: a user's rows are read and written as that user.
// Reading threads take all the keys that wait at the moment and ask for them in one statement; one thread writes. Queues are bounded: what
// does not fit is a miss or is not kept.
// The database given should be a pool of its own (see cache_database_options) with short timeouts. Commits do not wait for the
// disk: a crash may lose the last values, which costs nothing but time.
// Thread contract: every member from any thread; sweep() blocks, the others do not. Callbacks run on L2's threads, each exactly once.
#pragma once
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "cache/second_tier.hpp"
#include "core/bounded_queue.hpp"
#include "core/metrics.hpp"
#include "persistence/database.hpp"

namespace repartee::cache {

class L2 final : public SecondTier {
 public:
  struct Options {
    std::string node = "local";  // what it calls itself in events
    std::size_t readers = 2;
    std::size_t reads_waiting_max = 4096;
    std::size_t writes_waiting_max = 4096;
    std::size_t write_bytes_waiting_max = 64 * 1024 * 1024;
    std::size_t batch_max = 64;       // keys a statement
    std::int64_t rows_max = 100'000;  // of each table; kept by sweep()
    std::int64_t bytes_max = 2LL * 1024 * 1024 * 1024;
    Duration sweep_interval = std::chrono::minutes(10);  // zero: only sweep()
  };
  L2(persistence::Database& database, Policies policies, Options options, Metrics& metrics);
  ~L2() override;  // what waits to be written is written, what waits to be read is answered as cancelled

  void get(Kind kind, std::string key, std::function<void(Result<std::optional<StoredValue>>)> done) override;
  void put(Kind kind, std::string key, Bytes value, Duration ttl) override;
  void add_hits(Kind kind, std::string key, int hits) override;
  void remove_prefix(std::string prefix) override;
  void most_used(Kind kind, std::size_t entries_max, std::size_t bytes_max,
                 std::function<void(std::string key, StoredValue value)> each) override;

  Result<std::int64_t> sweep();                // what expired, and what is beyond the limits; how many rows went
  bool wait_until_written(Duration patience);  // everything submitted so far

  static constexpr const char* channel = "repartee_cache";  // events: "node prefix"

 private:
  using Found = std::function<void(Result<std::optional<StoredValue>>)>;
  struct Read {
    Kind kind;
    std::string key;
    Found done;
    TimePoint asked;
  };
  struct Put {
    Kind kind;
    std::string key;
    Bytes value;
    Duration ttl;
  };
  struct Hits {
    Kind kind;
    std::string key;
    int hits;
  };
  struct Remove {
    std::string prefix;
  };
  struct MostUsed {
    Kind kind;
    std::size_t entries_max, bytes_max;
    std::function<void(std::string, StoredValue)> each;
  };
  using HitsByKey = std::map<std::string, std::int64_t>;
  using Write = std::variant<Put, Hits, Remove, MostUsed>;

  void read();
  void answer(std::vector<Read> reads);  // of one kind and owner
  void write();
  void submit(Write write, const char* what);
  Status do_put(const Put& put);
  Status do_hits(Kind kind, const std::string& owner, const HitsByKey& hits);
  Status do_remove(const Remove& remove);
  Status do_most_used(const MostUsed& wanted);
  void note(const Status& status, const char* what);
  std::optional<std::string> unpacked(Kind kind, std::string_view hex) const;

  persistence::Database& database_;
  const Policies policies_;
  const Options options_;
  Counter& hits_;
  Counter& misses_;
  Counter& errors_;
  Counter& dropped_;
  Counter& written_;
  Histogram& read_seconds_;
  BoundedQueue<Read> reads_;
  BoundedQueue<Write> writes_;
  std::atomic<std::size_t> write_bytes_waiting_{0};
  std::atomic<bool> failing_{false};  // logged once until it works again
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t submitted_ = 0, settled_ = 0;  // under mutex_
  std::vector<std::thread> threads_;
};

// Removes what begins with the prefix from the tables, and tells every node; how many rows went. For an operator. Blocking.
Result<std::int64_t> remove_everywhere(persistence::Database& database, const std::string& prefix);

// What a pool for a cache needs: connections for the readers and the writer, short patience.
persistence::Database::Options cache_database_options(const L2::Options& options);

}  // namespace repartee::cache
