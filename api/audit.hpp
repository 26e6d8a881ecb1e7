// The audit log's lines of HTTP: what was refused (401, 403, 429, and ids that are not there or another's, 404), and what reveals or
// changes something. Of one address at most so many refusals a minute get a line; the rest are counted, and the next line says how many
// there were, so that a flood of bad requests does not become a flood of rows.
// Thread contract: every member from any thread.
#pragma once
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/router.hpp"
#include "core/metrics.hpp"
#include "core/records.hpp"

namespace repartee::api {

class AuditTrail {
 public:
  static constexpr std::size_t path_bytes_max = 200, agent_bytes_max = 256;
  struct Options {
    int refusals_max = 30;  // lines an address and minute
    std::size_t addresses_max = 4096;
    std::string anonymous_user_id;  // whose deeds those of callers without a key are
  };
  using Record = std::function<bool(AuditRecord line)>;  // never blocks
  AuditTrail(Record record, Options options, Metrics& metrics);

  void note(const Answered& answered, TimePoint now);

 private:
  struct Refusals {
    TimePoint since{};
    int lines = 0, untold = 0;
  };
  // How many refusals had no line since the last; none: this one has none either.
  std::optional<int> room_for_refusal(const std::string& address, TimePoint now);

  const Record record_;
  const Options options_;
  Counter& lines_;
  Counter& untold_;
  std::mutex mutex_;
  std::unordered_map<std::string, Refusals> refusals_;
};

}  // namespace repartee::api
